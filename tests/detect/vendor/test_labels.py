"""ATT&CK labels in the spellings of vendors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.detect.vendor.labels import labels_of, tactic, techniques_in
from tocsin.model.attack import TACTICS


@pytest.mark.parametrize("name", TACTICS)
def test_every_spelling_of_a_tactic_is_one(name):
    words = name.split("-")
    camel = "".join(word.capitalize() for word in words)
    spellings = [name, camel, " ".join(words).title(), "_".join(words).upper(), name.upper()]
    assert {tactic(spelling) for spelling in spellings} == {name}


def test_ids_of_tactics_are_known_and_categories_are_none():
    assert tactic("TA0006") == "credential-access"
    assert tactic("ta0011") == "command-and-control"
    assert {tactic(text) for text in ("Malware", "SuspiciousActivity", "", "PreAttack")} == {""}


def test_techniques_are_found_inside_text():
    assert techniques_in("t1059.001 - PowerShell, T1003") == ["T1059.001", "T1003"]
    assert techniques_in("AT1003 T10031 TT1003") == []


def test_a_sub_technique_says_its_technique_too():
    attacks = [{"technique": {"uid": "T1059"}, "sub_technique": {"uid": "T1059.001"}}]
    assert labels_of(attacks) == (("T1059.001",), ())


@given(st.lists(st.none() | st.text() | st.dictionaries(st.text(), st.text()), max_size=40))
def test_labels_of_anything(attacks):
    techniques, tactics = labels_of(attacks)
    assert len(techniques) <= 64
    assert len(tactics) <= 64


def test_several_labels_may_stand_in_one_text():
    attacks = [
        {"tactic": {"name": '["InitialAccess", "Persistence"]'}},
        {"tactic": {"name": "Impact, Discovery"}, "technique": {"uid": '["T1078","T1110.003"]'}},
    ]
    tactics = ("initial-access", "persistence", "impact", "discovery")
    assert labels_of(attacks) == (("T1078", "T1110.003"), tactics)
