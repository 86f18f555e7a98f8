"""Parses EVTX chunks in a process of its own, so that none can stall or end this one.

The parser is native code that no exception interrupts: bytes that make it loop, take all memory
or abort cost a child process, which is replaced, and their own chunk, which is reported.
"""

import atexit
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence

import msgspec

from tocsin.formats.evtx_child import READY, Ask, Reply, exactly, receive, send
from tocsin.formats.limits import Unreadable

COMMAND = (sys.executable, "-I", "-m", "tocsin.formats.evtx_child")
PATIENCE = 60.0
"""Seconds of real time for one answer, for a process that waits instead of working. Processor
time is what bounds the work (`Ask.seconds`): a busy machine makes no chunk corrupt."""

_reply = msgspec.msgpack.Decoder(Reply).decode


class Lost(Exception):
    """The process ended on this chunk, or had to be ended."""


class Guard:
    """A child process, started when it is needed and kept; may be used from several threads."""

    def __init__(self, command: Sequence[str] = COMMAND, patience: float = PATIENCE) -> None:
        self._command = list(command)
        self._patience = patience
        self._lock = threading.Lock()
        self._owner = 0
        self._child: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None

    def parse(self, ask: Ask) -> Reply:
        """The answer of the process.

        Raises Lost when the chunk costs the process, Unreadable when no process can be started.
        """
        with self._lock:
            connection = self._started()
            try:
                send(connection, ask)
                data = receive(connection)
            except TimeoutError:
                self._end(kill=True)
                raise Lost(f"gave no answer for {self._patience} s") from None
            except OSError:
                data = b""
            if data:
                return _reply(data)
            raise Lost(_fate(self._end(kill=False), ask.seconds))

    def close(self) -> None:
        """End the process; the next `parse` starts another."""
        with self._lock:
            self._end(kill=True)

    def _started(self) -> socket.socket:
        if self._connection is not None and self._owner == os.getpid():
            return self._connection
        ours, theirs = socket.socketpair()
        ours.settimeout(self._patience)
        self._owner, self._connection = os.getpid(), ours
        with theirs:
            try:
                self._child = subprocess.Popen(  # noqa: S603  # our own interpreter, no shell
                    self._command,
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=subprocess.DEVNULL,
                    env={"LC_ALL": "C.UTF-8"},
                    cwd="/",
                )
            except OSError as error:
                self._end(kill=True)
                raise Unreadable("no-parser", f"its process does not start: {error}") from error
        try:
            ready = exactly(ours, len(READY))
        except OSError as error:
            ready = str(error).encode()
        if ready != READY:
            code = self._end(kill=True)
            raise Unreadable("no-parser", f"its process ended at its start (code {code})")
        return ours

    def _end(self, *, kill: bool) -> int:
        """Let go of the process; its exit code, negative for a signal."""
        child, connection = self._child, self._connection
        self._child = self._connection = None
        if connection is not None:
            connection.close()
        if child is None or self._owner != os.getpid():
            return 0
        if kill:
            child.kill()
        try:
            return child.wait(self._patience)
        except subprocess.TimeoutExpired:
            child.kill()
            return child.wait()


def _fate(code: int, seconds: float) -> str:
    if code == -signal.SIGPROF:
        return f"took longer than {seconds:g} s"
    if code < 0:
        return f"ended the parser ({signal.Signals(-code).name})"
    return f"ended the parser (code {code})"


GUARD = Guard()
"""The one of this process."""
atexit.register(GUARD.close)
