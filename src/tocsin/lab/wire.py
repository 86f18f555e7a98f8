"""What goes over the network, as the sensor at the core and the firewall at the edge see it.

Whoever opens a connection gets a `Route`; the records of the machines at both ends name the same
addresses and ports.
"""

from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

from tocsin.lab.firewall import Firewall, Traffic
from tocsin.lab.hosts import Host, RandomFor, Route
from tocsin.lab.people import DNS_DOMAIN
from tocsin.lab.stamps import epoch
from tocsin.lab.write import LogFiles
from tocsin.lab.zeek import ZeekLogs

_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_REALM = DNS_DOMAIN.upper()
_CIPHERS = {"0x12": "aes256-cts-hmac-sha1-96", "0x17": "rc4-hmac"}
_SERVICES = {
    53: "dns",
    80: "http",
    88: "krb_tcp",
    389: "ldap_tcp",
    443: "ssl",
    445: "gssapi,smb",
    22: "ssh",
    3389: "rdp",
    135: "dce_rpc",
}
_APPS = {
    53: "dns",
    80: "web-browsing",
    443: "ssl",
    22: "ssh",
    25: "smtp",
    445: "ms-ds-smb",
    3389: "ms-rdp",
}
_HISTORY = {
    "SF": "ShADadFf",
    "S0": "S",
    "REJ": "Sr",
    "RSTO": "ShADadR",
    "S1": "ShADad",
    "RSTR": "ShADadr",
}
_HOURS_10 = 36_000


class Amount(NamedTuple):
    """What goes over a connection. None: as usual for such a connection."""

    sent: int | None = None
    received: int | None = None
    seconds: float | None = None
    state: str = "SF"
    proto: str = "tcp"


_USUAL = Amount()


