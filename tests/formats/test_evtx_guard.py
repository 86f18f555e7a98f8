import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tocsin.formats.evtx_child import Ask
from tocsin.formats.evtx_guard import GUARD, Guard, Lost
from tocsin.formats.limits import Unreadable

STAND_IN = """
import os, signal, sys, time
from tocsin.formats.evtx_child import Reply, serve
def parse(ask):
    kind = ask.data
    while kind == b"loop":
        pass
    if kind == b"sleep":
        time.sleep(3600)
    if kind == b"abort":
        os.abort()
    if kind == b"raise":
        raise ValueError
    if kind == b"memory":
        bytearray(4 << 30)
    return Reply([kind], [])
serve(parse)
"""


@contextmanager
def guarded(code: str = STAND_IN, patience: float = 30.0) -> Iterator[Guard]:
    guard = Guard([sys.executable, "-I", "-c", code], patience)
    try:
        yield guard
    finally:
        guard.close()


def ask(data: bytes, seconds: float = 2.0) -> Ask:
    return Ask(data, seconds, 1024, 1024)


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (b"loop", "took longer than 0.1 s"),
        (b"abort", "ended the parser (SIGABRT)"),
        (b"raise", "ended the parser (code 1)"),
        (b"memory", "ended the parser (code 1)"),
    ],
)
def test_what_costs_the_process_costs_nobody_else(data: bytes, detail: str) -> None:
    with guarded() as guard:
        assert guard.parse(ask(b"before")).raws == [b"before"]
        with pytest.raises(Lost) as lost:
            guard.parse(ask(data, 0.1))
        assert str(lost.value) == detail
        assert guard.parse(ask(b"after")).raws == [b"after"]


def test_a_process_that_only_waits_is_ended_too() -> None:
    with guarded(patience=2.0) as guard:
        with pytest.raises(Lost, match="gave no answer"):
            guard.parse(ask(b"sleep"))
        assert guard.parse(ask(b"after")).raws == [b"after"]


def test_the_process_is_kept_and_its_time_is_counted_anew() -> None:
    code = STAND_IN.replace("return Reply([kind], [])", "return Reply([b'%d' % os.getpid()], [])")
    with guarded(code) as guard:
        first = guard.parse(ask(b"x", 0.2)).raws
        assert all(guard.parse(ask(b"x", 0.2)).raws == first for _ in range(300))


def test_a_process_that_was_killed_meanwhile_is_replaced() -> None:
    code = STAND_IN.replace("return Reply([kind], [])", "return Reply([b'%d' % os.getpid()], [])")
    with guarded(code) as guard:
        first = guard.parse(ask(b"x")).raws
        os.kill(int(first[0]), signal.SIGKILL)
        with pytest.raises(Lost, match="SIGKILL"):
            guard.parse(ask(b"x"))
        assert guard.parse(ask(b"x")).raws != first


@pytest.mark.parametrize("code", ["raise SystemExit(3)", "import os; os.write(0, b'hello!')"])
def test_a_process_that_does_not_start_is_no_fault_of_the_chunk(code: str) -> None:
    with guarded(code) as guard, pytest.raises(Unreadable, match="ended at its start"):
        guard.parse(ask(b"x"))


def test_a_missing_interpreter_is_reported() -> None:
    with pytest.raises(Unreadable, match="does not start"):
        Guard(["/nowhere/python"]).parse(ask(b"x"))


def test_rubbish_is_an_answer() -> None:
    reply = GUARD.parse(ask(b"rubbish"))
    assert (reply.raws, [problem[0] for problem in reply.problems]) == ([], ["corrupt"])
