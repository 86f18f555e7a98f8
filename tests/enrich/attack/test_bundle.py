"""A bundle is read whatever its age, and a broken one is refused with its place."""

import gzip
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.enrich.bundles import OBJECTS, bundle, collection, matrix, revoked_by, tactic, technique

from tocsin.enrich.attack.bundle import MAX_DEPTH, read_bundle
from tocsin.errors import ContentError
from tocsin.model.attack import Counts


def test_what_labels_need_is_kept():
    release, problems = read_bundle(bundle(), "b.json")
    assert problems == []
    assert release.order == ("initial-access", "execution", "defense-evasion")
    assert Counts.of(release) == Counts(3, 3, 2, 3, 1)
    known = {one.technique_id: one for one in release.techniques}
    assert known["T1086"].successors == ("T1059.001",)
    assert known["T1059.001"].parent == "T1059"
    assert known["T1600"].tactics == ("defense-evasion", "execution")
    assert release.version == ""
    day = datetime.fromtimestamp(release.modified / 1e6, UTC)
    assert day == datetime(2025, 5, 3, tzinfo=UTC)


def test_the_collection_says_the_version_and_changes_the_digest():
    plain, _ = read_bundle(bundle(spec_version="2.0"), "b")
    named, _ = read_bundle(bundle([*OBJECTS, collection("18.1")]), "b")
    assert (plain.version, named.version) == ("", "18.1")
    assert plain.digest != named.digest


def test_the_digest_is_of_the_content_not_of_the_file():
    shuffled = OBJECTS[::-1]
    assert read_bundle(bundle(shuffled), "a")[0] == read_bundle(bundle(id="other"), "b")[0]


def test_without_a_matrix_tactics_stand_in_the_usual_order():
    release, problems = read_bundle(bundle([o for o in OBJECTS if "matrix" not in o["type"]]), "b")
    assert release.order == ("initial-access", "execution", "defense-evasion")
    assert "kill chain" in problems[0].message


def test_the_newest_version_of_an_object_counts_and_an_active_id_wins():
    older = technique("T1059", "Older name", "execution") | {"modified": "2019-01-01T00:00:00Z"}
    gone = technique("T1566", "Twin", "execution", revoked=True) | {
        "id": "attack-pattern--twin",
        "modified": "2025-09-01T00:00:00Z",
    }
    release, _ = read_bundle(bundle([older, *OBJECTS, older, gone]), "b")
    known = {one.technique_id: one for one in release.techniques}
    assert known["T1059"].name == "Running things"
    assert known["T1566"].active


def test_a_relation_that_was_taken_back_does_not_count():
    back = revoked_by("T1500", "T1600", revoked=True)
    release, _ = read_bundle(bundle([*OBJECTS, back]), "b")
    assert {t.technique_id: t for t in release.techniques}["T1500"].successors == ()


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "not JSON"),
        (b"\x1f\x8b rubbish", "not UTF-8"),
        (bundle()[:-40], "not JSON"),
        (b"[]", "not a STIX bundle"),
        (b'{"type": "bundle"}', "not a STIX bundle"),
        (b'{"type": "bundle", "objects": {}}', "not a STIX bundle"),
        (b'{"type": "report", "objects": []}', "its type is report"),
        (b'{"type": "bundle", "objects": []}', "no ATT&CK technique"),
        (b'{"type":"bundle","objects":' + b"[" * (MAX_DEPTH + 2), "nests deeper"),
        (b'{"type":"bundle","objects":' + b"[" * 100_000, "nests deeper"),
        (bundle([technique("T1059", "x", "execution")]), "no tactic"),
    ],
)
def test_what_is_no_bundle_is_refused_with_its_place(data, told):
    with pytest.raises(ContentError, match=told) as refused:
        read_bundle(data, "b.json")
    assert refused.value.where == "b.json"


def test_another_matrix_is_named():
    mobile = technique("T1400", "Phone", "execution")
    mobile["external_references"][0]["source_name"] = "mitre-mobile-attack"
    mobile["kill_chain_phases"][0]["kill_chain_name"] = "mitre-mobile-attack"
    with pytest.raises(ContentError, match="mitre-mobile-attack only"):
        read_bundle(bundle([mobile]), "b")


@pytest.mark.parametrize(
    "broken",
    [
        7,
        None,
        [],
        {"type": 3},
        {"type": "attack-pattern"},
        technique("T1059.009", "x") | {"name": None},
        technique("T1059.009", "x") | {"external_references": "T1059.009"},
        technique("T1059.009", "x") | {"kill_chain_phases": [3]},
        {"type": "relationship", "id": "r", "relationship_type": {}},
    ],
)
def test_a_broken_object_is_named_and_left_out(broken):
    release, problems = read_bundle(bundle([broken, *OBJECTS]), "b.json")
    assert release.techniques == read_bundle(bundle(), "b.json")[0].techniques
    assert [problem.where for problem in problems] == ["b.json: objects[0]"]


def test_problems_are_bounded():
    _, problems = read_bundle(bundle([*OBJECTS, *[{"type": "attack-pattern"}] * 500]), "b")
    assert len(problems) == 100


def test_names_are_bounded_and_visible():
    hostile = technique("T1059.009", "\x1b[31m\u202e" + "x" * 10_000, "execution", "</script>")
    release, _ = read_bundle(bundle([*OBJECTS, hostile]), "b")
    known = {one.technique_id: one for one in release.techniques}["T1059.009"]
    assert known.name.startswith("\\x1b[31m\\u202e")
    assert len(known.name) == 200
    assert known.tactics == ("execution",)


def test_a_byte_order_mark_is_no_matter():
    assert read_bundle(b"\xef\xbb\xbf" + bundle(), "b") == read_bundle(bundle(), "b")


def test_loops_of_revocations_and_dates_that_are_none_are_read():
    odd = [
        technique("T1501", "One", revoked=True, modified="yesterday"),
        technique("T1502", "Two", revoked=True, modified="2025-13-45"),
        revoked_by("T1501", "T1502"),
        revoked_by("T1502", "T1501"),
        tactic("TA0003", "Not A Short Name"),
        matrix("TA9999"),
    ]
    release, _ = read_bundle(bundle([*OBJECTS, *odd]), "b")
    assert "T1501" in {one.technique_id for one in release.techniques}
    assert len(release.tactics) == 3


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(
    st.integers(0, len(OBJECTS) - 1),
    st.sampled_from(sorted({key for one in OBJECTS for key in one})),
    JSON,
)
def test_any_value_anywhere_gives_a_release_or_a_refusal(number, key, value):
    objects = json.loads(json.dumps(OBJECTS))
    objects[number][key] = value
    try:
        release, _ = read_bundle(bundle(objects), "b")
    except ContentError:
        return
    assert release.tactics


@pytest.mark.data
def test_the_real_release_is_read_whole(shared_data):
    packed = (shared_data / "attack/enterprise-attack-from-mitre-cti.json.gz").read_bytes()
    release, problems = read_bundle(gzip.decompress(packed), "b")
    assert problems == []
    assert Counts.of(release) == Counts(14, 216, 475, 132, 12)
    assert release.order[0] == "reconnaissance"
    assert release.order[-1] == "impact"
