"""The fold on invented correlations: laws, agreement with replay and oracle, and its limits.

TOCSIN_CORRELATIONS=N in the environment invents N correlations instead of a few.
"""

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.detect.correlation_cases import (
    DAY,
    Case,
    base_findings,
    compiled,
    final,
    rows_of,
    said_of,
)
from tests.detect.correlation_oracle import Correlations
from tests.detect.naive_oracle import Logsources
from tests.laws import END, check_fold

from tocsin.detect.sigma.logsources import load_logsources
from tocsin.detect.sigma.windows import memory
from tocsin.detect.sigma.windows.compose import id_of
from tocsin.detect.sigma.windows.fold import WindowsFold
from tocsin.detect.sigma.windows.replay import replay
from tocsin.model.findings import Standing
from tocsin.model.stages import pack_state, unpack_state

EXAMPLES = int(os.environ.get("TOCSIN_CORRELATIONS", "60"))
FILE = b"""
product: windows
route: {channel: Channel, event: EventID}
shapes: {flat: {}}
services: {security: [Security]}
"""
LOGSOURCES = load_logsources("logsources.yaml", FILE)
NAMES = ("a", "b", "c")
RULES: list[dict[str, Any]] = [
    {
        "name": name,
        "id": f"rule-{name}",
        "title": name,
        "logsource": {"product": "windows", "service": "security"},
        "detection": {"selection": {"Kind|contains": name}, "condition": "selection"},
    }
    for name in NAMES
]
numbers = st.sampled_from([0, 1, 2, 2.5, -3, "7", "x"])
fields = st.fixed_dictionaries(
    {"Kind": st.sampled_from(["a", "b", "c", "ab", "bc"])},
    optional={"U": st.sampled_from(["u", "U", "v", ["u", "v"]]), "N": numbers},
)
times = st.integers(0, 40)
events = st.lists(st.tuples(times, fields), min_size=1, max_size=14)
bounds = st.sampled_from(
    [{"gte": 2}, {"gt": 2}, {"lt": 2}, {"lte": 1}, {"eq": 2}, {"neq": 1}, {"gte": 1, "lt": 3}]
)
words = st.sampled_from(["a and b", "a or b", "a and not b", "b and (a or not c)", "not a and c"])


@st.composite
def sections(draw: st.DrawFn, refs: tuple[str, ...] = NAMES) -> dict[str, Any]:
    numeric = ["value_sum", "value_avg", "value_percentile", "value_median"]
    counting = ["event_count", "value_count", "temporal", "temporal_ordered"]
    kind = draw(st.sampled_from(counting + (numeric if refs is NAMES else [])))
    section: dict[str, Any] = {
        "type": kind,
        "rules": draw(st.permutations(refs))[: draw(st.integers(1, len(refs)))],
        "timespan": draw(st.sampled_from(["5s", "10s", "20s"])),
    }
    if draw(st.booleans()):
        section["group-by"] = ["U"]
    if "temporal" not in kind:
        section["condition"] = dict(draw(bounds))
        if kind != "event_count":
            section["condition"]["field"] = draw(st.sampled_from(["N", "U"]))
        if kind == "value_percentile":
            section["condition"]["percentile"] = draw(st.integers(0, 100))
    elif refs is NAMES and draw(st.booleans()):
        section["condition"] = draw(words)
        del section["rules"]
    elif draw(st.booleans()):
        section["condition"] = draw(bounds)
    return section


@st.composite
def invented(draw: st.DrawFn) -> Case:
    inner = {"id": "id-inner", "name": "inner", "title": "i", "correlation": draw(sections())}
    documents = [*RULES, inner]
    if draw(st.booleans()):
        outer = draw(sections(("inner", "a")))
        documents.append({"id": "id-outer", "title": "o", "correlation": outer})
    found = [
        (DAY + at * 1_000_000, f"{n:04}", {"Channel": "Security", "EventID": 1, **more})
        for n, (at, more) in enumerate(draw(events))
    ]
    return Case("invented", documents, found, [])


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
@given(case=invented(), data=st.data())
def test_fold_replay_and_oracle_agree(case: Case, data: st.DataObject) -> None:
    plan = compiled(case, LOGSOURCES)
    assert plan.correlations, plan.statuses
    base = base_findings(plan, case.events)
    if not base:
        return
    replayed = {found.finding_id: found for found in replay(plan.correlations, base)}
    oracle = Correlations(case.documents, Logsources(FILE), "flat").run(case.events)
    starts = {id_of(c, s.group, s.start): s.start for c in plan.correlations for s in oracle}
    assert {said_of(plan, found, starts) for found in replayed.values()} == oracle
    rows = rows_of(base)
    fold = check_fold(lambda: WindowsFold(plan.correlations), rows, final, data, lateness=8_000_000)
    assert fold == replayed


