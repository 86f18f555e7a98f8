"""Tables of indicators as files: written once under their digest, mapped by who looks.

    <data>/intelligence/<id>.table      which segments are in force, newest first, and which lists
    <data>/intelligence/<id>.segment    indicators (`detect.indicators.table`)
    <data>/intelligence/<id>.lists      warning lists

The base segment has every indicator, the recent one what changed since: publishing one indicator
beside a million writes a small file. A table and all it names never change; what no table in force
names is removed.
"""

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial
from hashlib import sha256
from itertools import islice
from pathlib import Path

import msgspec
import pyarrow as pa

from tocsin.collect.folder import make_folder, sync_folder, write_durably
from tocsin.detect.indicators import Indicators, KnownValues, Table, write_table
from tocsin.detect.indicators.known import SUPPRESS
from tocsin.detect.indicators.table import key_of
from tocsin.enrich.intelligence.bundle import SIGHTING, StixObject, unpacked
from tocsin.enrich.intelligence.content import Declared
from tocsin.enrich.intelligence.resolving import Related, resolve
from tocsin.errors import StorageError
from tocsin.model.intelligence import RULE_PREFIX, Indicator, WarningList
from tocsin.model.observables import NETWORK
from tocsin.store.intelligence_objects import FOLDER, Objects, RelationRow

REBUILD = 20_000
"""Changes since the base after which it is written anew, or a tenth of it if that is more."""
PORTION = 500
"""Indicators whose relations are looked up together."""
MOST_CHAINED = 50
"""Attack patterns that are followed from what an indicator indicates."""
_OURS = frozenset({".table", ".segment", ".lists"})

_lists = msgspec.msgpack.Decoder(tuple[WarningList, ...]).decode


class Manifest(msgspec.Struct, frozen=True):
    """What a table names."""

    segments: tuple[str, ...]
    lists: str


def open_table(data: Path, table_id: str) -> Indicators:
    """The table of this id, mapped into memory; StorageError when it is not whole."""
    folder = data / FOLDER
    manifest = _manifest(folder, table_id)
    tables = [open_segment(data, name) for name in manifest.segments]
    return Indicators(table_id, tables, KnownValues(_read_lists(folder, manifest.lists)))


def open_segment(data: Path, name: str) -> Table:
    """One segment, mapped."""
    path = data / FOLDER / f"{name}.segment"
    _verify(path, name)
    with pa.memory_map(str(path)) as file:
        return Table(file.read_buffer())


def search_table(data: Path, table_id: str, segment: str) -> Indicators:
    """One segment with the warning lists of a table: what a match-back looks with."""
    folder = data / FOLDER
    lists = _read_lists(folder, _manifest(folder, table_id).lists)
    return Indicators(table_id, [open_segment(data, segment)], KnownValues(lists))


def write_manifest(data: Path, segments: Sequence[str], lists: Sequence[WarningList]) -> str:
    """Write a table over segments that are there; its id."""
    named = write_file(data, "lists", msgspec.msgpack.encode(tuple(lists)))
    body = msgspec.json.encode(Manifest(tuple(segments), named))
    return write_file(data, "table", body)


def write_segment(data: Path, indicators: Iterable[Indicator], gone: Iterable[str] = ()) -> str:
    """Write a segment; its id."""
    return write_file(data, "segment", write_table(indicators, gone))


def write_file(data: Path, kind: str, body: "bytes | pa.Buffer") -> str:
    """Write a file under the digest of its content, durably; its name without the ending."""
    folder = data / FOLDER
    name = sha256(body).hexdigest()[:32]
    path = folder / f"{name}.{kind}"
    if not path.exists():
        try:
            make_folder(folder)
            fresh = folder / f"{name}.{os.getpid()}"
            write_durably(fresh, bytes(memoryview(body)))
            fresh.replace(path)
            sync_folder(folder)
        except OSError as error:
            raise StorageError(f"{path}: {error}") from error
    return name


def remove_unnamed(data: Path, tables: Collection[str], segments: Collection[str]) -> int:
    """Remove files that none of these tables names; `segments` stay as well. How many went."""
    folder = data / FOLDER
    kept = {f"{name}.table" for name in tables} | {f"{name}.segment" for name in segments}
    for name in tables:
        try:
            manifest = _manifest(folder, name)
        except StorageError:
            continue
        kept |= {f"{one}.segment" for one in manifest.segments} | {f"{manifest.lists}.lists"}
    gone = 0
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.suffix in _OURS and path.name not in kept:
            path.unlink(missing_ok=True)
            gone += 1
    return gone


