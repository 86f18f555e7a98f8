from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.correlate.entities import entities_of, host_key, joins
from tocsin.model.findings import Entity

WS05: dict[str, Any] = {"device": {"hostname": "WS05.theshire.local"}}


def keys(kind: str, entities: tuple[Entity, ...]) -> dict[str, str]:
    return {entity.key: entity.role for entity in entities if entity.kind == kind}


def test_a_process_that_is_started_has_a_parent() -> None:
    event = {
        **WS05,
        "activity_id": 1,
        "process": {
            "pid": 42,
            "uid": "{AAAA-1}",
            "file": {"path": "C:\\temp\\a.exe"},
            "parent_process": {"pid": 7, "uid": "{BBBB-1}", "name": "winword.exe"},
        },
        "actor": {"process": {"pid": 7, "uid": "{BBBB-1}", "name": "winword.exe"}},
    }
    found = entities_of("process_activity", event)
    assert keys("process", found) == {
        "aaaa-1": "subject",
        "ws05#42": "subject",
        "bbbb-1": "parent",
        "ws05#7": "parent",
    }
    assert {e.name for e in found if e.kind == "process"} == {"a.exe (42)", "winword.exe (7)"}


@pytest.mark.parametrize("activity", [3, 4])
def test_a_process_that_is_opened_or_injected_into_is_a_target(activity: int) -> None:
    event = {
        **WS05,
        "activity_id": activity,
        "process": {"uid": "{BB}", "name": "notepad.exe"},
        "actor": {"process": {"uid": "{AA}", "name": "a.exe"}},
    }
    assert keys("process", entities_of("process_activity", event)) == {
        "aa": "subject",
        "bb": "target",
    }


def test_other_events_are_done_by_their_actor() -> None:
    event = {
        **WS05,
        "actor": {"process": {"uid": "{AA}", "pid": 9, "parent_process": {"uid": "{CC}"}}},
        "file": {"path": "C:\\ProgramData\\x.dll"},
    }
    found = entities_of("file_activity", event)
    assert keys("process", found) == {"aa": "subject", "ws05#9": "subject", "cc": "parent"}
    assert keys("file", found) == {"ws05|c:\\programdata\\x.dll": "target"}


@pytest.mark.parametrize(
    ("user", "key"),
    [
        ({"name": "pgustavo", "domain": "THESHIRE"}, "theshire\\pgustavo"),
        ({"name": "THESHIRE\\PGustavo"}, "theshire\\pgustavo"),
        ({"name": "pgustavo", "domain": "theshire.local"}, "theshire\\pgustavo"),
        ({"name": "pgustavo@theshire.local"}, "theshire\\pgustavo"),
        (
            {"name": "pgustavo", "domain": "THESHIRE", "uid": "S-1-5-21-1-2-3-1104"},
            "theshire\\pgustavo",
        ),
        ({"uid": "S-1-5-21-1-2-3-1104"}, "s-1-5-21-1-2-3-1104"),
        ({"name": "admin", "domain": "WS05"}, "ws05\\admin"),
        ({"name": "admin"}, "ws05\\admin"),
    ],
)
def test_one_person_has_one_key(user: dict[str, str], key: str) -> None:
    assert list(keys("user", entities_of("x", {**WS05, "actor": {"user": user}}))) == [key]


@pytest.mark.parametrize(
    "user",
    [
        {"name": "SYSTEM", "domain": "NT AUTHORITY"},
        {"name": "WS05$", "domain": "THESHIRE"},
        {"name": "ANONYMOUS LOGON"},
        {"name": "DWM-3", "domain": "Window Manager"},
        {"name": "UMFD-0"},
        {"name": "MSSQLSERVER", "domain": "NT SERVICE"},
        {"name": "Système", "uid": "S-1-5-18"},
        {"uid": "S-1-5-90-0-3"},
        {"uid": "S-1-5-96-0-1"},
        {"name": "x", "uid": "S-1-0-0"},
    ],
)
def test_who_is_nobody_is_read_and_never_joins(user: dict[str, str]) -> None:
    [entity] = (e for e in entities_of("x", {**WS05, "actor": {"user": user}}) if e.kind == "user")
    assert not joins(entity)


@pytest.mark.parametrize("user", [{}, {"name": "-"}, {"name": ""}, {"name": 5}, {"name": None}])
def test_an_absent_person_is_nobody_at_all(user: dict[str, Any]) -> None:
    assert keys("user", entities_of("x", {**WS05, "actor": {"user": user}})) == {}


def test_a_logon_is_scoped_to_its_host_and_the_same_in_decimal() -> None:
    for uid in ("0x7F3A", "0x7f3a", "32570"):
        event = {**WS05, "actor": {"session": {"uid": uid}}}
        assert list(keys("session", entities_of("x", event))) == ["ws05|0x7f3a"]


@pytest.mark.parametrize("uid", ["0x3e7", "0x3E4", "0x3e5", "999", "0x0", "-", ""])
def test_logons_that_every_host_has_are_left_out(uid: str) -> None:
    event = {**WS05, "actor": {"session": {"uid": uid}}, "session": {"uid": uid}}
    assert keys("session", entities_of("authentication", event)) == {}