COUNT = {"type": "event_count", "rules": ["a"], "group-by": ["U"], "timespan": "10s"}


def counting(**more: Any) -> list[dict[str, Any]]:
    section = {**COUNT, "condition": {"gte": 3}, **more}
    return [*RULES, {"id": "id-many", "title": "many", "level": "high", "correlation": section}]


def case_of(ats: list[float], documents: list[dict[str, Any]], user: str = "u") -> Case:
    found = [
        (DAY + round(at * 1_000_000), f"{n:04}", {"Channel": "Security", "Kind": "a", "U": user})
        for n, at in enumerate(ats)
    ]
    return Case("one", documents, found, [])


def test_a_finding_is_told_at_once_and_amended() -> None:
    case = case_of([1, 2, 3, 4, 5, 6, 7], counting())
    plan = compiled(case, LOGSOURCES)
    base = base_findings(plan, case.events)
    fold = WindowsFold(plan.correlations)
    state, rows = fold.step(None, rows_of(base[:2]), watermark=DAY, now=0)
    assert rows.num_rows == 0
    state, rows = fold.step(state, rows_of(base[2:3]), watermark=DAY, now=0)
    (first,) = final([rows]).values()
    assert (first.level, len(first.event_uids), first.time) == ("high", 3, DAY + 3_000_000)
    assert [copy.event_uid for copy in first.events] == list(first.event_uids)
    assert len(first.entities) == 3
    state, rows = fold.step(state, rows_of(base[3:4]), watermark=DAY, now=0)
    assert rows.num_rows == 0
    state, rows = fold.step(state, rows_of(base[4:6]), watermark=DAY, now=0)
    (second,) = final([rows]).values()
    state, rows = fold.step(state, rows_of(base[6:]), watermark=DAY, now=0)
    assert rows.num_rows == 0
    state, rows = fold.step(state, rows_of([]), watermark=DAY + 10_000_000, now=0)
    (third,) = final([rows]).values()
    assert first.finding_id == second.finding_id == third.finding_id
    assert (len(second.event_uids), len(third.event_uids)) == (6, 7)
    _, rows = fold.step(state, rows_of([]), watermark=END, now=0)
    assert rows.num_rows == 0


def test_a_finding_says_what_made_it() -> None:
    case = case_of([1, 2, 3], counting(), user="Root")
    plan = compiled(case, LOGSOURCES)
    (found,) = replay(
        plan.correlations,
        base_findings(plan, case.events),
        content_id="content",
        standing_of=lambda _: Standing.STAGED,
    )
    assert [(m.predicate, m.value) for m in found.matched] == [
        ("the same in all events", "Root"),
        ("event_count gte 3 within 10s", "3"),
    ]
    assert (found.content_id, found.standing, found.site) == ("content", "staged", "here")
    assert found.values == (("U", "Root"),)


def test_state_is_forgotten_when_its_time_has_passed() -> None:
    case = case_of([1, 2], counting())
    plan = compiled(case, LOGSOURCES)
    base = base_findings(plan, case.events)
    fold = WindowsFold(plan.correlations)
    full, _ = fold.step(None, rows_of(base), watermark=DAY, now=0)
    empty, _ = fold.step(full, rows_of([]), watermark=DAY + 60_000_000, now=0)
    assert full is not None
    assert empty is not None
    assert len(empty) < len(full) / 3


