from hypothesis import given
from hypothesis import strategies as st
from tests.correlate.findings import T0, finding, host, rows_of, user

from tocsin.correlate import board as boards
from tocsin.correlate.board import MAX_KNOWN, Board, learn
from tocsin.correlate.incidents import IncidentFold

FAR = 2**61


@given(ids=st.lists(st.text(max_size=8), max_size=60))
def test_a_finding_is_known_once_it_was_seen(ids: list[str]) -> None:
    board = Board()
    seen: set[str] = set()
    for name in ids:
        assert learn(board, name) is (name not in seen)
        seen.add(name)


def test_what_is_known_is_bounded_and_forgets_the_oldest() -> None:
    board = Board()
    for number in range(256 * MAX_KNOWN + 20_000):
        learn(board, str(number))
    assert sum(map(len, board.known.values())) <= 256 * MAX_KNOWN * 8
    assert not learn(board, str(256 * MAX_KNOWN + 19_999))


def test_numbers_of_joined_groups_lead_to_what_lives() -> None:
    board = Board(parent={1: 2, 2: 5, 7: 5})
    assert [board.root(number) for number in (1, 2, 5, 7, 9)] == [5, 5, 5, 5, 9]


def test_past_the_limit_the_quietest_incidents_close_early(monkeypatch) -> None:
    monkeypatch.setattr(boards, "MAX_GROUPS", 50)
    many = [finding(n, n, host(f"h{n}")) for n in range(120)]
    state, changes = IncidentFold().step(None, rows_of(many), watermark=T0, now=0)
    assert changes.num_rows == 120
    fold = IncidentFold()
    again = finding("next", 119, host("h119"), rule="other")
    closed = finding("gone", 0, host("h0"))
    _, changes = fold.step(state, rows_of([again, closed]), watermark=T0, now=0)
    kept = fold._last[1]
    assert len(kept.groups) <= 50
    assert all(kept.root(run.group) in kept.groups for runs in kept.runs.values() for run in runs)
    assert changes.num_rows == 2


def test_hostile_minutes_are_bounded(monkeypatch) -> None:
    monkeypatch.setattr(boards, "MAX_MINUTES", 30)
    future = [finding(n, FAR + n * 60_000_000, host("h"), user("ann")) for n in range(90)]
    fold = IncidentFold()
    fold.step(None, rows_of(future), watermark=T0, now=0)
    assert len(fold._last[1].minutes) <= 30
