"""New rules: what is different, what they would have fired, and trials."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.app.stored import NOW, PACKING, fill_lake, new_site, packing

from tocsin.app import firing, overview, ruling, selecting
from tocsin.app.check import check_trials
from tocsin.app.content import disk_content
from tocsin.app.site import Site
from tocsin.errors import UsageError

DAY = 86_400_000_000
RAR: dict[str, Any] = {
    "title": "Packer is started",
    "id": "0d1c2b3a-0000-4000-8000-000000000001",
    "date": "2026-11-23",
    "level": "low",
    "logsource": {"product": "windows", "category": "process_creation"},
    "detection": {"sel": {"Image|endswith": "\\rar.exe"}, "condition": "sel"},
}


def put(path: Path, **changes: object) -> Path:
    tree = {key: value for key, value in {**RAR, **changes}.items() if value is not None}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(tree, sort_keys=False))
    return path


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return new_site(tmp_path / "soc")


def kinds(coming: ruling.Coming) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    return [(change.kind, change.logic, change.told) for change in coming.changes]


def test_a_new_rule_comes_into_the_site(site: Site, tmp_path: Path) -> None:
    source = put(tmp_path / "in/rar.yml")
    (tmp_path / "in/rar.tests.yaml").write_text("match: [{EventID: 1}]\nno_match: [{EventID: 2}]\n")
    coming = ruling.compare(site, tmp_path / "in", whole=False)
    assert kinds(coming) == [("added", (), ())]
    assert [status.state for status in coming.statuses] == ["active"]
    assert ruling.put(site, coming, staged=False) == ["rules/in/rar.tests.yaml", "rules/in/rar.yml"]
    assert kinds(ruling.compare(site, source, whole=False)) == [("same", (), ())]
    assert ruling.put(site, ruling.compare(site, tmp_path / "in", whole=True), staged=False) == []


def test_what_it_fires_on_is_told_from_what_it_tells(site: Site, tmp_path: Path) -> None:
    source = put(tmp_path / "rar.yml")
    ruling.put(site, ruling.compare(site, source, whole=False), staged=False)
    put(source, level="high", date="2026-11-24")
    coming = ruling.compare(site, source, whole=False)
    assert kinds(coming) == [("changed", (), ("date", "level"))]
    assert coming.fresh == []
    put(source, detection={"sel": {"Image|endswith": "\\7z.exe"}, "condition": "sel"})
    assert kinds(ruling.compare(site, source, whole=False)) == [("changed", ("detection",), ())]


def test_a_rule_stays_where_the_site_has_it(site: Site, tmp_path: Path) -> None:
    put(Path(site.folder or "") / "rules/own/mine.yml")
    coming = ruling.compare(site, put(tmp_path / "x/rar.yml", level="high"), whole=False)
    assert list(coming.files) == ["rules/own/mine.yml"]


def test_an_update_takes_away_what_is_gone_from_its_folder_only(site: Site, tmp_path: Path) -> None:
    source = tmp_path / "hq"
    put(source / "a.yml")
    put(source / "b.yml", id="0d1c2b3a-0000-4000-8000-000000000002", title="Other")
    put(tmp_path / "soc/rules/own.yml", id="0d1c2b3a-0000-4000-8000-000000000003")
    ruling.put(site, ruling.compare(site, source, whole=True), staged=False)
    (source / "b.yml").unlink()
    assert [c[0] for c in kinds(ruling.compare(site, source, whole=False))] == ["same"]
    coming = ruling.compare(site, source, whole=True)
    assert [c[0] for c in kinds(coming)] == ["same", "removed"]
    assert ruling.put(site, coming, staged=False) == ["rules/hq/b.yml"]
    assert (tmp_path / "soc/rules/own.yml").exists()


def test_a_rule_among_others_is_not_torn_out(site: Site, tmp_path: Path) -> None:
    two = [RAR, {**RAR, "id": "0d1c2b3a-0000-4000-8000-000000000002", "title": "Other"}]
    (tmp_path / "soc/rules/both.yml").write_text(yaml.safe_dump_all(two))
    with pytest.raises(UsageError, match="with others"):
        ruling.compare(site, put(tmp_path / "rar.yml"), whole=False)


def test_a_folder_without_rules_is_an_error(site: Site, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/notes.yaml").write_text("- 1\n")
    with pytest.raises(UsageError, match="holds no rule"):
        ruling.compare(site, tmp_path / "in", whole=False)


def test_what_cannot_be_used_is_told_with_its_reason(site: Site, tmp_path: Path) -> None:
    source = put(tmp_path / "rar.yml", logsource={"product": "abacus"})
    [status] = ruling.unusable(ruling.compare(site, source, whole=False).statuses)
    assert "abacus" in status.reason


def test_a_trial_begins_and_ends(site: Site, tmp_path: Path) -> None:
    source = put(tmp_path / "rar.yml")
    touched = ruling.put(site, ruling.compare(site, source, whole=False), staged=True)
    assert touched == ["rules/added/rar.yml", "rules/staged.txt"]
    states = {line.rule_id: line.state for line in overview.rules(site, None)}
    assert states[RAR["id"]] == "staged"
    assert states[PACKING] == "active"
    assert ruling.stage(site, {RAR["id"]: "again"}) == []
    ruling.stage(site, {PACKING: "Two\nlines"})
    for beginning, text in (("nothing", "no rule"), ("", "no rule")):
        with pytest.raises(UsageError, match=text):
            ruling.promote(site, [beginning])
    assert ruling.promote(site, [RAR["id"][:6]]) == [f"{RAR['id']}  # Packer is started"]
    text = (tmp_path / "soc/rules/staged.txt").read_text()
    assert text.endswith(f"promoted.\n{PACKING}  # Two lines\n")


def test_one_person_puts_no_critical_shipped_rule_on_trial(site: Site, tmp_path: Path) -> None:
    serious = selecting.critical_shipped(disk_content(site))
    rule_id = min(serious)
    with pytest.raises(UsageError, match="second person"):
        ruling.stage(site, {PACKING: "Packing", rule_id: "Serious"})
    coming = ruling.compare(site, put(tmp_path / "rar.yml", id=rule_id), whole=False)
    with pytest.raises(UsageError, match="second person"):
        ruling.put(site, coming, staged=True)
    assert not (tmp_path / "soc/rules/added").exists()
    list_ = tmp_path / "soc/rules/staged.txt"
    list_.write_text(f"{rule_id}\n{PACKING}\n")
    [problem] = check_trials(disk_content(site))
    assert (problem.where, problem.severity) == ("site/rules/staged.txt", "error")
    assert serious[rule_id] in problem.message


@pytest.fixture(scope="module")
def lake_site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site in whose lake three programs were started."""
    site = new_site(tmp_path_factory.mktemp("ruling") / "soc")
    fill_lake(site, [packing("NQ\\eve", hour) for hour in range(3)])
    return site