def test_hits_without_a_group_are_counted() -> None:
    case = Case("none", counting(), [(DAY, "0", {"Channel": "Security", "Kind": "a"})], [])
    plan = compiled(case, LOGSOURCES)
    fold = WindowsFold(plan.correlations)
    fold.step(None, rows_of(base_findings(plan, case.events)), watermark=0, now=0)
    assert fold.counts == {"correlation-ungrouped": 1}


def test_groups_and_hits_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MAX_GROUPS", 20)
    monkeypatch.setattr(memory, "MAX_HITS", 20)
    events = [
        (DAY + n, f"{n:04}", {"Channel": "Security", "Kind": "a", "U": f"u{n % 30}"})
        for n in range(60)
    ]
    plan = compiled(Case("many", counting(), events, []), LOGSOURCES)
    fold = WindowsFold(plan.correlations)
    fold.step(None, rows_of(base_findings(plan, events)), watermark=0, now=0)
    assert fold.counts["correlation-given-up"] > 0


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
@given(case=invented(), watermarks=st.lists(times, min_size=1, max_size=8))
def test_what_is_not_written_anew_is_written_as_it_would_be(
    case: Case, watermarks: list[int]
) -> None:
    plan = compiled(case, LOGSOURCES)
    rows = rows_of(base_findings(plan, case.events))
    kept = WindowsFold(plan.correlations)
    rows = kept.feeds(rows)
    state: bytes | None = None
    share = -(-rows.num_rows // len(watermarks))
    for n, at in enumerate(sorted(watermarks)):
        part, mark = rows.slice(n * share, share), DAY + at * 1_000_000
        fresh, expected = WindowsFold(plan.correlations).step(state, part, watermark=mark, now=0)
        state, found = kept.step(state, part, watermark=mark, now=0)
        assert found == expected
        assert state == fresh
        if state is not None:
            assert pack_state(kept.version, unpack_state(state, memory.Memory, 1, {})) == state


def test_what_is_kept_in_memory_does_not_grow_with_states_that_are_given_up() -> None:
    case = case_of([1, 2, 3, 4, 5, 6], counting())
    plan = compiled(case, LOGSOURCES)
    base = base_findings(plan, case.events)
    fold = WindowsFold(plan.correlations)
    first, _ = fold.step(None, rows_of(base[:1]), watermark=DAY, now=0)
    outcomes = {fold.step(first, rows_of(base[n : n + 1]), watermark=DAY, now=0)[0] for n in (1, 2)}
    assert len(outcomes) == 2
    assert len(fold._kept) == 1  # nothing else shows how much is held


def test_rows_that_no_correlation_refers_to_are_left_out() -> None:
    events = [
        (DAY + n, f"{n:04}", {"Channel": "Security", "Kind": kind, "U": "u"})
        for n, kind in enumerate("abc")
    ]
    plan = compiled(Case("feeds", counting(), events, []), LOGSOURCES)
    fold = WindowsFold(plan.correlations)
    rows = rows_of(base_findings(plan, events))
    assert rows.num_rows == 3
    assert fold.key(rows).to_pylist() == ["here|id-many", "", ""]
    assert fold.feeds(rows).num_rows == 1
    assert fold.step(None, rows.slice(1), watermark=0, now=0)[0] is None


def test_a_changed_rule_begins_with_empty_windows() -> None:
    case = case_of([1, 2, 3], counting())
    plan, changed = (
        compiled(Case("c", documents, case.events, []), LOGSOURCES)
        for documents in (counting(), counting(timespan="20s"))
    )
    base = base_findings(plan, case.events)
    state, _ = WindowsFold(plan.correlations).step(None, rows_of(base[:2]), watermark=0, now=0)
    fold = WindowsFold(changed.correlations)
    _, rows = fold.step(state, rows_of(base[2:]), watermark=0, now=0)
    assert rows.num_rows == 0


def test_a_component_that_is_gone_is_forgotten() -> None:
    case = case_of([1], counting())
    plan = compiled(case, LOGSOURCES)
    rows = rows_of(base_findings(plan, case.events))
    state, _ = WindowsFold(plan.correlations).step(None, rows, watermark=0, now=0)
    assert WindowsFold([]).step(state, rows_of([]), watermark=0, now=0)[0] is None