class Wire:
    """The network: gives out ports and tells the sensors. Times are microseconds UTC."""

    def __init__(
        self,
        files: LogFiles,
        random_for: RandomFor,
        stamp: Callable[[], int],
        on: frozenset[str],
        utc_offset: int,
        *,
        tsv: bool = False,
    ) -> None:
        self._stamp = stamp
        self._ports = random_for("ports")
        self._random = random_for("wire")
        self.zeek = ZeekLogs(files, stamp, on="zeek" in on, tsv=tsv)
        self.firewall = Firewall(files, utc_offset, random_for("firewall"), on="firewall" in on)

    def port(self) -> int:
        """A port that a client takes."""
        return self._ports.randrange(49_152, 65_535)

    def open(self, source: str, target: str, port: int, amount: Amount = _USUAL) -> Route:
        """A connection from `source` to `target`:`port`, told by both sensors."""
        spt = self.port()
        if source == target or not (self.zeek.on or self.firewall.on):
            return Route("", source, spt, target, port)
        route = Route(_uid(self._random), source, spt, target, port)
        self._tell(route, amount)
        return route

    def _tell(self, route: Route, amount: Amount) -> None:
        draw = self._random
        whole = amount.state not in ("S0", "REJ")
        sent = draw.randint(300, 9_000) if amount.sent is None else amount.sent
        received = draw.randint(800, 90_000) if amount.received is None else amount.received
        seconds = draw.expovariate(1 / 8) if amount.seconds is None else amount.seconds
        if not whole:
            sent, received, seconds = 0, 0, 0.0
        record = _conn(route, amount, (sent, received, seconds))
        self.zeek.write("conn", route, record)
        app = _APPS.get(route.port, f"unknown-{amount.proto}") if whole else "not-applicable"
        traffic = Traffic(app, sent, received, int(seconds), whole, amount.proto)
        self.firewall.write(route, traffic, self._stamp() if self.firewall.on else 0)

    def tls(self, route: Route, name: str) -> None:
        """A TLS handshake for the server `name`."""
        draw = self._random
        resumed = draw.random() < 0.4  # noqa: PLR2004 (share of resumed sessions)
        self.zeek.write(
            "ssl",
            route,
            {
                "version": "TLSv13",
                "cipher": "TLS_AES_256_GCM_SHA384",
                "curve": "x25519",
                "server_name": name,
                "resumed": resumed,
                "next_protocol": "h2",
                "established": True,
                "ssl_history": "CsiI" if resumed else "CsiIti",
            },
        )

    def http(self, route: Route, host: str, uri: str, agent: str, size: int, mime: str) -> None:
        """A page or file fetched in the clear, and the file itself."""
        fuid = f"F{_uid(self._random)[1:]}"
        self.zeek.write(
            "http",
            route,
            {
                "trans_depth": 1,
                "method": "GET",
                "host": host,
                "uri": uri,
                "version": "1.1",
                "user_agent": agent,
                "request_body_len": 0,
                "response_body_len": size,
                "status_code": 200,
                "status_msg": "OK",
                "tags": [],
                "resp_fuids": [fuid],
                "resp_mime_types": [mime],
            },
        )
        self.zeek.write(
            "files",
            route,
            {
                "fuid": fuid,
                "source": "HTTP",
                "depth": 0,
                "analyzers": [],
                "mime_type": mime,
                "duration": 0.2,
                "local_orig": False,
                "is_orig": False,
                "seen_bytes": size,
                "total_bytes": size,
                "missing_bytes": 0,
                "overflow_bytes": 0,
                "timedout": False,
            },
        )

    def dns(self, source: str, server: str, query: str, answers: list[str]) -> None:
        """A name looked up; without answers there is none of that name."""
        draw = self._random
        size = Amount(30 + len(query), 46 + 16 * len(answers), 0.004, proto="udp")
        route = self.open(source, server, 53, size)
        self.zeek.write(
            "dns",
            route,
            {
                "proto": "udp",
                "trans_id": draw.getrandbits(16),
                "rtt": round(draw.uniform(0.0004, 0.04), 6),
                "query": query,
                "qclass": 1,
                "qclass_name": "C_INTERNET",
                "qtype": 1,
                "qtype_name": "A",
                "rcode": 0 if answers else 3,
                "rcode_name": "NOERROR" if answers else "NXDOMAIN",
                "AA": False,
                "TC": False,
                "RD": True,
                "RA": True,
                "Z": 0,
                **({"answers": answers, "TTLs": [300.0] * len(answers)} if answers else {}),
                "rejected": False,
            },
        )

    def kerberos(
        self, source: str, controller: str, client: str, service: str, code: str = "0x12"
    ) -> Route:
        """A ticket asked for; `service` krbtgt is the first one, `code` its cipher or the error."""
        route = self.open(source, controller, 88, Amount(1_500, 1_700, 0.01))
        first = service.startswith("krbtgt")
        granted = code in _CIPHERS
        at = epoch(self._stamp()) if self.zeek.on else 0.0
        outcome = {"cipher": _CIPHERS[code]} if granted else {"error_msg": code}
        self.zeek.write(
            "kerberos",
            route,
            {
                "request_type": "AS" if first else "TGS",
                "client": f"{client}/{_REALM}",
                "service": f"krbtgt/{_REALM}" if first else service,
                "success": granted,
                **outcome,
                "till": round(at) + _HOURS_10,
                "forwardable": True,
                "renewable": True,
            },
        )
        return route

    def share(self, route: Route, server: Host, share: str) -> None:
        """A share mapped."""
        pipe = share == "IPC$"
        path = f"\\\\{server.full_name.lower()}\\{share}"
        kind = {"service": "IPC"} if pipe else {}
        self.zeek.write(
            "smb_mapping", route, {"path": path, **kind, "share_type": "PIPE" if pipe else "DISK"}
        )

    def file(self, route: Route, server: Host, share: str, name: str, action: str) -> None:
        """A file on a share; `action` is OPEN, WRITE, DELETE or RENAME."""
        if not self.zeek.on:
            return
        now = epoch(self._stamp())
        times = {f"times.{which}": now - 86_400 for which in ("accessed", "created", "changed")}
        self.zeek.write(
            "smb_files",
            route,
            {
                "action": f"SMB::FILE_{action}",
                "path": f"\\\\{server.full_name.lower()}\\{share}",
                "name": name,
                "size": self._random.randint(2_000, 4_000_000),
                "times.modified": now - 3_600,
                **times,
            },
        )

    def ntlm(self, route: Route, user: str, workstation: str, server: Host, *, good: bool) -> None:
        """A password checked by NTLM."""
        self.zeek.write(
            "ntlm",
            route,
            {
                "username": user,
                "hostname": workstation,
                "domainname": "NORTHQUAY",
                "server_nb_computer_name": server.name,
                "server_dns_computer_name": server.full_name.lower(),
                "success": good,
            },
        )

    def rpc(self, route: Route, pipe: str, endpoint: str, operation: str) -> None:
        """A remote procedure called through a named pipe."""
        self.zeek.write(
            "dce_rpc",
            route,
            {"rtt": 0.0008, "named_pipe": pipe, "endpoint": endpoint, "operation": operation},
        )

    def desktop(self, route: Route, user: str, client: str) -> None:
        """A remote desktop begun."""
        self.zeek.write(
            "rdp",
            route,
            {
                "cookie": user[:9],
                "result": "encrypted",
                "security_protocol": "HYBRID",
                "client_name": client,
                "cert_count": 0,
            },
        )

    def ssh(self, route: Route, *, good: bool, attempts: int = 1) -> None:
        """A secure shell begun, or refused."""
        self.zeek.write(
            "ssh",
            route,
            {
                "version": 2,
                "auth_success": good,
                "auth_attempts": attempts,
                "client": "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u2",
                "server": "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u2",
                "cipher_alg": "chacha20-poly1305@openssh.com",
                "mac_alg": "umac-128-etm@openssh.com",
                "compression_alg": "none",
                "kex_alg": "sntrup761x25519-sha512@openssh.com",
                "host_key_alg": "ssh-ed25519",
                "host_key": _fingerprint(route.target),
            },
        )


def _uid(random: Random) -> str:
    bits = random.getrandbits(102)
    return "C" + "".join(_LETTERS[(bits >> shift & 63) % 62] for shift in range(0, 102, 6))


def _fingerprint(address: str) -> str:
    octets = [int(part) for part in address.split(".")]
    return ":".join(f"{(octets[i % 4] * 37 + i * 11) % 256:02x}" for i in range(16))


def _conn(route: Route, amount: Amount, used: tuple[int, int, float]) -> dict[str, Any]:
    sent, received, seconds = used
    tcp = amount.proto == "tcp"
    whole = amount.state not in ("S0", "REJ")
    service = _SERVICES.get(route.port) if whole else None
    out, back = sent // 1_300 + (4 if tcp else 1), received // 1_300 + (4 if tcp else 1)
    if not whole:
        out, back = 1, 1 if amount.state == "REJ" else 0
    head = 40 if tcp else 28
    return {
        "proto": amount.proto,
        **({"service": service} if service else {}),
        **(
            {"duration": round(seconds, 6), "orig_bytes": sent, "resp_bytes": received}
            if whole
            else {}
        ),
        "conn_state": amount.state,
        "local_orig": route.source.startswith("10."),
        "local_resp": route.target.startswith("10."),
        "missed_bytes": 0,
        "history": _HISTORY[amount.state] if tcp else "Dd",
        "orig_pkts": out,
        "orig_ip_bytes": sent + out * head,
        "resp_pkts": back,
        "resp_ip_bytes": received + back * head,
    }
