"""Who works at the simulated enterprise, when, and with which accounts."""

from typing import NamedTuple

WORKDAYS = (0, 1, 2, 3, 4)
"""Monday to Friday."""

DOMAIN = "NORTHQUAY"
DNS_DOMAIN = "northquay.example"
_AUTHORITY = "S-1-5-21-1870442312-602218493-3154820971"


class Account(NamedTuple):
    """A security principal as Windows names it."""

    name: str
    domain: str
    sid: str
    elevated: bool = False

    @property
    def full(self) -> str:
        """Domain and name with a backslash between."""
        return f"{self.domain}\\{self.name}"


def domain_account(name: str, rid: int, *, elevated: bool = False) -> Account:
    """An account of the enterprise's domain with relative id `rid`."""
    return Account(name, DOMAIN, f"{_AUTHORITY}-{rid}", elevated)


SYSTEM = Account("SYSTEM", "NT AUTHORITY", "S-1-5-18", elevated=True)
NETWORK_SERVICE = Account("NETWORK SERVICE", "NT AUTHORITY", "S-1-5-20")
NOBODY = Account("-", "-", "S-1-0-0")

BACKUP_ACCOUNT = domain_account("svc_backup", 1601, elevated=True)
SCAN_ACCOUNT = domain_account("svc_vulnscan", 1602)
DEPLOY_ACCOUNT = domain_account("svc_deploy", 1603, elevated=True)
BUILD_ACCOUNT = domain_account("svc_build", 1604)
AUTOMATION_ACCOUNT = domain_account("svc_automation", 1605, elevated=True)
SYNC_ACCOUNT = domain_account("MSOL_7d20c1f4a9be", 1606)
LEDGER_ACCOUNT = domain_account("svc_ledger", 1607)


class Person(NamedTuple):
    """One employee. Hours are local and fractional; `admin` is the second, privileged account.

    `days` are the weekdays worked (Monday is 0); part-time work has fewer.
    """

    account: Account
    unit: str
    role: str
    workstation: str
    begins: float
    ends: float
    admin: Account | None = None
    days: tuple[int, ...] = WORKDAYS

    @property
    def mail(self) -> str:
        """The name with which they sign in to cloud services."""
        return f"{self.account.name}@{DNS_DOMAIN}"

    @property
    def title(self) -> str:
        """First and last name."""
        return self.account.name.replace(".", " ").title()

    @property
    def home(self) -> str:
        """The profile folder on the workstation."""
        return f"C:\\Users\\{self.account.name}"


_OFFICE = (
    ("mira.kellner", "accountant", 7.6, 16.2),
    ("tobias.arendt", "accountant", 8.1, 16.8),
    ("ines.falk", "controller", 8.4, 17.5),
    ("judith.moreau", "sales", 8.8, 17.4),
    ("pavel.hruby", "sales", 9.0, 18.1),
    ("lena.osterman", "sales", 8.5, 17.0),
    ("greta.lindholm", "personnel", 7.9, 16.0),
    ("samuel.ade", "personnel", 8.2, 16.5),
    ("carla.benedetti", "legal", 9.2, 18.4),
    ("hugo.wentworth", "management", 8.0, 18.8),
    ("noemi.castel", "reception", 7.2, 15.5),
)
_ENGINEERING = (
    ("arne.vogt", "administrator", 7.0, 16.4),
    ("selin.kaya", "administrator", 9.5, 18.9),
    ("rafael.duarte", "operator", 21.5, 5.5),
    ("yuki.tanabe", "developer", 9.6, 18.8),
    ("oskar.nyberg", "developer", 10.1, 19.4),
    ("amara.diallo", "developer", 8.9, 17.6),
    ("lukas.brandl", "developer", 9.3, 18.2),
    ("petra.zelena", "data engineer", 8.3, 17.1),
    ("dmitri.orlov", "technician", 6.4, 14.8),
)
PRIVILEGED = {"administrator", "operator", "helpdesk"}
"""Roles that have a second account with more rights."""


def found() -> tuple[Person, ...]:
    """The 20 people of the first hour: the office unit first, then engineering and operations."""
    people: list[Person] = []
    for unit, prefix, rows in (
        ("office", "WS-OFF", _OFFICE),
        ("engineering", "WS-ENG", _ENGINEERING),
    ):
        for number, (name, role, begins, ends) in enumerate(rows, start=1):
            rid = 1100 + len(people)
            admin = None
            if role in PRIVILEGED:
                admin = domain_account(f"adm.{name.split('.')[1]}", rid + 300, elevated=True)
            station = f"{prefix}{number:02d}"
            account = domain_account(name, rid)
            people.append(Person(account, unit, role, station, begins, ends, admin))
    return tuple(people)
