"""The part of the service that keeps intelligence: asks feeds, makes tables, searches the past.

It runs as a process of its own (`run_intelligence`): reading a million indicators must not hold up
judging. Core learns of a new table from the state and names it to the observers.
"""

import resource
import signal
import threading
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import msgspec
import structlog

from tocsin.app import publications
from tocsin.app.clock import SystemClock
from tocsin.app.content import applied_content, disk_content, is_applied
from tocsin.app.indicators import (
    REBUILD,
    Compilation,
    open_table,
    remove_unnamed,
    write_manifest,
    write_segment,
)
from tocsin.app.logs import speak
from tocsin.app.looking_back import is_whole, search_lake
from tocsin.app.site import Site
from tocsin.app.workers import SPAWN
from tocsin.enrich.intelligence.content import Declared, declared
from tocsin.errors import TocsinError, UsageError
from tocsin.model.intelligence import DAY, FeedSpec
from tocsin.model.ports import Clock
from tocsin.store import State
from tocsin.store.intelligence import FeedState, Job
from tocsin.store.intelligence_objects import Objects

LOOK_EVERY = 1.0
"""Seconds between two looks at what is due."""
KEPT_TABLES = 3
"""Tables whose files stay: an observer may still be about to open an older one."""
MEMORY = 4 * 1024 * 1024 * 1024
"""Bytes of address space that a search of the past may take; tables are mapped, not read."""
OWN = "tocsin"
"""The name under which numbers and segments of tables stand beside the feeds."""

log = structlog.get_logger()

__all__ = ["Keeper", "declared_here", "open_table", "run_intelligence"]


def declared_here(site: Site) -> Declared:
    """What the content in force says of intelligence, or what lies on disk before a first apply."""
    content = applied_content(site) if is_applied(site) else disk_content(site)
    return declared(content.files)


