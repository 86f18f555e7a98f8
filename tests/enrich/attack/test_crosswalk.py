"""A crosswalk is read in both directions, and a wrong one is told with its line."""

from itertools import chain

import pytest

from tocsin.content import load
from tocsin.enrich.attack.crosswalk import crosswalk_errors, read_crosswalk
from tocsin.model.content import ContentFile

TEXT = b"""\
- release: "19"
  moved:
    defense-evasion: [stealth, defense-impairment]
    T1562.002: [T1685.001]
- release: "20"
  moved:
    T1562.008: [T1685.001]
"""


def file(data: bytes) -> ContentFile:
    return ContentFile("attack/c.yaml", data, "site")


def test_it_reads_in_both_directions():
    walk = read_crosswalk([file(TEXT), file(TEXT)])
    assert walk.newer("defense-evasion") == ("stealth", "defense-impairment")
    assert walk.older("stealth") == ("defense-evasion",)
    assert walk.older("T1685.001") == ("T1562.002", "T1562.008")
    assert walk.newer("stealth") == walk.older("defense-evasion") == ()
    assert [move.release for move in walk.backward["T1685.001"]] == ["19", "20"]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"release: 19", "c.yaml:1: a crosswalk is a list"),
        (b"- release: '19'\n", "exactly `release` and `moved`"),
        (b"- release: 19\n  moved: {}\n", "written as text"),
        (b"- release: '19'\n  moved: []\n", "maps an old label"),
        (b"- release: '19'\n  moved:\n    T1: [T1685]\n", "c.yaml:3: 'T1' is no technique"),
        (b"- release: '19'\n  moved:\n    T1562: [T1685, 3]\n", "3 is no technique"),
        (b"- release: '19'\n  moved:\n    T1562: T1685\n", "a list of at least one"),
        (b"- release: '19'\n  moved:\n    T1562: []\n", "a list of at least one"),
        (b"- release: '19'\n  moved:\n    T1562: [T1562]\n", "without the old"),
        (b"- [", "c.yaml:2: not YAML"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(data, told):
    (error,) = crosswalk_errors([file(TEXT), file(data)])
    assert told in str(error)


def test_what_ships_is_right():
    files = list(load(None).under("attack/"))
    walk = read_crosswalk(files)
    assert walk.older("stealth") == ("defense-evasion",)
    assert all(chain.from_iterable(walk.forward.values()))
