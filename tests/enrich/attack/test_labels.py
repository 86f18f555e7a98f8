"""Each way in which a label can stand towards a release, both with older and newer rules."""

import gzip
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.enrich.bundles import OBJECTS, bundle, technique

from tocsin.content import load
from tocsin.enrich.attack import Labels, read_bundle, read_crosswalk
from tocsin.formats.read import read_members
from tocsin.model.attack import Crosswalk, LabelState, Move

RELEASE, _ = read_bundle(bundle(), "b")
WALK = Crosswalk.of(
    (
        Move("19", "defense-evasion", ("stealth", "defense-impairment")),
        Move("19", "T1600", ("T1685.001",)),
        Move("17", "T1043", ("T1566",)),
        Move("17", "old-tactic", ("execution",)),
    )
)
LABELS = Labels(RELEASE, WALK)


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("T1059.001", LabelState.CURRENT),
        ("t1059.001", LabelState.CURRENT),
        ("execution", LabelState.CURRENT),
        ("defense_evasion", LabelState.CURRENT),
        ("TA0002", LabelState.CURRENT),
        ("T1086", LabelState.RENAMED),
        ("T1085", LabelState.RENAMED),
        ("T1043", LabelState.RENAMED),
        ("old-tactic", LabelState.RENAMED),
        ("T1500", LabelState.REVOKED),
        ("T1064", LabelState.DEPRECATED),
        ("T1601", LabelState.NEWER),
        ("T1685.001", LabelState.NEWER),
        ("T1690", LabelState.NEWER),
        ("T1059.004", LabelState.NEWER),
        ("T1566.001", LabelState.NEWER),
        ("stealth", LabelState.NEWER),
        ("T1599", LabelState.UNKNOWN),
        ("T1059.002", LabelState.UNKNOWN),
        ("T1059.900", LabelState.UNKNOWN),
        ("T1059.000", LabelState.UNKNOWN),
        ("T9999", LabelState.UNKNOWN),
        ("T0800", LabelState.UNKNOWN),
        ("no-such-tactic", LabelState.UNKNOWN),
        ("T1", LabelState.MALFORMED),
        ("T1059.1", LabelState.MALFORMED),
        ("", LabelState.MALFORMED),
        ("<b>", LabelState.MALFORMED),
        ("T\u0661\u0660\u0665\u0669", LabelState.MALFORMED),
        ("G0010", LabelState.UNCHECKED),
        ("ds0005", LabelState.UNCHECKED),
    ],
)
def test_how_a_label_stands(text, state):
    label = LABELS.judge(text)
    assert label.state is state
    assert LABELS.judge(text) is label
    sound = {LabelState.CURRENT, LabelState.NEWER, LabelState.UNCHECKED}
    assert label.faulty == (state not in sound)


def test_chains_lead_to_what_is_active():
    label = LABELS.judge("T1085")
    assert label.others == ("T1059.001",)
    assert label.note == "this release calls it T1059.001 Running shells"
    assert label.tactics == ("execution",)


def test_the_crosswalk_reads_both_ways():
    assert LABELS.judge("T1685.001").others == ("T1600",)
    assert LABELS.judge("T1685.001").tactics == ("defense-evasion", "execution")
    assert LABELS.judge("stealth").note.endswith("calls it defense-evasion")
    assert LABELS.judge("T1600").others == ("T1685.001",)
    assert (
        LABELS.judge("defense-evasion").note
        == "a later release calls it stealth or defense-impairment"
    )


def test_a_revoked_one_without_heirs_is_led_on_by_the_crosswalk():
    walk = Crosswalk.of((Move("17", "T1500", ("T1566",)),))
    assert Labels(RELEASE, walk).judge("T1500").others == ("T1566",)


def test_without_a_release_nothing_is_said_of_good_or_bad():
    labels = Labels(None, WALK)
    for text in ("T1059.001", "T9999", "execution", "stealth"):
        assert labels.judge(text).state is LabelState.UNCHECKED
    assert labels.judge("T1").state is LabelState.MALFORMED


def test_a_name_that_changed_is_told_and_no_fault():
    renamed = [o for o in OBJECTS if o.get("id") != "attack-pattern--T1566"]
    now, _ = read_bundle(bundle([*renamed, technique("T1566", "Post", "initial-access")]), "b")
    label = Labels(now, WALK, [RELEASE]).judge("T1566")
    assert (label.state, label.name, label.note) == (
        LabelState.RENAMED,
        "Post",
        "once named Letters",
    )
    assert not label.faulty


def test_each_label_is_told_once():
    assert [one.text for one in LABELS.all(["T1566", "T1059", "T1566"])] == ["T1566", "T1059"]


@given(st.text(max_size=40))
def test_any_text_is_judged(text):
    assert LABELS.judge(text).state in LabelState


@given(st.integers(0, 9999), st.none() | st.integers(0, 999))
def test_a_well_formed_id_is_never_malformed(number, sub):
    text = f"T{number:04}" + (f".{sub:03}" if sub is not None else "")
    assert LABELS.judge(text).state is not LabelState.MALFORMED


@pytest.mark.data
def test_rules_of_a_later_release_are_no_fault_of_theirs(shared_data):
    """237 of the 3,286 rules with techniques use ids that the release of November 2025 lacks."""
    path = shared_data / "attack/enterprise-attack-from-mitre-cti.json.gz"
    release, _ = read_bundle(gzip.decompress(path.read_bytes()), "b")
    labels = Labels(release, read_crosswalk(load(None).under("attack/")))
    mapped = newer = 0
    for _, data in read_members(shared_data / "detection/sigma_rules.tar.xz"):
        tags = re.findall(r"^ +- attack\.(\S+)", data.decode(), re.MULTILINE)
        states = {labels.judge(tag).state for tag in tags if re.match(r"t\d", tag)}
        assert states <= {LabelState.CURRENT, LabelState.NEWER}
        mapped += bool(states)
        newer += LabelState.NEWER in states
        assert not [tag for tag in tags if labels.judge(tag).faulty]
    assert (mapped, newer) == (3_286, 237)
    assert labels.judge("stealth").state is LabelState.NEWER
