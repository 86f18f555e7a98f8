"""Samba's audit log: who, from where and what became of it."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.normalize.placed import RECEIVED

from tocsin.model.records import NativeRecord, Position, Undecodable
from tocsin.model.stages import ContextSnapshot
from tocsin.normalize import Normalizer, validate
from tocsin.normalize.names import dn_name
from tocsin.normalize.readers.documents import typed
from tocsin.normalize.scalars import FAILED, socket_address, socket_port

ORCHARD = "DC=orchard,DC=example"


def event(normalizer: Normalizer, kind: str, body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Class and valid event of a record."""
    stamp = "2026-03-02T09:14:10.303128+0100"
    raw = orjson.dumps({"timestamp": stamp, "type": kind, kind: body})
    native = normalizer.decode(raw, None)
    assert isinstance(native, NativeRecord), native
    assert native.source_id == "samba_audit"
    place = Position("site", "p", 1, RECEIVED, "file", 1)
    name, made = normalizer.event(native, place, raw, ContextSnapshot())
    assert validate(name, made) == []
    assert made["time"] == 1_772_439_250_303
    return name, made


def logon(**fields: object) -> dict[str, Any]:
    return {
        "status": "NT_STATUS_OK",
        "localAddress": "ipv4:192.0.2.10:88",
        "remoteAddress": "ipv6:2001:db8::4d:49160",
        "serviceDescription": "Kerberos KDC",
        "clientAccount": "mira@ORCHARD",
        "mappedAccount": "mira",
        **fields,
    }


@pytest.mark.parametrize(
    ("status", "word"),
    [("NT_STATUS_OK", "Success"), ("NT_STATUS_WRONG_PASSWORD", "Failure"), ("NT_X", "Failure")],
)
def test_a_ticket_has_a_user_both_ends_and_an_outcome(
    normalizer: Normalizer, status: str, word: str
) -> None:
    name, made = event(normalizer, "Authentication", logon(status=status))
    assert (name, made["activity_name"]) == ("authentication", "Authentication Ticket")
    assert (made["status"], made["status_code"]) == (word, status)
    assert made["user"]["name"] == "mira"
    assert made["src_endpoint"] == {"ip": "2001:db8::4d", "port": 49160}
    assert made["dst_endpoint"] == {"ip": "192.0.2.10", "port": 88}


@pytest.mark.parametrize(
    ("fields", "protocol"),
    [
        ({"passwordType": "NTLMv2", "serviceDescription": "SMB2"}, "NTLM"),
        ({"passwordType": "arcfour-hmac-md5"}, "Kerberos"),
        ({"authDescription": "simple bind", "serviceDescription": "LDAP"}, "LDAP"),
        ({"passwordType": "HMAC-SHA256", "serviceDescription": "NETLOGON"}, "HMAC-SHA256"),
    ],
)
def test_how_somebody_proved_who_they_are(
    normalizer: Normalizer, fields: dict[str, str], protocol: str
) -> None:
    made = event(normalizer, "Authentication", logon(**fields))[1]
    assert made["auth_protocol"] == protocol
    assert made.get("is_cleartext") is (True if protocol == "LDAP" else None)


def change(**fields: object) -> dict[str, Any]:
    return {"status": "Success", "statusCode": 0, "userSid": "S-1-5-21-1-2-3-500", **fields}


def attribute(name: str, *values: str) -> dict[str, Any]:
    listed = [{"value": value} for value in values]
    return {name: {"actions": [{"action": "replace", "values": listed}]}}


@pytest.mark.parametrize(
    ("body", "class_name", "activity"),
    [
        ({"operation": "Add", "attributes": attribute("userAccountControl", "512")}, 3001, 1),
        ({"operation": "Modify", "attributes": attribute("userAccountControl", "514")}, 3001, 5),
        ({"operation": "Modify", "attributes": attribute("userAccountControl", "512")}, 3001, 99),
        ({"operation": "Add", "attributes": attribute("groupType", "2")}, 3006, 6),
        ({"operation": "Modify", "attributes": attribute("groupType", "2")}, 3004, 3),
        ({"operation": "Delete"}, 3004, 4),
        ({"operation": "Rename"}, 3004, 5),
        ({"operation": "Extended"}, 3004, 99),
    ],
)
def test_a_change_is_of_what_it_changes(
    normalizer: Normalizer, body: dict[str, Any], class_name: int, activity: int
) -> None:
    made = event(normalizer, "dsdbChange", change(dn=f"CN=press,{ORCHARD}", **body))[1]
    assert (made["class_uid"], made["activity_id"]) == (class_name, activity)
    assert made["actor"]["user"]["uid"] == "S-1-5-21-1-2-3-500"


