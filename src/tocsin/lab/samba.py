"""The second domain controller: Samba, with its JSON audit logging.

Lines are those of the debug classes auth_json_audit, dsdb_json_audit, dsdb_password_json_audit and
dsdb_group_json_audit, one object a line.
"""

from typing import Any

import orjson

from tocsin.lab.hosts import Host, Route
from tocsin.lab.people import DOMAIN, Account
from tocsin.lab.stamps import iso_offset
from tocsin.lab.world import World
from tocsin.lab.write import Where

NAME = "DC02"
FILE = "DC02-samba-audit.json"
_ROOT = "DC=northquay,DC=example"
_UNIT = "imaging"
_OK = {"statusCode": 0, "status": "Success"}


def controller(world: World, source: Host) -> Host:
    """The domain controller that `source` talks to: the imaging unit has its own."""
    name = NAME if source.unit == _UNIT and NAME in world.hosts else "DC01"
    return world.hosts[name]


def _write(world: World, kind: str, body: dict[str, Any]) -> None:
    if "samba" not in world.on:
        return
    at = world.stamp()
    stamp = iso_offset(at, world.enterprise.utc_offset, colon=False)
    line = orjson.dumps(
        {"timestamp": stamp, "type": kind, kind: body}, option=orjson.OPT_APPEND_NEWLINE
    )
    event = body.get("eventId", kind)
    world.emit(FILE, line, at, Where("samba", NAME, kind, event))


def _uuid(world: World) -> str:
    bits = f"{world.hosts[NAME].random.getrandbits(128):032x}"
    return f"{bits[:8]}-{bits[8:12]}-{bits[12:16]}-{bits[16:20]}-{bits[20:]}"


def authenticated(
    world: World, account: Account, route: Route, status: str = "NT_STATUS_OK"
) -> None:
    """A first ticket is given, or refused with `status`."""
    good = status == "NT_STATUS_OK"
    machine = account.name.endswith("$")
    _write(
        world,
        "Authentication",
        {
            "version": {"major": 1, "minor": 3},
            "eventId": 4624 if good else 4625,
            "logonId": f"{world.hosts[NAME].random.getrandbits(64):016x}",
            "logonType": 3,
            "status": status,
            "localAddress": f"ipv4:{route.target}:{route.port}",
            "remoteAddress": f"ipv4:{route.source}:{route.source_port}",
            "serviceDescription": "Kerberos KDC",
            "authDescription": "ENC-TS Pre-authentication",
            "clientDomain": DOMAIN,
            "clientAccount": account.name,
            "workstation": None,
            "becameAccount": account.name if good else None,
            "becameDomain": DOMAIN if good else None,
            "becameSid": account.sid,
            "mappedAccount": account.name,
            "mappedDomain": DOMAIN,
            "netlogonComputer": None,
            "netlogonTrustAccount": None,
            "netlogonNegotiateFlags": "0x00000000",
            "netlogonSecureChannelType": 2 if machine else 0,
            "netlogonTrustAccountSid": None,
            "passwordType": "aes256-cts-hmac-sha1-96",
            "clientPolicyAccessCheck": None,
            "serverPolicyAccessCheck": None,
            "duration": 2_000 + world.hosts[NAME].random.randrange(6_000),
        },
    )


def authorized(world: World, account: Account, route: Route, service: str) -> None:
    """A session with the controller's own `service` (SMB2 or LDAP) begins."""
    _write(
        world,
        "Authorization",
        {
            "version": {"major": 1, "minor": 2},
            "localAddress": f"ipv4:{route.target}:{route.port}",
            "remoteAddress": f"ipv4:{route.source}:{route.source_port}",
            "serviceDescription": service,
            "authType": "krb5",
            "domain": DOMAIN,
            "account": account.name,
            "sid": account.sid,
            "sessionId": _uuid(world),
            "logonServer": NAME,
            "transportProtection": "SIGN" if service == "LDAP" else "SMB",
            "accountFlags": "0x00000080" if account.name.endswith("$") else "0x00000010",
        },
    )


def _change(world: World, by: Account, source: str, name: str) -> dict[str, Any]:
    return {
        "version": {"major": 1, "minor": 0},
        **_OK,
        "remoteAddress": f"ipv4:{source}:{world.wire.port()}",
        "performedAsSystem": False,
        "userSid": by.sid,
        "dn": f"CN={name},CN=Users,{_ROOT}",
        "transactionId": _uuid(world),
        "sessionId": _uuid(world),
    }


def changed(world: World, by: Account, source: str, name: str, values: dict[str, str]) -> None:
    """Attributes of the directory object `name` are replaced."""
    attributes = {
        key: {"actions": [{"action": "replace", "values": [{"value": value}]}]}
        for key, value in values.items()
    }
    body = {**_change(world, by, source, name), "operation": "Modify", "attributes": attributes}
    _write(world, "dsdbChange", body)


def password(world: World, by: Account, source: str, name: str, *, reset: bool) -> None:
    """A password is changed by its owner, or reset by somebody else."""
    body = _change(world, by, source, name)
    body.pop("performedAsSystem")
    body["eventId"] = 4724 if reset else 4723
    body["action"] = "Reset" if reset else "Change"
    _write(world, "passwordChange", body)


def joined(world: World, by: Account, source: str, name: str, group: str) -> None:
    """Somebody is added to a group."""
    body = _change(world, by, source, name)
    body.pop("performedAsSystem")
    body["eventId"] = 4728
    body["action"] = "Added"
    body["user"] = body.pop("dn")
    body["group"] = f"CN={group},CN=Users,{_ROOT}"
    _write(world, "groupChange", body)
