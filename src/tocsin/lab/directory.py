"""Changes of accounts and groups, as the domain controllers and the cloud's directory tell them."""

from tocsin.lab import entra, logons, samba
from tocsin.lab.hosts import Host, Session
from tocsin.lab.network import call
from tocsin.lab.people import DOMAIN, Account, Person, domain_account
from tocsin.lab.places import OFFICE
from tocsin.lab.windows import (
    ACCOUNT_CHANGED,
    ACCOUNT_CREATED,
    ACCOUNT_ENABLED,
    ACCOUNT_UNLOCKED,
    DIRECTORY_USED,
    GLOBAL_MEMBER_ADDED,
    LOCAL_MEMBER_ADDED,
    PASSWORD_RESET,
    Kind,
)
from tocsin.lab.world import World

_LDAP, _SMB = 389, 445
_DOMAIN_SID = "S-1-5-21-1870442312-602218493-3154820971"
_REPLICATION = (
    "%%7688\r\n\t\t{1131f6ad-9c07-11d1-f79f-00c04fc2dcd2}\r\n\t"
    "{19195a5b-6da0-11d0-afd3-00c04fd930c9}"
)


def _enter(world: World, by: Person, host: Host) -> Session:
    """Whoever changes something there has logged on over the network."""
    station = world.station(by)
    route = call(world, station, host, _LDAP if host is world.controller else _SMB)
    return logons.log_on(world, host, by.admin or by.account, 3, station, route)


def _subject(session: Session) -> dict[str, str]:
    return {
        "SubjectUserSid": session.account.sid,
        "SubjectUserName": session.account.name,
        "SubjectDomainName": session.account.domain,
        "SubjectLogonId": session.hex_id,
    }


def _target(account: Account) -> dict[str, str]:
    return {
        "TargetUserName": account.name,
        "TargetDomainName": account.domain,
        "TargetSid": account.sid,
    }


def _tell(world: World, kind: Kind, session: Session, account: Account) -> None:
    data = {**_subject(session), **_target(account), "PrivilegeList": "-"}
    world.log(session.host, kind, data)


def reset_password(world: World, by: Person, whose: Person) -> None:
    """The helpdesk gives somebody a new password; who is locked out is let in again."""
    actor = by.admin or by.account
    if samba.controller(world, world.station(whose)).name == samba.NAME:
        samba.password(world, actor, world.station(by).address, whose.account.name, reset=True)
    else:
        session = _enter(world, by, world.controller)
        for kind in (PASSWORD_RESET, ACCOUNT_CHANGED, ACCOUNT_UNLOCKED):
            _tell(world, kind, session, whose.account)
        logons.log_off(world, session)
    entra.audit(world, by, entra.RESET, whose.mail, {"ForceChangePassword": "True"}, OFFICE)


def create_account(world: World, by: Person, name: str) -> Account:
    """An account for somebody who begins to work here."""
    actor = by.admin or by.account
    draw = world.random_for(f"account {name} {world.now}")
    account = domain_account(name, draw.randrange(40_000, 60_000))
    session = _enter(world, by, world.controller)
    for kind in (ACCOUNT_CREATED, ACCOUNT_ENABLED, PASSWORD_RESET, ACCOUNT_CHANGED):
        _tell(world, kind, session, account)
    _join(world, session, account, "Staff", "3110")
    logons.log_off(world, session)
    if samba.NAME in world.hosts:
        station = world.station(by).address
        samba.changed(world, actor, station, name, {"userAccountControl": "512"})
    return account


def _join(world: World, session: Session, account: Account, group: str, rid: str) -> None:
    world.log(
        session.host,
        GLOBAL_MEMBER_ADDED,
        {
            **_subject(session),
            "MemberName": f"CN={account.name},CN=Users,DC=northquay,DC=example",
            "MemberSid": account.sid,
            "TargetUserName": group,
            "TargetDomainName": DOMAIN,
            "TargetSid": f"{_DOMAIN_SID}-{rid}",
            "PrivilegeList": "-",
        },
    )


def add_to_group(world: World, by: Person, whom: Person, group: str, rid: str) -> None:
    """Somebody becomes a member of a group of the domain."""
    actor = by.admin or by.account
    session = _enter(world, by, world.controller)
    _join(world, session, whom.account, group, rid)
    logons.log_off(world, session)
    if samba.NAME in world.hosts:
        samba.joined(world, actor, world.station(by).address, whom.account.name, group)


def make_local_admin(world: World, by: Person, whom: Person) -> None:
    """Somebody may do everything on their own machine."""
    host = world.station(whom)
    session = _enter(world, by, host)
    world.log(
        host,
        LOCAL_MEMBER_ADDED,
        {
            **_subject(session),
            "MemberName": "-",
            "MemberSid": whom.account.sid,
            "TargetUserName": "Administrators",
            "TargetDomainName": "Builtin",
            "TargetSid": "S-1-5-32-544",
            "PrivilegeList": "-",
        },
    )
    logons.log_off(world, session)


def replicate(world: World, session: Session) -> None:
    """All secrets of the directory are asked for: by the synchronization, or by a thief."""
    world.log(
        session.host,
        DIRECTORY_USED,
        {
            **_subject(session),
            "ObjectServer": "DS",
            "ObjectType": "%{19195a5b-6da0-11d0-afd3-00c04fd930c9}",
            "ObjectName": "%{0c5e1d2a-8f34-4b61-9a07-d3e2f1b4c586}",
            "OperationType": "Object Access",
            "HandleId": "0x0",
            "AccessList": "%%7688\r\n\t\t\t\t",
            "AccessMask": "0x100",
            "Properties": _REPLICATION,
            "AdditionalInfo": "-",
            "AdditionalInfo2": "",
        },
    )
    if session.route is not None:
        pipe, call_name = "135", "DRSGetNCChanges"
        world.wire.rpc(session.route, pipe, "drsuapi", call_name)