def test_a_failed_reset_is_a_failure(normalizer: Normalizer) -> None:
    body = change(status="insufficient access rights", statusCode=50, action="Reset")
    name, made = event(normalizer, "passwordChange", {**body, "dn": f"CN=mira,{ORCHARD}"})
    assert (name, made["activity_name"]) == ("account_change", "Password Reset")
    assert (made["status"], made["user"]["name"]) == ("Failure", "mira")


def test_members_come_and_go(normalizer: Normalizer) -> None:
    for action, activity in (("Added", "Add User"), ("Removed", "Remove User")):
        body = change(action=action, user=f"CN=mira,{ORCHARD}", group=f"CN=Domain Admins,{ORCHARD}")
        name, made = event(normalizer, "groupChange", body)
        assert (name, made["activity_name"]) == ("group_management", activity)
        assert (made["user"]["name"], made["group"]["name"]) == ("mira", "Domain Admins")


def test_what_lacks_its_user_is_kept_as_a_general_event(normalizer: Normalizer) -> None:
    assert event(normalizer, "Authorization", {"account": None})[0] == "base_event"
    assert event(normalizer, "dsdbTransaction", {"action": "commit"})[0] == "base_event"


@pytest.mark.parametrize(
    "record",
    [
        {"timestamp": "x", "type": "Authentication"},
        {"timestamp": "x", "type": "Authentication", "Authentication": "ok"},
        {"timestamp": "x", "type": "LoginEvent", "LoginEvent": {"status": "ok"}},
        {"type": "Authentication", "Authentication": {}},
    ],
)
def test_other_records_are_none_of_samba(normalizer: Normalizer, record: dict[str, Any]) -> None:
    assert isinstance(normalizer.decode(orjson.dumps(record), None), Undecodable)


def test_what_is_inside_cannot_say_of_which_type_it_is() -> None:
    fields = typed({"type": "a", "time": 1, "a": {"type": "b", "time": 2, "c": {"d": 3}}})
    assert fields == {"type": "a", "time": 2, "c.d": 3}


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("ipv4:192.0.2.1:88", "192.0.2.1", 88),
        ("ipv6:2001:db8::1:445", "2001:db8::1", 445),
        ("ipv6:fe80::1%eth0:445", "fe80::1", 445),
        ("192.0.2.1:88", "192.0.2.1", 88),
        ("[2001:db8::1]:88", "2001:db8::1", 88),
        ("2001:db8::1", "2001:db8::1", None),
        ("unix:", FAILED, None),
        ("ipv4:", FAILED, None),
    ],
)
def test_a_socket_is_an_address_and_a_port(text: str, host: object, port: object) -> None:
    assert (socket_address(text), socket_port(text)) == (host, port)


@pytest.mark.parametrize(
    ("dn", "name"),
    [
        ("CN=mira,CN=Users,DC=orchard,DC=example", "mira"),
        (r"CN=Lind\, Tomas,OU=Press", "Lind, Tomas"),
        (r"CN=a\2Cb+UID=4,OU=Press", "a,b"),
        (r"CN=J\C3\B8rn", r"J\C3\B8rn"),
        ("mira", FAILED),
        ("", FAILED),
        (5, FAILED),
    ],
)
def test_a_distinguished_name_calls_its_object(dn: object, name: object) -> None:
    assert dn_name(dn) == name


@given(st.text().filter(str.strip))
def test_a_name_comes_back_out_of_its_escapes(name: str) -> None:
    kept = name.strip()[:500]
    escaped = "".join(f"\\{c}" if c in ',+"\\<>;=#' else c for c in kept)
    assert dn_name(f"CN={escaped},DC=example") == kept.strip()
