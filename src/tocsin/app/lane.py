"""One spool partition: its worker, how far each part is, and what happens when the lake refuses.

A lake that refuses (disk full, a foreign file in its place) never stops detection. Events that
wait for it are held by the worker up to a bound; beyond it they are let go, since the spool has
them, and new ones are judged only. After a while the lane is made anew from its cursors: what was
judged meanwhile is observed again for the lake, as after a crash.
"""

from dataclasses import dataclass, field

import structlog

from tocsin.app import metrics
from tocsin.app.workers import AHEAD, Reply, Request, Worker
from tocsin.settings import Lake

RETRY = 5.0
"""Seconds before a lake that refused is tried again."""

BEHIND = 60.0
"""Seconds for which a lane only judges, once it let go of events that the lake did not take."""

MOST_WAITING = 4
"""Events that may wait for a lake that refuses, in commits."""

log = structlog.get_logger()


@dataclass(slots=True)
class Lane:
    """What core knows of a partition. Offsets; -1 is before the first."""

    partition: str
    worker: Worker
    judged: int
    upto: int
    """The last offset whose batch the worker was told to settle."""
    last_flush: float
    next_task: int = 0
    open: dict[int, str] = field(default_factory=dict)
    rows_settled: int = 0
    rows_stored: int = 0
    """Rows that the worker settled and stored so far, each by its newest answer."""
    flushing: bool = False
    refused_at: float | None = None
    behind_since: float | None = None

    @property
    def waiting(self) -> int:
        """Rows that are judged and not in the lake yet."""
        return self.rows_settled - self.rows_stored

    def ask(self, kind: str, args: dict[str, object] | None = None) -> None:
        """Send one request."""
        self.worker.send(Request(kind, self.next_task, args or {}))
        self.open[self.next_task] = kind
        self.next_task += 1

    def may_observe(self, now: float) -> bool:
        """Whether another batch may be asked for."""
        return not self.is_due(now) and sum(k == "observe" for k in self.open.values()) < AHEAD

    def is_due(self, now: float) -> bool:
        """Whether a lane that only judges is to be made anew, once it is idle."""
        return self.behind_since is not None and now - self.behind_since >= BEHIND

    def flush_if_due(self, now: float, lake: Lake, *, at_once: bool) -> None:
        """Ask for a commit when enough waits, or waited long enough.

        Never once events were let go: a commit would say that the lake has them.
        """
        if not self.waiting or self.flushing or self.behind_since is not None:
            return
        if self.refused_at is not None and now - self.refused_at < RETRY and not at_once:
            return
        if (
            at_once
            or self.waiting >= lake.commit_rows
            or now - self.last_flush >= lake.commit_seconds
        ):
            self.flushing = True
            self.ask("flush", {"upto": self.upto})

    def flushed(self, reply: Reply, now: float, lake: Lake) -> bool:
        """Take the answer of a flush; False when the lake refused."""
        self.flushing, self.last_flush = False, now
        if not reply.error:
            self.refused_at = None
            self._count(reply)
            return True
        self.refused_at = now
        log.error("the lake refused; findings go on", partition=self.partition, reason=reply.error)
        if self.waiting >= MOST_WAITING * lake.commit_rows:
            log.warning("events stay in the spool for now", partition=self.partition)
            self.behind_since = now
            self.ask("forget")
        return False

    def settled(self, reply: Reply) -> None:
        """Take the answer of a settle or forget."""
        self._count(reply)

    def _count(self, reply: Reply) -> None:
        self.rows_settled = reply.args.get("settled", self.rows_settled)
        self.rows_stored = reply.args.get("stored", self.rows_stored)
        metrics.waiting_for_lake.labels(self.partition).set(self.waiting)
