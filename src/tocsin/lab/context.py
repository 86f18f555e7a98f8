"""What the simulated enterprise knows of itself, as the tables that `tocsin context load` takes.

The files are named by what they are loaded as: `assets.csv` and so on; the enterprise is as it is
from the beginning, so that any stretch of its life can be read with them.
"""

import csv
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from tocsin.lab.enterprise import Enterprise
from tocsin.lab.hosts import Host, RandomFor, equip
from tocsin.lab.people import (
    AUTOMATION_ACCOUNT,
    BACKUP_ACCOUNT,
    BUILD_ACCOUNT,
    DEPLOY_ACCOUNT,
    DNS_DOMAIN,
    LEDGER_ACCOUNT,
    PRIVILEGED,
    SCAN_ACCOUNT,
    SYNC_ACCOUNT,
    Account,
    Person,
)
from tocsin.lab.staff import NETS

Row = tuple[str, ...]

_ZONE = "Europe/Berlin"
_SERVICES = (
    ("files", "Shared files", "operations", "high", "mon-fri 06:00-20:00", "gold", "60", ""),
    ("directory", "Directory and logon", "operations", "critical", "", "platinum", "15", ""),
    ("orders", "Order entry", "trading", "critical", "mon-fri 07:00-22:00", "platinum", "15",
     "PCI DSS"),
    ("imaging", "Medical imaging", "imaging", "critical", "", "platinum", "15", "HIPAA"),
    ("backup", "Backup", "operations", "high", "", "gold", "240", ""),
    ("build", "Builds and source code", "engineering", "medium", "mon-fri 08:00-20:00", "silver",
     "480", ""),
)  # fmt: skip
_NEEDED = {
    "DC01": "directory", "DC02": "directory", "SYNC01": "directory", "FS01": "files",
    "FS02": "files", "APP01": "orders", "APP02": "orders", "PACS01": "imaging",
    "MOD-CT1": "imaging", "MOD-MR1": "imaging", "BK01": "backup", "lnx-git01": "build",
    "lnx-build01": "build", "lnx-db01": "orders", "lnx-web01": "orders",
}  # fmt: skip
_CRITICALITY = {"directory": "critical", "orders": "critical", "imaging": "critical",
                "files": "high", "backup": "high", "build": "medium"}  # fmt: skip
_JEWELS = ("DC01", "DC02", "BK01", "APP02", "PACS01", "lnx-db01")
_EXPOSED = ("lnx-web01", "lnx-jump01")
_SCANNER = "SCAN01"
_WEAK = (
    ("lnx-web01", "CVE-2021-44228", "Remote code execution in a logging library"),
    ("FS01", "CVE-2020-1472", "Elevation of privilege over Netlogon"),
    ("DC01", "CVE-2020-1472", "Elevation of privilege over Netlogon"),
    ("APP01", "CVE-2017-0144", "Remote code execution in file sharing"),
    ("lnx-jump01", "CVE-2021-4034", "Local elevation of privilege in polkit"),
)
_SERVERS_NET, _LINUX_NET = "10.20.1.0/24", "10.20.2.0/24"
_SERVICE_ACCOUNTS = (
    BACKUP_ACCOUNT, SCAN_ACCOUNT, DEPLOY_ACCOUNT, BUILD_ACCOUNT, AUTOMATION_ACCOUNT, SYNC_ACCOUNT,
    LEDGER_ACCOUNT,
)  # fmt: skip


def write_context(folder: Path, enterprise: Enterprise, seed: int, start: int) -> list[Path]:
    """Write the tables of the enterprise into `folder`; returns their paths in order of loading."""
    folder.mkdir(parents=True, exist_ok=True)
    hosts = equip(enterprise.people, RandomFor(seed, start))
    return [_write(folder / f"{name}.csv", rows(enterprise, hosts)) for name, rows in _TABLES]


def _write(path: Path, rows: Iterable[Row]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out, lineterminator="\n").writerows(rows)
    return path


def _units(enterprise: Enterprise, _: dict[str, Host]) -> Iterator[Row]:
    yield ("name", "owner")
    for unit in sorted({"operations", *(person.unit for person in enterprise.people)}):
        head = next((one for one in enterprise.people if one.unit == unit), None)
        yield (unit, head.title if head else "")


