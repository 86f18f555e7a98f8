"""Scan reports as facts: the hosts as assets, and what was found on each.

A report speaks only of the hosts in it: what it does not find there any more is gone, and of other
hosts it says nothing.
"""

from collections.abc import Iterable
from datetime import datetime

from tocsin.enrich.context.names import address_of, host_identifiers, mac_of
from tocsin.enrich.context.rows import Reading, unique
from tocsin.enrich.context.values import microseconds, text_of, time_of
from tocsin.formats.nessus import ScannedHost
from tocsin.model.content import Problem
from tocsin.model.context import Asset, Identifier, Record, Vulnerability, cves_in

SCANNER = "Nessus"
_NAMES = ("host-fqdn", "hostname", "netbios-name", "aws-instance-instanceId")
_TIMES = ("HOST_END_TIMESTAMP", "HOST_END", "HOST_START_TIMESTAMP", "HOST_START")


def scanned(where: str, hosts: Iterable[ScannedHost]) -> tuple[Reading, int | None]:
    """The records of a report, and when its last scan ended (us UTC), if it says so."""
    records: list[Record] = []
    problems: list[Problem] = []
    newest: int | None = None
    for number, host in enumerate(hosts, 1):
        place = f"{where} host {number}"
        identifiers = _identifiers(host)
        if not identifiers:
            problems.append(Problem(place, "a host without a name and an address", "error"))
            continue
        ended = _ended(host)
        newest = max(newest or 0, ended) if ended is not None else newest
        records += _records(host, identifiers, place, ended or 0)
    return unique(records, problems), newest


def _identifiers(host: ScannedHost) -> tuple[Identifier, ...]:
    tags = host.properties
    found = [one for name in _NAMES for one in host_identifiers(_last_name(tags.get(name, "")))]
    found += [
        Identifier("mac", mac)
        for one in tags.get("mac-address", "").split()
        if (mac := mac_of(one))
    ]
    if address := address_of(tags.get("host-ip", "")):
        found.append(Identifier("ip", address))
    found += host_identifiers(host.name)
    return tuple(dict.fromkeys(found))


def _last_name(text: str) -> str:
    r"""A NetBIOS name may stand behind its workgroup: `CORP\FS01`."""
    return text.rpartition("\\")[2].strip()


def _records(
    host: ScannedHost, identifiers: tuple[Identifier, ...], where: str, ended: int
) -> list[Record]:
    key = f"{identifiers[0].kind}:{identifiers[0].value}"
    named = next((one.value for one in identifiers if one.kind in ("fqdn", "host")), host.name)
    system = text_of(host.properties.get("operating-system", ""))
    found = [Record(key, Asset(identifiers, name=named, os=system), where, scope=key)]
    seen: set[str] = set()
    for item in host.items:
        for cve in (name for text in item.cves for name in cves_in(text)):
            if cve in seen:
                continue
            seen.add(cve)
            body = Vulnerability(
                identifiers, cve, text_of(item.title), item.severity.lower(), SCANNER, item.port,
                ended,
            )  # fmt: skip
            found.append(Record(f"{key}|{cve}", body, where, scope=key))
    return found


def _ended(host: ScannedHost) -> int | None:
    """When the scan of a host ended; times without a zone are UTC."""
    for name in _TIMES:
        text = host.properties.get(name, "")
        if text.isascii() and text.isdigit():
            return int(text) * 1_000_000
        try:
            if text:
                return _written(text)
        except ValueError:
            continue
    return None


def _written(text: str) -> int:
    """`Mon Nov 23 10:00:00 2026`, as Nessus writes it, or ISO 8601."""
    try:
        return microseconds(datetime.strptime(f"{text} +0000", "%a %b %d %H:%M:%S %Y %z"))
    except ValueError:
        return time_of(text)
