"""An incident on the page: its kill chain, steps and evidence, within bounds."""

from tests.app.report.hunts import NOT_LOADED, about, changed, finding, incident, report
from tests.enrich.bundles import bundle

from tocsin.app.report import cards as module
from tocsin.app.report.cards import cards
from tocsin.enrich.attack import Labels, read_bundle
from tocsin.model.attack import Crosswalk, Move
from tocsin.model.findings import Entity, Level
from tocsin.model.incidents import Link, RuleCount

RELEASE, _ = read_bundle(bundle(), "b")
LABELS = Labels(RELEASE, Crosswalk.of((Move("19", "defense-evasion", ("stealth",)),)))


def told(one, labels=NOT_LOADED, found=()):
    hunt = changed(report(findings=0), incidents=[one], findings=list(found))
    return cards(hunt, labels)[0][0]


def test_the_kill_chain_shows_older_names_for_newer_tactics():
    view = told(incident([finding()], tactics=("stealth", "execution")), LABELS)
    assert [(stage.name, stage.seen) for stage in view.stages] == [
        ("Initial Access", False),
        ("Execution", True),
        ("Defense Evasion", True),
    ]
    plain = told(incident([finding()], tactics=("stealth",)))
    assert [stage.name for stage in plain.stages if stage.seen] == ["Stealth"]
    assert len(plain.stages) == 15


def test_long_stories_timelines_and_lists_are_cut_with_a_number():
    many = [finding(n) for n in range(200)]
    names = tuple(Entity("file", f"f{n}", f"f{n}") for n in range(30))
    links = tuple(Link(f"{n}", "", f"reason {n % 3}") for n in range(9))
    view = told(incident(many, story="s" * 9_000, entities=names, links=links))
    assert len(view.steps) + len(view.more_steps) + view.steps_left == 200
    assert view.steps_left == 40
    assert (len(view.kinds[0].names), view.kinds[0].left) == (6, 24)
    assert sum(one.total for one in view.reasons) == 9
    assert len(view.story[0]) <= 6_000


def test_a_story_has_paragraphs():
    story = "On a, 1 finding at 2026-01-01 00:00:00 UTC. Then b. Tactics in order: x."
    assert told(incident([finding()], story=story)).story == (
        "On a, 1 finding at 2026-01-01 00:00:00 UTC.",
        "Then b.",
        "Tactics in order: x.",
    )


def test_evidence_is_of_the_worst_rules_and_says_what_is_missing():
    found = [finding(n, level=list(Level)[n % 5]) for n in range(15)]
    rules = tuple(
        RuleCount(f"r{n}", f"r{n}", one.level, (), 3, n, n, (one.finding_id,))
        for n, one in enumerate(found)
    )
    view = told(incident(found, rules=rules), found=found)
    assert [one.level for one in view.evidence][:3] == ["critical"] * 3
    assert (len(view.evidence), view.evidence_left) == (10, 5)
    assert view.evidence[0].repeats == 2


def test_many_incidents_are_all_listed_and_some_told(monkeypatch):
    monkeypatch.setattr(module, "MAX_CARDS", 3)
    hunt = changed(report(findings=0), incidents=[incident([finding(n)]) for n in range(8)])
    full, brief = cards(hunt, about().labels)
    assert (len(full), len(brief)) == (3, 8)
    assert [one.told for one in brief] == [True] * 3 + [False] * 5
    assert [one.anchor for one in full] == ["i1", "i2", "i3"]