class Keeper:
    """Asks feeds, makes tables, starts searches; one per site writes."""

    def __init__(self, site: Site, clock: Clock) -> None:
        self.site = site
        self.clock = clock
        self.state = State(site.state)
        self.objects = Objects(site.data)
        self.declared = declared_here(site)

    def refresh_content(self) -> None:
        """Take over content that was applied since."""
        self.declared = declared_here(self.site)

    def feed(self, feed_id: str) -> FeedSpec:
        """A declared feed; UsageError when there is none of this id."""
        for feed in self.declared.feeds:
            if feed.id == feed_id:
                return feed
        known = ", ".join(feed.id for feed in self.declared.feeds) or "none"
        raise UsageError(f"no feed {feed_id} in intelligence/feeds/; there are: {known}")

    def ask_due(self, *, all_feeds: bool = False) -> list[FeedState]:
        """Ask the feeds whose time has come (or all)."""
        now = self.clock.now()
        known = self.state.intelligence.feeds()
        return [
            publications.ask(self.site, self.state, self.objects, feed, self.clock.now())
            for feed in self.declared.feeds
            if all_feeds or self._is_due(feed, known.get(feed.id), now)
        ]

    def _is_due(self, feed: FeedSpec, known: FeedState | None, now: int) -> bool:
        every = feed.every or self.site.settings.intelligence.poll_seconds
        return known is None or now - known.tried >= every * 1_000_000

    def make_table(self, *, anew: bool = False) -> str:
        """Bring the table in force up to date; its id, empty while there is nothing at all."""
        now = self.clock.now()
        key = self._content_key()
        segments = self._segments(key, now, anew=anew)
        current = self.state.intelligence.current_table()
        if not segments and not current:
            return ""
        table_id = write_manifest(self.site.data, segments, self.declared.lists)
        if table_id != current:
            self.state.intelligence.put_table(table_id, now)
            self._clean()
        self._ask_for_past(table_id, now)
        return table_id

    def _content_key(self) -> str:
        """Of all that decides what a segment holds beside the objects."""
        return sha256(msgspec.msgpack.encode(self.declared)).hexdigest()

    def _segments(self, key: str, now: int, *, anew: bool) -> list[str]:
        objects, last = self.objects, self.objects.last_change()
        base, base_key = objects.position(OWN, "base"), objects.position(OWN, "content")
        at, due = objects.number("base"), objects.number("due")
        most = max(REBUILD, objects.number("size") // 10)
        if anew or not base or base_key != key or (due and due <= now):
            return self._base(key, last, now)
        if objects.count_changed(at) > most:
            return self._base(key, last, now)
        if last == at:
            return [base]
        if last == objects.number("recent"):
            return [one for one in (objects.position(OWN, "recent"), base) if one]
        made = Compilation(objects, self.declared, at, now)
        recent = write_segment(self.site.data, made.indicators(), made.gone)
        self._remember_due(made.due)
        objects.set_position(OWN, "recent", recent)
        objects.set_number("recent", last)
        return [one for one in (recent, base) if one]

    def _base(self, key: str, last: int, now: int) -> list[str]:
        objects = self.objects
        if not last:
            return []
        made = Compilation(objects, self.declared, 0, now)
        base = write_segment(self.site.data, made.indicators())
        objects.set_number("due", made.due)
        objects.set_number("size", made.count)
        objects.set_number("benign", made.benign)
        objects.set_number("ended", made.ended)
        objects.set_number("base", last)
        objects.set_number("recent", last)
        objects.set_position(OWN, "recent", "")
        objects.set_position(OWN, "content", key)
        objects.set_position(OWN, "base", base)
        return [base]

    def _remember_due(self, due: int) -> None:
        known = self.objects.number("due")
        if due and (not known or due < known):
            self.objects.set_number("due", due)

    def _ask_for_past(self, table_id: str, now: int) -> None:
        """One match-back at a time; what changes meanwhile waits for the next."""
        last, matched = self.objects.last_change(), self.objects.number("matched")
        days = self.site.settings.intelligence.match_back_days
        if last == matched or not days or self.state.intelligence.jobs(open_only=True, limit=1):
            return
        made = Compilation(self.objects, self.declared, matched, now)
        segment = self.objects.position(OWN, "base")
        if matched or self.objects.number("base") != last:
            segment = write_segment(self.site.data, made.indicators())
        if made.count or not matched:
            self.state.intelligence.add_job(table_id, segment, now - days * DAY, now)
        self.objects.set_number("matched", last)

    def look_back(self, job: Job) -> tuple[int, int]:
        """Search what this match-back has not searched yet; events and findings."""
        events = found = 0
        for searched, new in search_lake(self.site, self.state, job, self.clock.now()):
            events, found = events + searched, found + new
        return events, found

    def _clean(self) -> None:
        tables = self.state.intelligence.recent_tables(KEPT_TABLES)
        tables += [job.table_id for job in self.state.intelligence.jobs(open_only=True)]
        named = [self.objects.position(OWN, name) for name in ("base", "recent")]
        named += [job.segment for job in self.state.intelligence.jobs(open_only=True)]
        remove_unnamed(self.site.data, tables, [name for name in named if name])

    def close(self) -> None:
        """Close both databases."""
        self.objects.close()
        self.state.close()


class _Service:
    """The loop of the process."""

    def __init__(self, site: Site, clock: Clock) -> None:
        self._keeper = Keeper(site, clock)
        self._site = site
        self._content = ""
        self._stop = threading.Event()
        self._said: dict[str, str] = {}
        self._searched = 0
        """The match-back that has searched all there was; the lake is not yet complete for it."""

    def stop(self, _number: int, _frame: object) -> None:
        """Ask the loop to end (a signal handler)."""
        self._stop.set()

    def run(self) -> None:
        """Look for what is due until stopped; what fails is said and tried again."""
        while not self._stop.is_set():
            try:
                self._turn()
            except TocsinError as error:
                log.warning("intelligence waits", reason=str(error))
            self._stop.wait(LOOK_EVERY)
        self._keeper.close()

    def _turn(self) -> None:
        keeper = self._keeper
        applied = keeper.state.applied_content()
        if applied is not None and applied.content_id != self._content:
            keeper.refresh_content()
            self._content = applied.content_id
        for asked in keeper.ask_due():
            if asked.error and self._said.get(asked.feed) != asked.error:
                log.warning("feed", feed=asked.feed, reason=asked.error)
            self._said[asked.feed] = asked.error
        keeper.make_table()
        for job in keeper.state.intelligence.jobs(open_only=True, limit=1):
            if job.number != self._searched or is_whole(keeper.state, job):
                self._search(job)

    def _search(self, job: Job) -> None:
        """In a child of its own: it reads Parquet, and gives its memory back by ending."""
        child = SPAWN.Process(target=search_child, args=(self._site, job), daemon=True)
        child.start()
        while child.is_alive() and not self._stop.is_set():
            child.join(timeout=0.2)
        if child.is_alive():
            child.terminate()
            child.join()
        elif not child.exitcode:
            self._searched = job.number
        else:
            log.warning("match-back", job=job.number, code=child.exitcode)
            self._stop.wait(LOOK_EVERY)


def search_child(site: Site, job: Job) -> None:
    """Body of the searching process; what it has done is kept, whenever it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    state = State(site.state)
    now = SystemClock().now()
    for _ in search_lake(site, state, job, now):
        pass


def run_intelligence(site: Site) -> None:
    """Body of the process."""
    speak(site.settings.log.level)
    service = _Service(site, SystemClock())
    signal.signal(signal.SIGTERM, service.stop)
    service.run()


def load(site: Site, feed_id: str, paths: Sequence[Path]) -> tuple[publications.Came, str]:
    """Keep what files hold as if a declared feed had brought it, and make the table anew."""
    keeper = Keeper(site, SystemClock())
    try:
        feed = keeper.feed(feed_id)
        came = publications.load_files(keeper.objects, feed, paths)
        now = keeper.clock.now()
        counts = keeper.objects.counts().get(feed.id)
        known = keeper.state.intelligence.feeds().get(feed.id, FeedState(feed.id))
        keeper.state.intelligence.put_feed(
            msgspec.structs.replace(
                known,
                tried=now,
                succeeded=now,
                changed=now if came.changed else known.changed,
                newest=max(known.newest, came.newest),
                stored=counts.objects if counts else 0,
                indicators=counts.indicators - counts.revoked if counts else 0,
                unsupported=counts.noted if counts else 0,
                note=came.note or known.note,
            )
        )
        return came, keeper.make_table()
    finally:
        keeper.close()
