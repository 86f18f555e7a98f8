"""Context of a site: loads of its feeds, and the index that observers and core look things up in.

An index is one file named by its digest in `context/` of the site's data. It is written whole and
made durable before the load that names it; who has an older one open goes on reading that.
"""

import fcntl
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import msgspec
import yaml

from tocsin.app.clock import SystemClock
from tocsin.app.content import person
from tocsin.app.site import Site
from tocsin.app.surroundings import open_index
from tocsin.collect.folder import make_folder
from tocsin.enrich.context import ContextIndex, compile_index, placeholder_lists
from tocsin.enrich.context.loading import Change, Held, Load, compare, refused
from tocsin.enrich.context.rows import Reading
from tocsin.errors import StorageError, UsageError
from tocsin.model.content import Problem
from tocsin.model.context import Fact, Record, kind_of
from tocsin.model.ports import Clock
from tocsin.store import State
from tocsin.store.context import ContextLoad, Kept

KEPT_INDEXES, KEPT_SECONDS = 3, 600
"""So many index files stay, and those younger than this: observers may be about to open them."""

LISTS = "rules/watchlists/placeholders.yaml"
"""Where a site's content has its watchlists for rules."""


class Given(msgspec.Struct, frozen=True):
    """What is loaded: the records of a feed, and how the person wants them taken.

    `kinds` are those of the facts that it speaks of, `as_of` (us UTC) is the time it speaks of.
    `covers` are the scopes that it speaks of, None for all; of a load that is not `whole` nothing
    vanishes. `confirmed` is a person's word that a load that ends much, or could not be read whole,
    is right.
    """

    feed: str
    importer: str
    kinds: frozenset[str]
    origin: str
    digest: str
    reading: Reading
    as_of: int | None = None
    covers: frozenset[str] | None = None
    whole: bool = True
    confirmed: bool = False


class Loaded(msgspec.Struct, frozen=True):
    """What a load did: one entry for each kind of fact, and what could not be read."""

    loads: tuple[ContextLoad, ...]
    problems: tuple[Problem, ...]
    kept: int
    """Facts that were not said again and stay, because the load could not be read whole."""


def keep(site: Site, given: Given, clock: Clock | None = None) -> Loaded:
    """Take a load in: compare it with the one before, make the index, store and journal both.

    Raises UsageError when it says nothing at all, is older than the one before, or would end more
    than a fifth of what the feed said without being confirmed; then nothing changes.
    """
    if not given.reading.records and not given.confirmed:
        first = next((f": {one}" for one in given.reading.problems), "")
        raise UsageError(f"{given.origin} says nothing that can be used{first}")
    now = (clock or SystemClock()).now()
    state = State(site.state)
    try:
        with _locked(site):
            return _keep(site, state, given, now)
    finally:
        state.close()


def _keep(site: Site, state: State, given: Given, now: int) -> Loaded:
    kinds = _by_kind(given.reading.records)
    for kind in given.kinds:
        kinds.setdefault(kind, [])
    as_of = now if given.as_of is None else given.as_of
    loads = (one for one in state.context.loads() if one.feed == given.feed)
    before = {one.kind: one for one in loads if one.kind in kinds}
    late = [one for one in before.values() if one.as_of > as_of]
    if late:
        raise UsageError(
            f"{given.feed} was loaded as of a later time: loads of a feed go forward in time"
        )
    sure = given.confirmed or not given.reading.lost
    changes: dict[str, Change] = {}
    doubtful = 0
    for kind, records in sorted(kinds.items()):
        previous = before[kind].as_of if kind in before else None
        load = Load(
            given.feed, given.importer, records, as_of, now, previous, given.covers,
            whole=given.whole,
        )  # fmt: skip
        held = [Held(one.number, one.fact, one.scope) for one in
                state.context.in_force(given.feed, kind)]  # fmt: skip
        earlier = state.context.ended(given.feed, kind)
        change = compare(held, load, earlier)
        if not sure:
            doubtful += len(change.vanished)
            change = compare(held, load._replace(whole=False), earlier)
        why = "" if given.confirmed else refused(change, len(held))
        if why:
            raise UsageError(f"{given.origin}: {why}")
        changes[kind] = change
    index_id = _publish(site, state, list(changes.values()))
    kept = [
        Kept(_described(given, kind, change, (as_of, now), index_id), change.opened, change.ended)
        for kind, change in changes.items()
    ]
    state.context.keep(kept)
    return Loaded(tuple(one.load for one in kept), given.reading.problems, doubtful)


