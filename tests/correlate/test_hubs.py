import pytest

from tocsin.correlate.grouping import Grouping
from tocsin.correlate.hubs import load_hubs, with_hubs
from tocsin.errors import ContentError


def test_named_hubs_are_folded_and_come_beside_those_known_everywhere() -> None:
    names = load_hubs("site/hubs.yaml", b"hubs:\n  - DC01\n  - 10.0.0.5\n")
    assert names == {"dc01", "10.0.0.5"}
    assert with_hubs(names).hubs == Grouping().hubs | names


@pytest.mark.parametrize(
    "text", ["- dc01\n", "hubs: dc01\n", "hubs: [1]\n", "hubs: []\nmore: 1\n", "{", ""]
)
def test_what_is_no_list_of_names_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(ContentError, match=r"site/hubs\.yaml"):
        load_hubs("site/hubs.yaml", text.encode())


def test_too_many_are_refused() -> None:
    many = "hubs: [" + ",".join(f"h{n}" for n in range(1_001)) + "]"
    with pytest.raises(ContentError, match="at most"):
        load_hubs("site/hubs.yaml", many.encode())
