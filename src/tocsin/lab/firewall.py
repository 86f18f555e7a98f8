"""The firewall at the edge: CEF in syslog lines, in the words of PAN-OS."""

from random import Random
from typing import NamedTuple

from tocsin.lab.hosts import Route
from tocsin.lab.stamps import cef, syslog
from tocsin.lab.write import LogFiles, Where

NAME = "fw01"
FILE = "firewall-cef.log"
EGRESS = "192.0.2.10"
"""The address that the enterprise has on the outside."""
_INSIDE = "10."


class Traffic(NamedTuple):
    """A session as the firewall counts it; `app` is what it took it for."""

    app: str
    sent: int
    received: int
    seconds: int
    allowed: bool = True
    proto: str = "tcp"


def inside(address: str) -> bool:
    """Whether an address is one of the enterprise's own."""
    return address.startswith(_INSIDE)


class Firewall:
    """Writes one line for each session that crosses the edge."""

    def __init__(self, files: LogFiles, utc_offset: int, random: Random, *, on: bool) -> None:
        self._files = files
        self._offset = utc_offset
        self._random = random
        self.on = on
        """Whether anybody keeps these logs."""

    def write(self, route: Route, traffic: Traffic, at: int) -> None:
        """The end of a session, or its refusal, at `at` (us UTC)."""
        if not self.on or (inside(route.source) and inside(route.target)):
            return
        outward = inside(route.source)
        kind, act, severity = ("end", "allow", 1) if traffic.allowed else ("deny", "deny", 3)
        session = self._random.randrange(1, 1 << 22)
        rule = _rule(traffic, outward=outward)
        packets = (traffic.sent + traffic.received) // 900 + 2
        zones = ("trust", "untrust") if outward else ("untrust", "trust")
        fields = {
            "rt": cef(at),
            "deviceExternalId": "013101004417",
            "src": route.source,
            "dst": route.target,
            "sourceTranslatedAddress": EGRESS if outward and traffic.allowed else "0.0.0.0",  # noqa: S104 (how the device says: none)
            "cs1Label": "Rule",
            "cs1": rule,
            "app": traffic.app,
            "cs4Label": "Source Zone",
            "cs4": zones[0],
            "cs5Label": "Destination Zone",
            "cs5": zones[1],
            "deviceInboundInterface": "ethernet1/2" if outward else "ethernet1/1",
            "deviceOutboundInterface": "ethernet1/1" if outward else "ethernet1/2",
            "cn1Label": "SessionID",
            "cn1": session,
            "cnt": 1,
            "spt": route.source_port,
            "dpt": route.port,
            "proto": traffic.proto,
            "act": act,
            "in": traffic.received,
            "out": traffic.sent,
            "cn2Label": "Packets",
            "cn2": packets,
            "cn3Label": "Elapsed time in seconds",
            "cn3": traffic.seconds,
            "reason": "tcp-fin" if traffic.allowed else "policy-deny",
            "dvchost": NAME,
        }
        extension = " ".join(f"{name}={value}" for name, value in fields.items())
        head = f"<14>{syslog(at, self._offset)} {NAME} "
        text = f"CEF:0|Palo Alto Networks|PAN-OS|10.2.8|{kind}|TRAFFIC|{severity}|{extension}\n"
        where = Where("firewall", NAME, "TRAFFIC", kind)
        self._files.line(FILE, (head + text).encode(), at, where)


def _rule(traffic: Traffic, *, outward: bool) -> str:
    if not traffic.allowed:
        return "cleanup-deny" if outward else "interzone-default"
    if not outward:
        return "inbound-published"
    return "outbound-web" if traffic.app in ("ssl", "web-browsing", "dns") else "outbound-other"