@pytest.mark.parametrize(
    "ip",
    [
        "127.0.0.1",
        "::1",
        "::ffff:127.0.0.1",
        "0.0.0.0",  # noqa: S104 - an address in a log, nothing listens
        "::",
        "fe80::1%5",
        "169.254.3.4",
        "224.0.0.251",
        "255.255.255.255",
        "-",
        "x",
    ],
)
def test_addresses_that_lead_nowhere_are_left_out(ip: str) -> None:
    assert keys("address", entities_of("x", {**WS05, "src_endpoint": {"ip": ip}})) == {}


def test_where_it_came_from_and_went() -> None:
    event = {
        **WS05,
        "src_endpoint": {"ip": "::ffff:10.0.0.5", "hostname": "WS09.theshire.local"},
        "dst_endpoint": {"ip": "10.0.0.9", "hostname": "ws05"},
    }
    found = entities_of("authentication", event)
    assert keys("address", found) == {"10.0.0.5": "source", "10.0.0.9": "destination"}
    assert keys("host", found) == {"ws05": "subject", "ws09": "source"}


@pytest.mark.parametrize("image", ["services.exe", "Explorer.EXE", "System", "svchost.exe"])
def test_the_parent_of_everything_never_joins(image: str) -> None:
    event = {**WS05, "actor": {"process": {"uid": "{AA}", "name": image, "pid": 600}}}
    found = [e for e in entities_of("x", event) if e.kind == "process"]
    assert found
    assert not any(joins(entity) for entity in found)


def test_the_strongest_hash_of_a_file_that_is_not_the_systems_own() -> None:
    hashes = [{"value": "a" * 32}, {"value": "B" * 64}, {"value": "c" * 40}]
    dropped = {**WS05, "file": {"path": "C:\\Users\\x\\a.exe", "hashes": hashes}}
    own = {**WS05, "file": {"path": "C:\\Windows\\System32\\cmd.exe", "hashes": hashes}}
    assert list(keys("hash", entities_of("x", dropped))) == ["b" * 64]
    assert keys("hash", entities_of("x", own)) == {}


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("WS05.a.b", "ws05"),
        ("\\\\WS05", "ws05"),
        ("10.1.2.3", "10.1.2.3"),
        ("ws05.", "ws05"),
        ("", ""),
    ],
)
def test_a_host_by_its_short_name(name: str, key: str) -> None:
    assert host_key(name) == key


LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=12) | st.just("\x1b[2J\u202e")
NAMES = st.sampled_from(
    [
        *("device", "hostname", "actor", "process", "parent_process", "user", "session", "uid"),
        *(
            "pid",
            "name",
            "domain",
            "file",
            "path",
            "hashes",
            "value",
            "src_endpoint",
            "ip",
            "module",
        ),
    ]
)
EVENTS = st.recursive(
    LEAVES, lambda inner: st.dictionaries(NAMES, inner, max_size=6) | st.lists(inner, max_size=3)
)


@given(event=st.dictionaries(NAMES, EVENTS, max_size=8))
def test_no_content_breaks_it_and_nothing_unsafe_comes_out(event: dict[str, Any]) -> None:
    for entity in entities_of("process_activity", event):
        assert entity.key
        assert entity.key.isprintable()
        assert entity.name.isprintable()
        assert len(entity.name) <= 120


def test_in_the_cloud_an_account_scopes_a_user_and_a_session_is_its_own() -> None:
    user = {"name": "mira", "account": {"uid": "444455556666"}}
    event = {"actor": {"user": user, "session": {"uid": "ASIASAMPLE0000000077"}}}
    found = {(e.kind, e.key) for e in entities_of("api_activity", event)}
    assert ("user", "444455556666\\mira") in found
    assert ("session", "asiasample0000000077") in found
    on_a_host = event | {"device": {"hostname": "lap-0142"}}
    assert ("session", "asiasample0000000077") in {
        (e.kind, e.key) for e in entities_of("api_activity", on_a_host)
    }


def test_a_finding_of_a_vendor_has_its_address_among_the_observables() -> None:
    address = {"name": "src_endpoint.ip", "type_id": 2, "value": "198.51.100.9"}
    other = {"name": "user.name", "type_id": 4, "value": "198.51.100.7"}
    event = {"observables": [address, other, "x"], "actor": {"user": {"name": "unknown"}}}
    found = [(e.kind, e.key) for e in entities_of("detection_finding", event)]
    assert found == [("address", "198.51.100.9")]


def test_observables_name_other_hosts_files_and_both_ends() -> None:
    observables = [
        {"name": "dst_endpoint.ip", "type_id": 2, "value": "203.0.113.5"},
        {"name": "src", "type_id": 2, "value": "10.0.0.9"},
        {"name": "file", "type_id": 8, "value": "AB" * 32},
        {"name": "file", "type_id": 8, "value": "AB"},
        {"name": "host", "type_id": 1, "value": "FS01.corp.example"},
        {"name": "host", "type_id": 1, "value": "ws1.corp.example"},
        "junk",
    ]
    event = {"device": {"hostname": "ws1"}, "observables": observables}
    found = entities_of("detection_finding", event)
    assert [(e.kind, e.key, e.role) for e in found[1:]] == [
        ("address", "203.0.113.5", "destination"),
        ("address", "10.0.0.9", "source"),
        ("hash", "ab" * 32, "subject"),
        ("host", "fs01", "related"),
    ]
