"""A correlation is explained by what its groups came to."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.app.stored import NOW, PACKING, fill_lake, new_site, packing

from tocsin.app.site import Site
from tocsin.app.weighing import Group, weigh
from tocsin.errors import UsageError

DAY = 86_400_000_000
MANY: dict[str, Any] = {
    "title": "Packs again and again",
    "id": "0d1c2b3a-0000-4000-8000-00000000000a",
    "correlation": {
        "type": "event_count",
        "rules": [PACKING],
        "group-by": ["User"],
        "timespan": "1h",
        "condition": {"gte": 3},
    },
    "level": "high",
}
TITLE = "Archive with a password is built on the command line"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site where eve packed in hours 1, 2 and 5, and bob once."""
    made = new_site(tmp_path_factory.mktemp("weighing") / "soc")
    fill_lake(made, [*(packing("eve", hour) for hour in (1, 2, 5)), packing("bob")])
    (Path(made.folder or "") / "rules/many.yml").write_text(yaml.safe_dump(MANY))
    return made


def test_groups_are_counted_over_the_timespan(site: Site) -> None:
    found = weigh(site, "packs again", 0, NOW + 99 * DAY)
    assert found is not None
    assert (found.condition, found.group_by) == ("event_count gte 3 within 1h", ("User",))
    assert found.parts == (TITLE,)
    assert found.groups == (
        Group(("eve",), events=3, most=2, parts={TITLE: 3}),
        Group(("bob",), events=1, most=1, parts={TITLE: 1}),
    )
    assert (found.of_groups, found.ungrouped, found.note) == (2, 0, "")


def test_only_the_time_asked_for_counts(site: Site) -> None:
    found = weigh(site, "packs again", NOW + 90 * DAY, NOW + 99 * DAY)
    assert found is not None
    assert found.groups == ()


def test_other_rules_are_not_weighed(site: Site) -> None:
    assert weigh(site, PACKING, 0, NOW) is None
    with pytest.raises(UsageError, match="no rule"):
        weigh(site, "nothing such", 0, NOW)


def test_without_stored_events_it_says_what_it_needs(tmp_path: Path) -> None:
    found = weigh(new_site(tmp_path / "soc"), "Many logons over SSH fail", 0, NOW)
    assert found is not None
    assert (found.condition, found.group_by) == ("event_count gte 15 within 5m", ("src", "host"))
    assert "no events are stored" in found.note
