"""What state knows of intelligence: feeds' ages, the table in force, matches of the past, delivery.

The objects themselves are not here: see `intelligence_objects`.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from tocsin.model.findings import Finding
from tocsin.model.intelligence import RULE_PREFIX
from tocsin.store.database import Database
from tocsin.store.state import models
from tocsin.store.upserts import upsert

_encode = msgspec.msgpack.Encoder().encode
_finding = msgspec.msgpack.Decoder(Finding).decode

_FEED = (
    "tried", "succeeded", "changed", "newest", "stored", "indicators", "unsupported", "error",
    "note",
)  # fmt: skip
_FEEDS = upsert(models.IntelligenceFeed, ("feed",), _FEED)
_TAKEN = upsert(models.IntelligenceTaken, ("partition",), ("table_id", "first"))
_PENDING = upsert(models.IntelligencePending, ("finding_id", "body"))
_DONE = upsert(models.MatchBackFile, ("job", "file", "events", "findings"))
_PAST_PREFIX = RULE_PREFIX[:-1] + chr(ord(RULE_PREFIX[-1]) + 1)
_LOOKUP = 500


class FeedState(msgspec.Struct, frozen=True):
    """What became of asking a feed. Times are us UTC, 0: never.

    `changed` is when something new last came, `newest` the newest object's own time; `note` tells
    what the last change was.
    """

    feed: str
    tried: int = 0
    succeeded: int = 0
    changed: int = 0
    newest: int = 0
    stored: int = 0
    indicators: int = 0
    unsupported: int = 0
    error: str = ""
    note: str = ""


class Taken(msgspec.Struct, frozen=True):
    """From offset `first` on, a partition is observed with this table."""

    partition: str
    table_id: str
    first: int


class Job(msgspec.Struct, frozen=True):
    """A match-back: `segment` over what was received from `since` on (us UTC).

    `table_id` is the table that the stream uses from then on. `finished` is 0 while it runs.
    """

    number: int
    table_id: str
    segment: str
    since: int
    created: int
    finished: int = 0
    events: int = 0
    findings: int = 0


class Delivery(msgspec.Struct, frozen=True):
    """What became of the matches of one indicator. Times are us UTC, 0: never."""

    rule_id: str
    title: str
    matches: int
    last: int
    incidents: tuple[str, ...]
    seen_by: tuple[str, ...]
    first_seen: int


class Intelligence:
    """Reads and keeps; each writing method is one transaction, unless it says otherwise."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put_feed(self, feed: FeedState) -> None:
        """Keep what became of asking a feed."""
        row = (feed.feed, *(getattr(feed, name) for name in _FEED))
        with self._database.transaction():
            self._database.execute_many(_FEEDS, [row])

    def feeds(self) -> dict[str, FeedState]:
        """Every feed that was asked once."""
        with self._database.reading():
            rows = self._rows(models.IntelligenceFeed).values_list("feed", *_FEED)
            return {row[0]: FeedState(*row) for row in rows}

    def put_table(self, table_id: str, at: int) -> None:
        """Put a table into force."""
        with self._database.transaction():
            self._rows(models.IntelligenceTable).create(table_id=table_id, at=at)

    def add_job(self, table_id: str, segment: str, since: int, at: int) -> None:
        """Ask for a match-back."""
        with self._database.transaction():
            self._rows(models.MatchBack).create(
                table_id=table_id, segment=segment, since=since, created=at
            )

    def current_table(self) -> str:
        """Id of the table in force; empty when there is none."""
        with self._database.reading():
            rows = self._rows(models.IntelligenceTable).order_by("-id")
            return str(rows.values_list("table_id", flat=True).first() or "")

    def tables_since(self, table_id: str) -> set[str]:
        """Ids of the tables that were put into force with this one or after it."""
        with self._database.reading():
            rows = self._rows(models.IntelligenceTable)
            first = rows.filter(table_id=table_id).order_by("id").values_list("id", flat=True)
            number = first.first()
            if number is None:
                return set()
            return set(rows.filter(id__gte=number).values_list("table_id", flat=True))

    def recent_tables(self, count: int) -> list[str]:
        """Ids of the tables that were put into force last, the newest first."""
        with self._database.reading():
            rows = self._rows(models.IntelligenceTable).order_by("-id")
            return list(rows.values_list("table_id", flat=True)[:count])

    def took(self, partition: str, table_id: str, first: int) -> None:
        """Note that a partition is observed with a table from an offset on."""
        with self._database.transaction():
            self._database.execute_many(_TAKEN, [(partition, table_id, first)])

    def taken(self) -> list[Taken]:
        """With which table each partition is observed."""
        with self._database.reading():
            rows = self._rows(models.IntelligenceTaken).order_by("partition")
            return [Taken(*row) for row in rows.values_list("partition", "table_id", "first")]

    def jobs(self, *, open_only: bool = False, limit: int = 100) -> list[Job]:
        """Match-backs, the oldest open one first, else the newest first."""
        with self._database.reading():
            rows = self._rows(models.MatchBack)
            rows = rows.filter(finished=0).order_by("id") if open_only else rows.order_by("-id")
            names = ("id", "table_id", "segment", "since", "created", "finished")
            found = list(rows.values_list(*names)[:limit])
            return [self._summed(Job(*row)) for row in found]

    def _summed(self, job: Job) -> Job:
        done = self._rows(models.MatchBackFile).filter(job=job.number)
        counts = list(done.values_list("events", "findings"))
        events, findings = sum(n for n, _ in counts), sum(n for _, n in counts)
        return msgspec.structs.replace(job, events=events, findings=findings)

    def searched(self, job: int) -> set[str]:
        """The files of the lake that a match-back has searched."""
        with self._database.reading():
            rows = self._rows(models.MatchBackFile).filter(job=job)
            return set(rows.values_list("file", flat=True))

    def put_searched(self, job: int, file: str, events: int, findings: Sequence[Finding]) -> int:
        """Keep what a file gave, for core to take, and that it was searched, together.

        Returns how many of the findings are new: neither stored nor waiting.
        """
        with self._database.transaction():
            rows = [(one.finding_id, _encode(one)) for one in self._unknown(findings)]
            new = max(0, self._database.execute_many(_PENDING, rows))
            self._database.execute_many(_DONE, [(job, file, events, new)])
            return new

    def finish(self, job: int, at: int) -> None:
        """End a match-back."""
        with self._database.transaction():
            self._rows(models.MatchBack).filter(id=job).update(finished=at)

    def pending(self, limit: int) -> list[tuple[int, Finding]]:
        """Findings of the past that core has not taken yet, with numbers for `settled`."""
        with self._database.reading():
            rows = self._rows(models.IntelligencePending).order_by("id")
            return [(n, _finding(bytes(b))) for n, b in rows.values_list("id", "body")[:limit]]

    def settled(self, numbers: Iterable[int]) -> None:
        """Forget pending findings, inside the caller's transaction."""
        wanted = list(numbers)
        for start in range(0, len(wanted), _LOOKUP):
            part = wanted[start : start + _LOOKUP]
            self._rows(models.IntelligencePending).filter(id__in=part).delete()

    def _unknown(self, findings: Sequence[Finding]) -> list[Finding]:
        known: set[str] = set()
        names = [one.finding_id for one in findings]
        for start in range(0, len(names), _LOOKUP):
            rows = self._rows(models.Finding).filter(finding_id__in=names[start : start + _LOOKUP])
            known.update(rows.values_list("finding_id", flat=True))
        return [one for one in findings if one.finding_id not in known]

    def saw(self, incident_id: str, person: str, at: int) -> None:
        """Note that a person looked at an incident."""
        with self._database.transaction():
            row, created = self._rows(models.IncidentSeen).get_or_create(
                incident_id=incident_id, by=person, defaults={"first": at, "last": at, "times": 1}
            )
            if not created:
                row.last, row.times = at, row.times + 1
                row.save()

    def deliveries(self, since: int, limit: int) -> list[Delivery]:
        """What became of matches with intelligence since then (us UTC), most matches first."""
        with self._database.reading():
            rows = self._rows(models.Finding).filter(
                rule_id__gte=RULE_PREFIX, rule_id__lt=_PAST_PREFIX, time__gte=since
            )
            found: dict[str, list[tuple[str, int, str | None]]] = {}
            names = ("rule_id", "title", "time", "incident_id")
            for rule_id, *rest in rows.values_list(*names).iterator(chunk_size=1_000):
                found.setdefault(rule_id, []).append(tuple(rest))
            seen = self._seen({i for rest in found.values() for _, _, i in rest if i})
        made = [_delivery(rule_id, matches, seen) for rule_id, matches in found.items()]
        return sorted(made, key=lambda one: (-one.matches, one.rule_id))[:limit]

    def _seen(self, incidents: Iterable[str]) -> dict[str, list[tuple[str, int]]]:
        wanted = sorted(incidents)
        found: dict[str, list[tuple[str, int]]] = {}
        aliases: dict[str, str] = {}
        for start in range(0, len(wanted), _LOOKUP):
            part = wanted[start : start + _LOOKUP]
            rows = self._rows(models.IncidentAlias).filter(incident_id__in=part)
            aliases |= dict(rows.values_list("alias", "incident_id"))
        names = [*wanted, *aliases]
        for start in range(0, len(names), _LOOKUP):
            part = names[start : start + _LOOKUP]
            rows = self._rows(models.IncidentSeen).filter(incident_id__in=part)
            for name, by, first in rows.values_list("incident_id", "by", "first"):
                found.setdefault(aliases.get(name, name), []).append((by, first))
        return found

    def _rows(self, model: Any) -> Any:
        return model.objects.using(self._database.alias)


def _delivery(
    rule_id: str,
    matches: Sequence[tuple[str, int, str | None]],
    seen: dict[str, list[tuple[str, int]]],
) -> Delivery:
    incidents = tuple(sorted({name for _, _, name in matches if name}))
    looks = sorted((first, by) for name in incidents for by, first in seen.get(name, ()))
    title, last, _ = max(matches, key=lambda one: one[1])
    people = tuple(dict.fromkeys(by for _, by in looks))
    first = looks[0][0] if looks else 0
    return Delivery(rule_id, title, len(matches), last, incidents, people, first)
