import pytest

from tocsin.correlate.grouping import Grouping
from tocsin.correlate.hubs import grouping_of, load_hubs, with_hubs
from tocsin.errors import ContentError
from tocsin.model.content import ContentFile


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


def test_the_files_of_a_site_name_its_hubs() -> None:
    files = [
        ContentFile("correlation/hubs.yaml", b"hubs: [DC01]\n", "site"),
        ContentFile("correlation/more.yaml", b"hubs: [10.0.0.5]\n", "site"),
        ContentFile("rules/x.yml", b"title: x\n", "site"),
    ]
    assert grouping_of(files).hubs >= {"dc01", "10.0.0.5"}
    with pytest.raises(ContentError, match=r"correlation/hubs\.yaml"):
        grouping_of([ContentFile("correlation/hubs.yaml", b"hubs: 1\n", "site")])
