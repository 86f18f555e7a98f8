"""The body of an observing worker of `tocsin up`: spool in, findings out, events to the lake.

It reads its partition in order, holds the events of a batch until core says which of them are
duplicates, and appends what is settled to the lake when told. Requests:

    observe  args: clocks, context, indicators (each when it changed)
                                                   -> findings, identities, rejects, counts, quality
    settle   args: batch, duplicates (offsets)     -> rows that now wait for the lake
    forget   args: batch, if any                   -> the same; the lake gets them from the spool
    flush    args: upto (last settled offset)      -> upto, durable in every table

A flush goes on beside the batches that follow: a finding never waits for the lake.
"""

import time
from collections.abc import Mapping
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from tocsin import flow
from tocsin.app import accounts, parts
from tocsin.app.arrow import to_bytes
from tocsin.app.indicators import open_table
from tocsin.app.isolation import isolating
from tocsin.app.surroundings import open_index
from tocsin.app.workers import Later, Reply, Request, serve
from tocsin.collect.reader import SpoolReader
from tocsin.errors import TocsinError
from tocsin.model.context import Fact
from tocsin.model.envelope import BATCH_ROWS
from tocsin.model.stages import ContextSnapshot, HostClock
from tocsin.store.lake import Lake
from tocsin.store.retention import divide, policy_of

LOOK_AGAIN, LOOK_FOR = 0.002, 0.25
"""Seconds between two looks at an empty spool, and in all before an empty answer."""


class Task(msgspec.Struct, frozen=True):
    """What an observer works on.

    `start` is the last offset already in the lake, `settled` the last one already judged: a batch
    never reaches across it.
    """

    setup: parts.Setup
    site: str
    data: str
    spool: str
    lake: str
    partition: str
    start: int
    settled: int


class Observer:
    """The worker's state between requests."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._compiled = parts.build(task.setup)
        self._context = ContextSnapshot(task.site, task.setup.content.content_id)
        self._spool = SpoolReader(Path(task.spool))
        self._lake = Lake(Path(task.lake), self._compiled.normalizer.class_schema)
        self._policy = policy_of(task.setup.content.files)
        self._position = task.start
        self._unsettled: dict[int, dict[str, pa.RecordBatch]] = {}
        self._settled: dict[str, list[pa.RecordBatch]] = {}
        self._table = self._index = ""
        """The table of indicators and the index of context in use."""
        self._rows_settled = 0
        self._rows_stored = 0
        """Rows of a flush: under way, or refused and kept for the next one."""
        self._refused: dict[str, list[pa.RecordBatch]] | None = None

    def handle(self, request: Request) -> Reply | Later:
        """Answer one request."""
        match request.kind:
            case "observe":
                return self._observe(request)
            case "settle":
                return self._settle(request)
            case "forget":
                return self._forget(request)
            case _:
                return self._flush(request)

    def _observe(self, request: Request) -> Reply:
        self._take_news(request.args)
        using = {"indicators": self._table, "context": self._index}
        raw = self._next_rows()
        if raw is None:
            return Reply(request.task, {"rows": 0, **using})
        observed = isolating(flow.observe, raw, self._compiled, self._context)
        self._unsettled[request.task] = dict(observed.events)
        first, self._position = self._position + 1, raw.column("offset")[-1].as_py()
        args = {
            "rows": raw.num_rows,
            "bytes": raw.column("raw").nbytes,
            "first": first,
            "last": self._position,
            "received_at": pc.max(raw.column("received_at")).as_py(),
            "counts": dict(observed.counts),
            "clocks": msgspec.to_builtins(observed.clocks),
            **using,
        }
        if observed.windows:
            args["windows"] = msgspec.to_builtins(observed.windows)
        bulk = {
            "findings": to_bytes(observed.hits),
            "identities": to_bytes(observed.identities),
            "rejects": to_bytes(observed.rejects),
            "quality": to_bytes(observed.quality),
        }
        return Reply(request.task, args, bulk)

    def _take_news(self, args: Mapping[str, Any]) -> None:
        """Work with newer clocks, context or indicators from here on."""
        if clocks := args.get("clocks"):
            table = msgspec.convert(clocks, dict[str, HostClock])
            self._context = msgspec.structs.replace(self._context, host_clocks=table)
        if (path := args.get("context")) is not None:
            self._index = path
            opened = msgspec.convert(args["windows"], list[Fact])
            index = open_index(Path(path) if path else None, opened)
            self._compiled = replace(self._compiled, surroundings=index)
        if (table_id := args.get("indicators")) is not None:
            self._table = table_id
            found = open_table(Path(self._task.data), table_id) if table_id else None
            self._compiled = replace(self._compiled, indicators=found)

    def _next_rows(self) -> pa.RecordBatch | None:
        judged = self._task.settled - self._position
        limit = min(BATCH_ROWS, judged) if judged > 0 else BATCH_ROWS
        deadline = time.monotonic() + LOOK_FOR
        while True:
            raw = self._spool.read(self._task.partition, self._position, limit)
            if raw is not None or time.monotonic() > deadline:
                return raw
            time.sleep(LOOK_AGAIN)

    def _settle(self, request: Request) -> Reply:
        events = self._unsettled.pop(request.args["batch"])
        duplicates = pa.array(request.args["duplicates"], pa.int64())
        for name, rows in events.items():
            kept = rows
            if len(duplicates):
                kept = rows.filter(pc.invert(pc.is_in(rows.column("tocsin_offset"), duplicates)))
            if kept.num_rows:
                self._settled.setdefault(name, []).append(kept)
                self._rows_settled += accounts.by_source([kept]).total()
        return Reply(request.task, {"settled": self._rows_settled})

    def _forget(self, request: Request) -> Reply:
        self._unsettled.pop(request.args.get("batch", -1), None)
        self._settled, self._refused = {}, None
        self._rows_settled = self._rows_stored = 0
        return Reply(request.task, {"settled": 0, "stored": 0})

    def _flush(self, request: Request) -> Later:
        """Core asks for one at a time; what the lake refused goes in front of what came since."""
        refused, self._refused = self._refused or {}, None
        events = {
            name: [*refused.get(name, ()), *self._settled.get(name, ())]
            for name in refused.keys() | self._settled.keys()
        }
        self._settled = {}
        return Later(lambda: self._append(request, events))

    def _append(self, request: Request, events: dict[str, list[pa.RecordBatch]]) -> Reply:
        """Store what a flush is about (in a thread of its own).

        The answer is a total, as that of a settle is: one may overtake the other.
        """
        upto = request.args["upto"]
        kept, unwanted = divide(self._policy, events)
        try:
            self._lake.append(self._task.partition, upto, kept)
        except TocsinError:
            self._refused = events
            raise
        sources = accounts.by_source(rows for parts in kept.values() for rows in parts)
        dropped = accounts.by_source(unwanted)
        self._rows_stored += sources.total() + dropped.total()
        args = {
            "upto": upto,
            "stored": self._rows_stored,
            "sources": dict(sources),
            "dropped": dict(dropped),
        }
        return Reply(request.task, args)


def run_observer(connection: Connection, task: Task) -> None:
    """Body of the process."""
    serve(connection, Observer(task).handle)
