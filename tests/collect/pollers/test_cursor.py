import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.collect.pollers.cursor import MOST_SEEN, SECOND, State, moment_of, written
from tocsin.collect.pollers.declaration import Cursor

AT = 1_767_600_000 * SECOND


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-01-05T08:00:00Z", AT), ("2026-01-05T08:00:00.000000+00:00", AT),
        ("2026-01-05T09:00:00+01:00", AT), ("2026-01-05T08:00:00.1234567Z", AT + 123_456),
        (AT // SECOND, AT), (AT // 1000, AT), (AT // 1000 + 0.5, AT + 500),
        ("yesterday", None), (None, None), (True, None), (-1, None), (1e300, None),
        (float("nan"), None), ({}, None),
    ],
)  # fmt: skip
def test_times_of_items(value: object, moment: int | None) -> None:
    assert moment_of(value) == moment


@pytest.mark.parametrize("form", ["iso", "epoch_ms"])
@given(moment=st.integers(0, 4_000_000_000_000).map(lambda ms: ms * 1000))
def test_what_is_written_can_be_read(form: str, moment: int) -> None:
    text = written(Cursor(field="x", format=form), moment)  # type: ignore[arg-type]  # of the right types
    if form == "iso":
        assert moment_of(text) == moment
    else:
        assert int(text) * 1000 == moment


def test_a_state_survives_being_kept() -> None:
    state = State.first(AT, 1).after_page(AT + 5, 2, ["a", "b"], "next")
    assert State.of(state.kept()) == state
    assert state.number == AT + 2
    assert state.since == AT - 3600 * SECOND
    done = state.after_round(follow=True)
    assert (done.since, done.next) == (AT + 5, "next")
    assert state.after_round(follow=False).next == state.again().next == ""
    assert State.of({"since": "x"}) is None
    assert State.of(None) is None


def test_what_is_remembered_is_bounded() -> None:
    state = State.first(AT, 0)
    for number in range(10):
        state = state.after_page(AT, 1, map(str, range(number * 500, number * 500 + 500)), "")
    assert len(state.seen) == MOST_SEEN
    assert state.seen[-1] == "4999"
