"""STIX objects out of bundles, envelopes and what is neither."""

import json

import pytest

from tocsin.enrich.intelligence.bundle import moment, packed, read_bundle, unpacked
from tocsin.errors import InputError

WHEN = {"created": "2026-11-01T00:00:00Z", "modified": "2026-11-02T00:00:00.000Z"}
GOOD = {"type": "indicator", "id": "indicator--1", "pattern": "[x:y = 'z']", **WHEN}


def read(*objects, **head):
    return read_bundle(json.dumps({"type": "bundle", "objects": objects} | head).encode())


def test_objects_that_cannot_be_read_are_named_and_the_others_kept():
    bad_time = {**GOOD, "id": "indicator--2", "modified": "yesterday"}
    found = read(GOOD, bad_time, {"type": "grouping", "id": "grouping--1"}, 5)
    assert [one.id for one in found.objects] == ["indicator--1"]
    assert [one.place for one in found.refused] == ["object 2 (indicator--2)", "object 4"]
    assert found.passed == 1


def test_an_envelope_says_where_it_goes_on():
    found = read_bundle(json.dumps({"more": True, "next": "abc", "objects": [GOOD]}).encode())
    assert (found.more, found.next, len(found.objects)) == (True, "abc", 1)


@pytest.mark.parametrize("body", [json.dumps([GOOD]), json.dumps(GOOD)])
def test_a_list_and_a_single_object_are_read(body):
    assert len(read_bundle(body.encode()).objects) == 1


@pytest.mark.parametrize("body", [b"", b"no json", b'{"objects": 5}', b"[" * 1000, b"\xff\xfe"])
def test_what_is_no_json_of_stix_is_refused(body):
    with pytest.raises(InputError):
        read_bundle(body)


@pytest.mark.parametrize(
    "broken",
    [
        {"id": "malware--1"},
        {"pattern": ""},
        {"name": "x" * 300_000},
        {"valid_from": "soon"},
        {"confidence": {"a": 1}},
    ],
)
def test_an_object_that_is_not_what_it_says_is_refused(broken):
    found = read({**GOOD, **broken})
    assert found.objects == ()
    assert len(found.refused) == 1


def test_an_object_is_kept_as_it_was_read():
    [one] = read(
        GOOD | {"confidence": 80, "object_marking_refs": ["marking-definition--1"]}
    ).objects
    assert unpacked(packed(one)) == one
    assert one.version == moment("2026-11-02T00:00:00Z") > moment("2026-11-01T23:59:59.999Z")


@pytest.mark.data
def test_every_object_of_the_public_examples_is_read(shared_data):
    import tarfile

    for name in ("stix_examples.tar.xz", "stix_threat_reports.tar.xz"):
        with tarfile.open(shared_data / "intel" / name) as archive:
            for member in archive:
                file = archive.extractfile(member)
                if file is None or not member.name.endswith(".json"):
                    continue
                found = read_bundle(file.read())
                assert found.refused == (), member.name
                assert found.objects or found.passed, member.name