def test_what_it_would_have_fired_is_told(lake_site: Site, tmp_path: Path) -> None:
    put(tmp_path / "in/rar.yml")
    put(tmp_path / "in/none.yml", id="0d1c2b3a-0000-4000-8000-000000000009",
        detection={"sel": {"Image": "never"}, "condition": "sel"})  # fmt: skip
    coming = ruling.compare(lake_site, tmp_path / "in", whole=False)
    found = firing.fired(lake_site, coming, 0, NOW + 99 * DAY)
    rar = next(one for one in found if one.rule_id == RAR["id"])
    assert (rar.findings, rar.by_day) == (3, (("2026-11-18", 3),))
    assert rar.hosts[0][1] == 3
    assert "rar.exe" in rar.examples[0][2]
    assert sorted(one.findings for one in found) == [0, 3]
    assert firing.fired(lake_site, coming, NOW + 90 * DAY, NOW + 99 * DAY)[0].findings == 0


def test_only_what_is_fresh_is_tried(lake_site: Site, tmp_path: Path) -> None:
    source = put(tmp_path / "rar.yml")
    coming = ruling.compare(lake_site, source, whole=False)
    same = ruling.Coming(coming.files, (), (), ())
    assert firing.fired(lake_site, same, 0, NOW) == []


MANY = {
    "title": "Packs again and again",
    "id": "0d1c2b3a-0000-4000-8000-00000000000a",
    "correlation": {
        "type": "event_count",
        "rules": [PACKING],
        "group-by": ["User"],
        "timespan": "1d",
        "condition": {"gte": 2},
    },
    "level": "high",
}


def test_a_correlation_over_a_rule_that_is_there_is_computed(
    lake_site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "many.yml").write_text(yaml.safe_dump(MANY))
    coming = ruling.compare(lake_site, tmp_path / "many.yml", whole=False)
    assert ruling.unusable(coming.statuses) == []
    [many] = firing.fired(lake_site, coming, 0, NOW + 99 * DAY)
    assert (many.rule_id, many.findings, many.title) == (MANY["id"], 1, MANY["title"])
    assert "event_count" in many.examples[0][2]
    monkeypatch.setattr(firing, "MOST_PARTS", 1)
    assert firing.fired(lake_site, coming, 0, NOW + 99 * DAY) == []