class Compilation:
    """Indicators that changed after a change number (0: all), as they hold at `now` (us UTC).

    The counts are whole when `indicators` has ended: `gone` are rules that older segments may have
    and that hold no more, `benign` could only match what warning lists suppress, `ended` are
    revoked or expired. `due` is when (us UTC) the next one begins to hold; 0 when none waits.
    """

    def __init__(self, objects: Objects, declared: Declared, after: int, now: int) -> None:
        self._objects, self._declared = objects, declared
        self._after, self._now = after, now
        self.gone: list[str] = []
        self.count = self.benign = self.ended = self.due = 0

    def indicators(self) -> Iterator[Indicator]:
        """What is to be looked for, in no order."""
        known = KnownValues(self._declared.lists)
        for indicator, rule_id in _resolved(self._objects, self._declared, self._after):
            if indicator is not None and self._holds(indicator, known):
                self.count += 1
                yield indicator
            elif self._after:
                self.gone.append(rule_id)
            self.ended += indicator is None

    def _holds(self, indicator: Indicator, known: KnownValues) -> bool:
        if indicator.until and indicator.until <= self._now:
            self.ended += 1
            return False
        if indicator.since > self._now:
            self.due = min(self.due or indicator.since, indicator.since)
            return False
        benign = _is_benign(indicator, known)
        self.benign += benign
        return not benign


def _is_benign(indicator: Indicator, known: KnownValues) -> bool:
    """Whether all that it looks for is on lists that suppress: it could only match what is fine."""
    return all(
        any(
            one.effect == SUPPRESS
            for one in known.of(NETWORK if key.test == "net" else key.kind, key.value)
        )
        for key in map(key_of, indicator.alternatives)
    )


def _resolved(
    objects: Objects, declared: Declared, after: int
) -> Iterator[tuple[Indicator | None, str]]:
    feeds = {feed.id: feed for feed in declared.feeds}
    look_up = _LookUp(objects)
    rows = objects.changed(after)
    while portion := list(islice(rows, PORTION)):
        related = look_up.related([(feed, name) for feed, name, _, _ in portion])
        for feed, name, revoked, body in portion:
            rule_id = f"{RULE_PREFIX}{feed}/{name}"
            if revoked or feed not in feeds:
                yield None, rule_id
                continue
            made = resolve(
                unpacked(body),
                related.get((feed, name), Related()),
                feeds[feed],
                declared.decay,
                partial(look_up.one, feed),
            )
            yield made.indicator, rule_id


class _LookUp:
    """Objects that indicators relate to, remembered while a segment is made."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._known: dict[tuple[str, str], StixObject | None] = {}
        self._uses: dict[tuple[str, str], tuple[StixObject, ...]] = {}

    def one(self, feed: str, name: str) -> StixObject | None:
        key = (feed, name)
        if key not in self._known:
            if len(self._known) > 100 * PORTION:
                self._known.clear()
            body = self._objects.body(feed, name)
            self._known[key] = unpacked(body) if body is not None else None
        return self._known[key]

    def related(self, names: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Related]:
        """What indicators relate to, and were last seen."""
        found: dict[tuple[str, str], Related] = {}
        for feed in dict.fromkeys(feed for feed, _ in names):
            mine = [name for other, name in names if other == feed]
            by_source: dict[str, list[RelationRow]] = {}
            for row in self._objects.relations(feed, mine):
                by_source.setdefault(row.source, []).append(row)
            for source, rows in by_source.items():
                found[feed, source] = self._one_related(feed, rows)
        return found

    def _one_related(self, feed: str, rows: Sequence[RelationRow]) -> Related:
        targets = [self.one(feed, row.target) for row in rows if row.kind == "indicates"]
        indicated = [one for one in targets if one is not None]
        uses = [pattern for one in indicated for pattern in self._patterns(feed, one.id)]
        seen = max((row.seen for row in rows if row.kind == SIGHTING), default=0)
        return Related(indicated, uses, seen)

    def _patterns(self, feed: str, name: str) -> tuple[StixObject, ...]:
        """Attack patterns that malware, an actor or a campaign uses."""
        key = (feed, name)
        if key not in self._uses:
            rows = self._objects.relations(feed, [name])
            targets = [row.target for row in rows if row.kind == "uses"]
            ours = [name for name in targets if name.startswith("attack-pattern--")]
            read = (self.one(feed, target) for target in ours[:MOST_CHAINED])
            self._uses[key] = tuple(one for one in read if one is not None)
        return self._uses[key]


def _manifest(folder: Path, table_id: str) -> Manifest:
    path = folder / f"{table_id}.table"
    _verify(path, table_id)
    return msgspec.json.decode(path.read_bytes(), type=Manifest)


def _read_lists(folder: Path, name: str) -> tuple[WarningList, ...]:
    path = folder / f"{name}.lists"
    _verify(path, name)
    return _lists(path.read_bytes())


def _verify(path: Path, name: str) -> None:
    """Whether a file is what its name says; read in parts, so that memory stays small."""
    digest = sha256()
    try:
        with path.open("rb") as file:
            while part := file.read(1 << 20):
                digest.update(part)
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}") from error
    if digest.hexdigest()[:32] != name:
        raise StorageError(f"{path}: the file was changed; `tocsin intelligence rebuild` mends it")