def _services(*_: Any) -> Iterator[Row]:
    yield ("id", "name", "owner", "unit", "criticality", "hours", "zone", "level", "minutes",
           "scopes")  # fmt: skip
    for key, name, unit, criticality, hours, level, minutes, scopes in _SERVICES:
        yield (key, name, f"{unit} lead", unit, criticality, hours, _ZONE, level, minutes, scopes)


def _zones(*_: Any) -> Iterator[Row]:
    yield ("name", "networks", "unit", "exposed")
    yield ("servers", _SERVERS_NET, "operations", "no")
    yield ("linux", _LINUX_NET, "operations", "no")
    yield ("modalities", "10.20.45.0/24", "imaging", "no")
    for unit, net in NETS.items():
        yield (f"{unit} clients", f"10.20.{net}.0/24; 10.20.{net + 1}.0/24", unit, "no")


def _assets(enterprise: Enterprise, hosts: dict[str, Host]) -> Iterator[Row]:
    owners = {person.workstation: person.title for person in enterprise.people}
    yield ("name", "fqdn", "ip", "role", "unit", "owner", "criticality", "exposed", "services")
    for host in hosts.values():
        service = _NEEDED.get(host.name, "")
        yield (
            host.name,
            host.full_name,
            host.address,
            host.kind,
            host.unit,
            owners.get(host.name, "operations"),
            _CRITICALITY.get(service, "low" if host.kind == "workstation" else "medium"),
            "yes" if host.name in _EXPOSED else "no",
            service,
        )


def _identities(enterprise: Enterprise, _: dict[str, Host]) -> Iterator[Row]:
    yield ("sid", "account", "upn", "mail", "name", "kind", "role", "unit", "owner")
    for person in enterprise.people:
        yield _account(person.account, person, person.title, "person")
        if person.admin is not None:
            yield _account(person.admin, person, f"{person.title} (administration)", "person")
    for account in _SERVICE_ACCOUNTS:
        yield (account.sid, account.full, "", "", account.name, "service", "", "operations",
               "operations lead")  # fmt: skip


def _account(account: Account, person: Person, title: str, kind: str) -> Row:
    first = account is person.account
    upn = f"{account.name}@{DNS_DOMAIN}"
    mail = person.mail if first else ""
    return (account.sid, account.full, upn, mail, title, kind, person.role, person.unit, "")


def _roles(*_: Any) -> Iterator[Row]:
    yield ("name", "criticality", "privileged")
    for name in sorted(PRIVILEGED):
        yield (name, "high", "yes")
    yield ("management", "high", "no")
    yield ("domain controller", "critical", "yes")


def _watchlist(enterprise: Enterprise, hosts: dict[str, Host]) -> Iterator[Row]:
    yield ("list", "kind", "subject", "owner", "reason")
    for person in enterprise.people:
        if person.role == "management":
            yield ("vips", "user", person.account.full, "soc", "member of the board")
    for name in _JEWELS:
        if name in hosts:
            yield ("crown-jewels", "host", hosts[name].full_name, "soc", "what must not be lost")
    yield ("scanners", "host", hosts[_SCANNER].full_name, "soc", "scans at night")
    yield ("scanners", "address", hosts[_SCANNER].address, "soc", "scans at night")
    yield ("scanners", "user", SCAN_ACCOUNT.full, "soc", "scans at night")


def _vulnerabilities(_: Enterprise, hosts: dict[str, Host]) -> Iterator[Row]:
    yield ("host", "ip", "cve", "title", "scanner")
    for name, cve, title in _WEAK:
        if name in hosts:
            yield (hosts[name].full_name, hosts[name].address, cve, title, _SCANNER)


_TABLES: tuple[tuple[str, Callable[[Enterprise, dict[str, Host]], Iterator[Row]]], ...] = (
    ("units", _units),
    ("roles", _roles),
    ("services", _services),
    ("zones", _zones),
    ("assets", _assets),
    ("identities", _identities),
    ("watchlist", _watchlist),
    ("vulnerabilities", _vulnerabilities),
)