def _described(
    given: Given, kind: str, change: Change, times: tuple[int, int], index_id: str
) -> ContextLoad:
    as_of, now = times
    return ContextLoad(
        given.feed,
        kind,
        given.importer,
        given.origin,
        given.digest,
        as_of,
        now,
        person(),
        len(change.appeared),
        len(change.changed),
        len(change.vanished),
        change.unchanged,
        given.reading.lost,
        index_id,
        given.confirmed,
    )


def _by_kind(records: Iterable[Record]) -> dict[str, list[Record]]:
    kinds: dict[str, list[Record]] = {}
    for record in records:
        kinds.setdefault(kind_of(record.body), []).append(record)
    return kinds


def _publish(site: Site, state: State, changes: Sequence[Change]) -> str:
    """Write the index over what will be known after these changes; returns its id."""
    ends = {number: until for change in changes for number, until in change.ended}
    fresh = (fact for change in changes for fact, _ in change.opened)
    data = compile_index([*_after(state, ends), *fresh])
    index_id = ContextIndex(data).index_id
    path = _folder(site) / f"{index_id}.index"
    part = path.with_suffix(f".{os.getpid()}")
    try:
        with part.open("wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        part.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror or error}") from error
    _tidy(path)
    return index_id


def _after(state: State, ends: Mapping[int, int]) -> Iterator[Fact]:
    for number, fact in state.context.facts():
        until = ends.get(number, fact.until)
        if until > fact.since:
            yield fact if until == fact.until else msgspec.structs.replace(fact, until=until)


def _tidy(newest: Path) -> None:
    """Delete old ones, but none that somebody may have been told of and not opened yet."""
    found = sorted((one.stat().st_mtime, one) for one in newest.parent.glob("*.index"))
    last = newest.stat().st_mtime
    for changed, old in found[:-KEPT_INDEXES]:
        if old != newest and last - changed > KEPT_SECONDS:
            old.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _folder(site: Site) -> Path:
    return site.data / "context"


@contextmanager
def _locked(site: Site) -> Iterator[None]:
    """One load at a time: an index must hold what the load before brought."""
    folder = _folder(site)
    try:
        make_folder(folder)
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise StorageError(f"{folder}: {error.strerror or error}") from error


def index_in_force(site: Site, state: State | None = None) -> Path | None:
    """The file of the index in force; None when no context was ever loaded."""
    if state is None and not site.state.exists():
        return None
    opened = state or State(site.state, read_only=True)
    index_id = opened.context.index_id()
    return _folder(site) / f"{index_id}.index" if index_id else None


def index_of(site: Site) -> ContextIndex:
    """The index in force at a site; an empty one where nothing was loaded."""
    return open_index(index_in_force(site))


def write_lists(site: Site, at: int) -> tuple[Path, dict[str, tuple[str, ...]]]:
    """Write the watchlists of a time into the site's content; where, and what.

    Rules then know them as placeholders, once the content is applied. Raises UsageError when there
    is no site or no watchlist.
    """
    lists = placeholder_lists(index_of(site), at)
    if site.folder is None or not lists:
        raise UsageError("no watchlist is loaded: `tocsin context load FILE --as watchlist`")
    path = site.folder / LISTS
    tree = {name: list(values) for name, values in lists.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(tree, allow_unicode=True), encoding="utf-8")
    return path, lists


def loads_of(site: Site) -> list[ContextLoad]:
    """The newest load of each feed and kind."""
    if not site.state.exists():
        return []
    return State(site.state, read_only=True).context.loads()


def digest_of(data: bytes) -> str:
    """SHA-256 of what was loaded."""
    return sha256(data).hexdigest()
