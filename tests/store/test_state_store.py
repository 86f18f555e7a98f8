import subprocess
import sys
from pathlib import Path

import pytest

from tocsin.errors import StorageError
from tocsin.model.content import ContentFile, ContentSet
from tocsin.model.evidence import Evidence
from tocsin.store.state_store import State


def test_what_one_transaction_wrote_is_there_after_reopening(state: State, tmp_path: Path) -> None:
    with state.think("p0") as tx:
        tx.set_cursor("think", 41)
        tx.put_fold_states("incident", {"h1": b"one", "h2": b"two"})
        tx.count({"events|windows-security|4688": 3, "plain": 1})
    state.close()
    again = State(tmp_path / "state.db")
    assert again.cursor("p0", "think") == 41
    assert again.fold_states("incident") == {"h1": b"one", "h2": b"two"}
    assert again.intake.counters() == {"events|windows-security|4688": 3, "plain": 1}
    again.close()


def test_an_exception_leaves_nothing_behind(state: State) -> None:
    with pytest.raises(KeyError), state.think("p0") as tx:  # noqa: PT012  # it must be rolled back
        tx.set_cursor("think", 1)
        tx.journal(1, "core", "batch", subject="p0", body={})
        raise KeyError
    assert state.cursor("p0", "think") == -1
    assert state.journal.head() is None


def test_another_process_reads_while_this_one_writes(state: State, tmp_path: Path) -> None:
    with state.think("p0") as tx:
        tx.set_cursor("think", 5)
    code = (
        "import sys, pathlib\n"
        "from tocsin.store.state_store import State\n"
        "state = State(pathlib.Path(sys.argv[1]), read_only=True)\n"
        "print(state.cursor('p0', 'think'))\n"
        "state.set_cursor('p0', 'think', 9)\n"
    )
    with state.think("p0") as tx:
        tx.set_cursor("think", 6)
        done = subprocess.run(  # our own interpreter and code
            [sys.executable, "-c", code, str(tmp_path / "state.db")],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.stdout == "5\n"
    assert "StorageError" in done.stderr
    assert state.cursor("p0", "think") == 6


def test_reading_where_no_state_is_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="tocsin up"):
        State(tmp_path / "none.db", read_only=True)


def test_a_file_that_is_no_database_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"not a database, and long enough to be looked at" * 100)
    with pytest.raises(StorageError):
        State(tmp_path / "state.db")


def test_two_states_in_one_process_do_not_mix(state: State, tmp_path: Path) -> None:
    other = State(tmp_path / "other.db")
    other.set_cursor("p0", "lake", 3)
    assert state.cursor("p0", "lake") == -1
    other.close()


def test_applied_content_is_kept_and_journaled(state: State) -> None:
    assert state.applied_content() is None
    content = ContentSet.of([ContentFile("rules/a.yml", b"title: A", "site")])
    state.apply_content(content, "maria", 77)
    applied = state.applied_content()
    assert applied is not None
    assert (applied.content_id, applied.at, applied.by) == (content.content_id, 77, "maria")
    assert list(applied.files) == ["rules/a.yml"]
    head = state.journal.head()
    assert head is not None
    assert (head.actor, head.kind, head.subject) == ("maria", "content-applied", content.content_id)


def test_evidence_is_replaced_by_its_revocation(state: State) -> None:
    claim = Evidence("replay", "isolate", {"runs": 3}, "history", 10, 20, "lab", "d1")
    later = Evidence("replay", "isolate", {"runs": 4}, "history", 15, 25, "lab", "d2")
    state.put_evidence(claim)
    state.put_evidence(later)
    state.put_evidence(Evidence(**{**_fields(claim), "revoked": 12}))
    found = state.evidence("replay", "isolate")
    assert [item.digest for item in found] == ["d2", "d1"]
    assert found[1].revoked == 12
    assert state.evidence("replay", "other") == []


def _fields(claim: Evidence) -> dict[str, object]:
    return {name: getattr(claim, name) for name in claim.__struct_fields__}
