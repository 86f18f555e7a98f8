"""What a load of a feed changes: what appeared, changed and vanished since the one before.

Nothing is overwritten. A fact that is no longer so ends, with the time of the load that said so,
and a new one begins; an old event is read by what held on its day. A load that would end too much
is refused: a broken export must not empty a directory.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from tocsin.model.context import ALWAYS, FOREVER, Fact, Record, Vulnerability, Watched, kind_of

DATED = frozenset({"window", "lease", "vulnerability", "watched"})
"""Kinds that say themselves when they hold; a changed one takes the place of what was said."""

MOST_VANISHED = 0.2
"""The share of a feed's facts that may vanish in one load before a person is asked."""

FEW = 5
"""So many may always vanish."""


class Load(NamedTuple):
    """One load of a feed: what it says is so at `as_of` (us UTC), learned at `now`.

    `previous` is the `as_of` of the load before, None for the first. `covers` are the scopes that
    it speaks of, None for all. Of a load that is not `whole` nothing vanishes.
    """

    feed: str
    importer: str
    records: Sequence[Record]
    as_of: int
    now: int
    previous: int | None = None
    covers: frozenset[str] | None = None
    whole: bool = True


class Held(NamedTuple):
    """A fact that is in force, under its number in the store; `scope` is that of its record."""

    number: int
    fact: Fact
    scope: str = ""


class Change(NamedTuple):
    """What a load leads to. `ended` are (number, until); scopes go with `opened`."""

    opened: tuple[tuple[Fact, str], ...]
    ended: tuple[tuple[int, int], ...]
    appeared: tuple[str, ...]
    changed: tuple[str, ...]
    vanished: tuple[str, ...]
    unchanged: int


def compare(held: Iterable[Held], load: Load, earlier: Mapping[str, int] | None = None) -> Change:
    """The change from what is in force (of this feed and kind) to what the load says.

    `earlier` says by key when a fact that ended before did.
    """
    known = {one.fact.key: one for one in held}
    opened: list[tuple[Fact, str]] = []
    ended: list[tuple[int, int]] = []
    appeared, changed, same = [], [], 0
    said = set()
    for record in load.records:
        said.add(record.key)
        old = known.get(record.key)
        if old is None:
            appeared.append(record.key)
            opened.append((_new(record, load, (earlier or {}).get(record.key)), record.scope))
        elif _same(old.fact, record):
            same += 1
        else:
            changed.append(record.key)
            fact, until = _changed(old.fact, record, load)
            opened.append((fact, record.scope))
            ended.append((old.number, until))
    gone = [one for key, one in known.items() if key not in said and _missed(one, load)]
    ended += [(one.number, max(one.fact.since, load.as_of)) for one in gone]
    vanished = tuple(sorted(one.fact.key for one in gone))
    return Change(
        tuple(opened), tuple(ended), tuple(appeared), tuple(changed), vanished, same
    )  # fmt: skip


def refused(change: Change, held: int) -> str:
    """Why a person must confirm this change; empty when nobody has to."""
    gone = len(change.vanished)
    if gone > FEW and gone > MOST_VANISHED * held:
        return (
            f"{gone:,} of {held:,} facts would end, more than {MOST_VANISHED:.0%}: if that is "
            "true, say so with --confirm"
        )
    return ""


def _missed(one: Held, load: Load) -> bool:
    """Whether the load should have said it, had it still been so."""
    spoken_of = load.covers is None or one.scope in load.covers
    return load.whole and spoken_of and one.fact.until > load.as_of


def _same(fact: Fact, record: Record) -> bool:
    if fact.body != record.body:
        return False
    moved = record.since is not None and record.since != fact.since
    if moved and kind_of(record.body) in DATED and not isinstance(record.body, Vulnerability):
        return False
    return record.until is None or max(record.until, fact.since) == fact.until


def _new(record: Record, load: Load, ended: int | None) -> Fact:
    since = record.since
    if since is None:
        since = ALWAYS if load.previous is None else load.previous
        if isinstance(record.body, Watched) and load.previous is not None:
            since = load.as_of
    if ended is not None and kind_of(record.body) not in DATED:
        since = max(since, ended)
    return _fact(record, load, since)


def _changed(old: Fact, record: Record, load: Load) -> tuple[Fact, int]:
    """The fact from now on, and when the old one ends; dated ones take the old one's place."""
    if kind_of(record.body) in DATED:
        since = old.since if record.since is None else record.since
        if isinstance(record.body, Vulnerability):
            since = min(since, old.since)
        return _fact(record, load, since), old.since
    since = max(load.as_of, old.since)
    if record.until is not None and record.until <= since:
        since = max(old.since, record.since or old.since)  # its end was learned late
        return _fact(record, load, since), old.since
    return _fact(record, load, since), since


def _fact(record: Record, load: Load, since: int) -> Fact:
    until = FOREVER if record.until is None else max(record.until, since)
    return Fact(load.feed, load.importer, record.key, since, until, load.now, record.body)
