from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.store.state import models
from tocsin.store.state_store import State

FIELDS = ("previous", "at", "actor", "kind", "subject", "body", "digest")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> State:
    """Twelve records; each test takes back what it did to them."""
    state = State(tmp_path_factory.mktemp("journal") / "state.db")
    with state.think("p0") as tx:
        for number in range(12):
            tx.journal(number, "core", "batch", subject=f"p0:{number}", body={"events": number})
    return state


class UndoError(Exception):
    pass


def entries(state: State) -> Any:
    """The table itself, as someone with the database file has it."""
    [alias] = [
        name for name in connections if str(state.path) in connections[name].settings_dict["NAME"]
    ]
    return models.JournalEntry.objects.using(alias)


def verdict_after(state: State, change: Callable[[Any], object]) -> int | None:
    """What verify says after `change`, which is then rolled back."""
    anchor = (state.journal.head().sequence, state.journal.head().digest)
    found: list[int | None] = []
    with pytest.raises(UndoError), state.think("p0"):  # noqa: PT012  # all of it is rolled back
        change(entries(state))
        found.append(state.journal.verify(anchor))
        raise UndoError
    return found[0]


def test_an_untouched_chain_holds(kept: State) -> None:
    assert kept.journal.verify() is None
    head = kept.journal.head()
    assert kept.journal.verify((head.sequence, head.digest)) is None
    assert [record.sequence for record in kept.journal.tail(3)] == [10, 11, 12]


def test_an_empty_journal_holds_unless_it_was_longer(state: State) -> None:
    assert state.journal.verify() is None
    assert state.journal.verify((1, "a" * 64)) == 1


@settings(deadline=None, max_examples=60)
@given(sequence=st.integers(1, 12), field=st.sampled_from(FIELDS), text=st.text("abc0", max_size=9))
def test_any_edit_breaks_the_chain(kept: State, sequence: int, field: str, text: str) -> None:
    value = 1_000 + len(text) if field == "at" else f"edited {text}"

    def edit(rows: Any) -> None:
        rows.filter(sequence=sequence).update(**{field: value})

    assert verdict_after(kept, edit) == sequence


@settings(deadline=None, max_examples=20)
@given(sequence=st.integers(1, 12))
def test_any_deletion_breaks_the_chain(kept: State, sequence: int) -> None:
    assert verdict_after(kept, lambda rows: rows.filter(sequence=sequence).delete()) == sequence


@settings(deadline=None, max_examples=20)
@given(length=st.integers(0, 11))
def test_a_cut_end_is_found_with_an_anchor(kept: State, length: int) -> None:
    assert verdict_after(kept, lambda rows: rows.filter(sequence__gt=length).delete()) == length + 1


@settings(deadline=None, max_examples=20)
@given(pair=st.lists(st.integers(1, 12), min_size=2, max_size=2, unique=True))
def test_any_two_records_swapped_break_the_chain(kept: State, pair: list[int]) -> None:
    low, high = sorted(pair)

    def swap(rows: Any) -> None:
        for source, target in ((low, 99), (high, low), (99, high)):
            rows.filter(sequence=source).update(sequence=target)

    assert verdict_after(kept, swap) == low


@settings(deadline=None, max_examples=20)
@given(sequence=st.integers(1, 12))
def test_an_inserted_record_breaks_the_chain(kept: State, sequence: int) -> None:
    def insert(rows: Any) -> None:
        for number in range(12, sequence - 1, -1):
            rows.filter(sequence=number).update(sequence=number + 1)
        copy = rows.get(sequence=sequence + 1)
        copy.sequence, copy.actor = sequence, "intruder"
        copy.save(using=rows.db, force_insert=True)

    assert verdict_after(kept, insert) == sequence


def test_a_chain_written_anew_is_found_with_an_anchor(kept: State) -> None:
    def rewrite(rows: Any) -> None:
        rows.filter(sequence__gt=8).delete()
        for number in range(4):
            kept.journal.append(number, "x", "batch", subject="", body={})

    assert verdict_after(kept, rewrite) == 12


def test_bodies_are_json_with_sorted_keys(state: State) -> None:
    with state.think("p0") as tx:
        record = tx.journal(1, "core", "batch", subject="s", body={"b": 1, "a": "x"})
    assert record.body == '{"a":"x","b":1}'
