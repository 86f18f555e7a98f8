"""The pool of processes that observe.

Workers are spawned, never forked: a fork after the lake library was imported panics. They are
given their content, not a path to it, so that all of them work with exactly the same set; they
exchange Arrow IPC bytes in MessagePack frames. A worker whose parent is gone ends by itself.
"""

import gc
import multiprocessing.connection
import os
import queue
import signal
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

import msgspec

from tocsin.errors import TocsinError

GC_THRESHOLDS = (200_000, 20, 20)
"""Telemetry is trees that reference counting frees: with Python's own thresholds the collector
looks for cycles in them all the time (a quarter of the cost of decoding)."""

SPAWN = multiprocessing.get_context("spawn")


class Request(msgspec.Struct, frozen=True):
    """One piece of work: what to do, its number, its arguments and bulk bytes."""

    kind: str
    task: int
    args: dict[str, Any] = {}
    payload: bytes = b""


class Reply(msgspec.Struct, frozen=True):
    """The answer to the request of the same number; `error` is empty when it was done."""

    task: int
    args: dict[str, Any] = {}
    parts: dict[str, bytes] = {}
    error: str = ""


AHEAD = 2
"""Requests that a worker is given before the first is answered: it never waits for the next."""


@dataclass(frozen=True, slots=True)
class Later:
    """Work that is done beside the requests that follow; its answer is sent when it is done."""

    work: Callable[[], Reply]


Handler = Callable[[Request], Reply | Later]

_encode = msgspec.msgpack.Encoder().encode
_request = msgspec.msgpack.Decoder(Request).decode
_reply = msgspec.msgpack.Decoder(Reply).decode


class WorkerLost(TocsinError):
    """A worker process ended before it answered."""


class Worker:
    """A spawned process that answers requests in order.

    `target(connection, *args)` must call `serve`. Requests may be sent ahead: the worker reads
    them while it works, so neither side can block the other.
    """

    def __init__(self, target: Callable[..., None], *args: Any) -> None:
        ours, theirs = SPAWN.Pipe()
        self._connection: Connection = ours
        self._process = SPAWN.Process(target=target, args=(theirs, *args), daemon=True)
        self._process.start()
        theirs.close()

    def send(self, request: Request) -> None:
        """Queue a request; raises WorkerLost when the process is gone."""
        try:
            self._connection.send_bytes(_encode(request))
        except (BrokenPipeError, OSError) as error:
            raise WorkerLost(self._fate()) from error

    def receive(self) -> Reply:
        """The next answer in order; raises WorkerLost when the process ended instead."""
        try:
            return _reply(self._connection.recv_bytes())
        except (EOFError, OSError) as error:
            raise WorkerLost(self._fate()) from error

    def ask(self, kind: str) -> None:
        """Send one request and wait for it; raises TocsinError when it could not be done."""
        self.send(Request(kind, -1))
        if error := self.receive().error:
            raise TocsinError(error)

    def _fate(self) -> str:
        self._process.join(timeout=5)
        return f"worker process {self._process.pid} ended with code {self._process.exitcode}"

    @property
    def pid(self) -> int | None:
        """The worker's process id."""
        return self._process.pid

    @property
    def connection(self) -> Connection:
        """To wait on with others (`multiprocessing.connection.wait`)."""
        return self._connection

    def close(self) -> None:
        """Let the worker finish what it has and end."""
        self._connection.close()
        self._process.join(timeout=10)
        if self._process.is_alive():
            self._process.terminate()


def calm_collector() -> None:
    """Let the garbage collector of this process look rarely, and never at what is there now."""
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


def serve(connection: Connection, handler: Handler) -> None:
    """Answer requests until the other side closes; runs as the body of a worker process.

    What the handler answers with `Later` is worked on in a thread: a handler must not have two of
    these under way that share anything.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the parent decides: its end of the pipe closes
    calm_collector()
    waiting: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

    def drain() -> None:
        try:
            while True:
                waiting.put(connection.recv_bytes())
        except (EOFError, OSError):
            waiting.put(None)

    threading.Thread(target=drain, daemon=True).start()
    sending = threading.Lock()

    def answer(task: int, work: Callable[[], Reply | Later]) -> None:
        reply = _answered(task, work)
        if isinstance(reply, Later):
            threading.Thread(target=beside, args=(task, reply.work), daemon=True).start()
            return
        with sending:
            try:
                connection.send_bytes(_encode(reply))
            except (BrokenPipeError, OSError):
                os._exit(0)  # from a thread, too: there is nobody left to answer

    def beside(task: int, work: Callable[[], Reply]) -> None:
        done = False
        try:
            answer(task, work)
            done = True
        finally:
            if not done:  # our own mistake: ends the worker, as it does in the main thread
                traceback.print_exc()
                os._exit(1)

    while (data := waiting.get()) is not None:
        request = _request(data)
        answer(request.task, partial(handler, request))


def _answered(task: int, work: Callable[[], Reply | Later]) -> Reply | Later:
    """What `work` gives; what it refuses as the answer that says why."""
    try:
        return work()
    except TocsinError as error:
        return Reply(task, error=str(error))


def in_parallel(workers: list[Worker], requests: Iterable[Request]) -> Iterator[Reply]:
    """Spread requests over workers, two ahead for each; answers come as they are ready.

    Raises WorkerLost when one ends, and TocsinError with the text of one that reports an error.
    """
    source = iter(requests)
    open_requests = dict.fromkeys(range(len(workers)), 0)

    def feed(index: int) -> None:
        while open_requests[index] < AHEAD and (request := next(source, None)) is not None:
            workers[index].send(request)
            open_requests[index] += 1

    for index in open_requests:
        feed(index)
    while any(open_requests.values()):
        busy = {workers[i].connection: i for i, n in open_requests.items() if n}
        for connection in multiprocessing.connection.wait(list(busy)):
            index = busy[connection]  # type: ignore[index]  # wait() returns what it was given
            reply = workers[index].receive()
            open_requests[index] -= 1
            feed(index)
            if reply.error:
                raise TocsinError(reply.error)
            yield reply


def worker_count(cores: int, reserved: int) -> int:
    """Observers to run on `cores` when `reserved` of them have other work; at least one."""
    return max(1, cores - reserved)
