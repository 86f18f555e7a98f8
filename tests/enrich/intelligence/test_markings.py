"""How far intelligence may go."""

import pytest

from tocsin.enrich.intelligence.bundle import StixObject
from tocsin.enrich.intelligence.markings import strictest, tlp_of_marking, tlp_word
from tocsin.model.intelligence import Tlp

RED_1 = "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"
CLEAR_2 = "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487"


def marking(**more):
    return StixObject(type="marking-definition", id="marking-definition--1", **more)


@pytest.mark.parametrize(
    ("one", "level"),
    [
        (marking(definition_type="tlp", definition={"tlp": "amber"}), Tlp.AMBER),
        (marking(extensions={"extension--1": {"tlp_2_0": "amber+strict"}}), Tlp.AMBER_STRICT),
        (marking(name="TLP:GREEN"), Tlp.GREEN),
        (marking(definition_type="statement", definition={}), None),
    ],
)  # fmt: skip
def test_a_definition_says_its_level(one, level):
    assert tlp_of_marking(one) is level


def test_the_strictest_of_several_holds_and_an_unknown_one_limits():
    nobody = {}.get
    assert strictest([CLEAR_2, RED_1], nobody, None) is Tlp.RED
    assert strictest([CLEAR_2], nobody, Tlp.GREEN) is Tlp.GREEN
    assert strictest(["marking-definition--9"], nobody, None) is Tlp.AMBER
    assert strictest([], nobody, None) is None


def test_levels_as_people_write_them():
    assert tlp_word("TLP:White") is Tlp.CLEAR
    assert tlp_word("amber_strict") is Tlp.AMBER_STRICT
    assert tlp_word("purple") is None
