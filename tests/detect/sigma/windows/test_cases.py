"""Every case of a correlation: by hand, by the oracle, by replay, and by the fold in any order."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.detect.correlation_cases import (
    DAY,
    Case,
    base_findings,
    cases,
    compiled,
    final,
    rows_of,
    said_of,
)
from tests.detect.correlation_oracle import Correlations, Said
from tests.detect.naive_oracle import Logsources
from tests.laws import END, check_fold

from tocsin.detect.sigma.plan import Plan
from tocsin.detect.sigma.windows.compose import id_of
from tocsin.detect.sigma.windows.fold import WindowsFold
from tocsin.detect.sigma.windows.replay import replay
from tocsin.model.findings import Finding
from tocsin.model.logsources import LogsourceBinding

CASES = list(cases())
LATENESS = 7_000_000


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 40
    assert len({case.name for case in CASES}) == len(CASES)


def expected(case: Case) -> set[tuple[object, ...]]:
    """What the case says by hand, without which events they are."""
    return {
        (f"id-{name}", tuple(map(str, group)), _at(start), _at(at), str(measure), count)
        for name, group, start, at, measure, count in case.expect
    }


def _at(second: float) -> int:
    return DAY + round(second * 1_000_000)


def counted(said: set[Said]) -> set[tuple[object, ...]]:
    return {(*one[:5], len(one.events)) for one in said}


def told(plan: Plan, findings: dict[str, Finding], oracle: set[Said]) -> set[Said]:
    """Findings as the oracle says them; a start is not in a finding but makes its identity."""
    starts = {}
    for one in plan.correlations:
        for said in oracle:
            starts[id_of(one, said.group, said.start)] = said.start
    return {said_of(plan, found, starts) for found in findings.values()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case, logsources: tuple[LogsourceBinding, ...], logsource_bytes: bytes) -> None:
    plan = compiled(case, logsources)
    assert all(status.state == "active" for status in plan.statuses), plan.statuses
    oracle = Correlations(case.documents, Logsources(logsource_bytes), "flat").run(case.events)
    assert counted(oracle) == expected(case)
    base = base_findings(plan, case.events)
    replayed = {found.finding_id: found for found in replay(plan.correlations, base)}
    assert told(plan, replayed, oracle) == oracle

    @settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])
    @given(st.data())
    def check(data: st.DataObject) -> None:
        rows = rows_of(sorted(base, key=lambda found: found.received_at))
        found = check_fold(
            lambda: WindowsFold(plan.correlations), rows, final, data, lateness=LATENESS
        )
        assert found == replayed

    if base:
        check()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_comes_too_late_is_counted_and_changes_nothing(
    case: Case, logsources: tuple[LogsourceBinding, ...]
) -> None:
    plan = compiled(case, logsources)
    base = base_findings(plan, case.events)
    if not base:
        return
    fold = WindowsFold(plan.correlations)
    newest = max(found.time for found in base)
    state, first = fold.step(None, rows_of(base), watermark=newest + 1, now=0)
    again, second = fold.step(state, rows_of(base[:1]), watermark=newest + 1, now=0)
    assert fold.counts["correlation-late"] == 1
    assert second.num_rows == 0
    _, third = fold.step(again, rows_of([]), watermark=END, now=0)
    replayed = {found.finding_id: found for found in replay(plan.correlations, base)}
    assert final([first, third]) == replayed
