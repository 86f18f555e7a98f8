from collections import defaultdict
from pathlib import Path

import pytest
from tests.lab.conftest import DAY, MONDAY, Whole, write_whole

from tocsin.errors import UsageError
from tocsin.lab import (
    CAMPAIGNS,
    Enterprise,
    campaigns,
    cloudtheft,
    insider,
    maintenance,
    roasting,
    spray,
    takeover,
    write_history,
)
from tocsin.lab.enterprise import SOURCES

COURSES = [(name, benign) for name in CAMPAIGNS for benign in (False, True)]


def labels(whole: Whole, name: str, *, benign: bool) -> list[dict[str, object]]:
    return [x for x in whole.truth if x["campaign"] == name and x["benign"] is benign]


def test_there_is_a_course_for_every_name() -> None:
    assert tuple(campaigns.COURSES) == CAMPAIGNS
    attacks = {course.attack for course in campaigns.COURSES.values()}
    assert {module.attack for module in (spray, cloudtheft, insider, roasting, takeover)} < attacks
    assert campaigns.COURSES["ransomware"].twin is maintenance.maintain


@pytest.mark.parametrize(("name", "benign"), COURSES)
def test_each_is_in_the_truth_in_order_of_time(whole: Whole, name: str, benign: bool) -> None:
    told = labels(whole, name, benign=benign)
    times = [label["time"] for label in told]
    assert len(told) >= 8
    assert times == sorted(times)
    assert all(label["user"] and label["technique"].startswith("T1") for label in told)
    assert MONDAY <= times[0] <= times[-1] <= MONDAY + DAY


@pytest.mark.parametrize("name", CAMPAIGNS)
def test_a_twin_looks_alike_in_single_events(whole: Whole, name: str) -> None:
    """Much of what a campaign leaves, its twin leaves too: same source, event and technique."""
    sides = [
        {(x["source"], x["event_id"], x["technique"].split(".")[0]) for x in told if not x["quiet"]}
        for told in (labels(whole, name, benign=benign) for benign in (False, True))
    ]
    assert len(sides[0] & sides[1]) >= min(3, len(sides[1]) // 2)


def test_the_truth_names_files_and_lines(whole: Whole) -> None:
    for label in whole.truth:
        line = whole.lines[label["file"]][label["line"] - 1]
        if label["source"] == "windows":
            assert f'"RecordNumber":{label["record_number"]},'.encode() in line
            assert f'"EventID":{label["event_id"]},'.encode() in line
        elif label["source"] in ("cloudtrail", "zeek", "okta"):
            assert str(label["event_id"]).encode() in line or label["source"] == "zeek"
    assert {label["source"] for label in whole.truth} >= {
        "windows",
        "zeek",
        "firewall",
        "entra",
        "okta",
        "cloudtrail",
    }


def test_lines_are_labelled_once(whole: Whole) -> None:
    places = [(label["file"], label["line"]) for label in whole.truth]
    assert len(set(places)) == len(places)


def test_the_logs_tell_nothing_of_the_truth(whole: Whole) -> None:
    steps = {str(label["step"]).encode() for label in whole.truth if " " in label["step"]}
    for lines in whole.lines.values():
        text = b"\n".join(lines)
        assert not [step for step in steps if b'"' + step + b'"' in text]


def test_every_source_writes(whole: Whole) -> None:
    assert set(whole.written.by_source) == set(SOURCES)
    assert sum(whole.written.by_source.values()) == whole.written.records


def test_the_same_seed_gives_the_same_bytes(whole: Whole, tmp_path: Path) -> None:
    again = write_whole(tmp_path)
    assert again.lines == whole.lines
    assert again.truth == whole.truth


def test_other_sources_change_nothing_in_the_windows_logs_but_time(
    whole: Whole, tmp_path: Path
) -> None:
    only = write_whole(tmp_path, sources=("windows",))
    assert {name for name in whole.lines if name.endswith("-security.json")} == {
        name for name in only.lines if name.endswith("-security.json")
    }
    for name, lines in only.lines.items():
        assert abs(len(lines) - len(whole.lines[name])) <= len(lines) * 0.02 + 2


def test_no_campaign_no_truth(tmp_path: Path) -> None:
    calm = write_whole(tmp_path, campaigns=(), twins=())
    assert calm.truth == []
    assert calm.written.attack_at is None


def test_in_a_week_each_has_its_own_day(tmp_path: Path) -> None:
    days = defaultdict(set)
    week = Enterprise.of(25, 1, volume=1)
    week = type(week)(
        people=week.people, density=0.01, campaigns=CAMPAIGNS, twins=CAMPAIGNS, sources=SOURCES
    )
    write_history(tmp_path / "l", tmp_path / "t", 1, MONDAY, 7 * DAY, enterprise=week)
    whole = Whole(tmp_path, {}, _truth(tmp_path / "t"), None)
    for name, benign in COURSES:
        for label in labels(whole, name, benign=benign):
            days[name, benign].add((label["time"] - MONDAY) // DAY)
    assert set(days) == set(COURSES)
    assert len({day for found in days.values() for day in found}) >= 5
    assert max(day for found in days.values() for day in found) < 5  # nothing at the weekend


def _truth(path: Path) -> list[dict[str, object]]:
    import orjson

    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def test_what_does_not_exist_is_refused() -> None:
    with pytest.raises(UsageError, match="no campaign is called worm"):
        Enterprise(campaigns=("worm",))
    with pytest.raises(UsageError, match="no source is called fax"):
        Enterprise(sources=("fax",))
    with pytest.raises(UsageError, match="need 20 people"):
        Enterprise(people=Enterprise().people[:5])
