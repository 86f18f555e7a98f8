"""How alike names are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.normalize.propose.names import Rarity, likeness, words

RARITY = Rarity(["src_ip", "dst_ip", "user.name", "event.type", "client.port"])


@pytest.mark.parametrize("name", ["srcip", "src_ip", "SourceIP", "sourceIP", "source.ip"])
def test_one_thing_has_many_names(name: str) -> None:
    assert likeness(name, "src_ip", RARITY) > likeness(name, "dst_ip", RARITY)
    assert likeness(name, "src_ip", RARITY) > 0.5


@given(st.text(max_size=40), st.text(max_size=40))
def test_likeness_is_a_share_and_has_no_direction(one: str, other: str) -> None:
    assert 0 <= likeness(one, other, RARITY) <= 1
    assert likeness(one, other, RARITY) == pytest.approx(likeness(other, one, RARITY))
    assert likeness(one, one, RARITY) == 1
    assert all(weight > 0 for _, weight in words(one))
