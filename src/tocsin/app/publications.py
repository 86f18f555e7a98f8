"""Feeds of intelligence: asked, read, kept. What a feed gives is only ever data."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import msgspec

from tocsin.app.site import Site
from tocsin.collect.secrets import secret_bytes
from tocsin.collect.taxii import Collection, TaxiiClient
from tocsin.enrich.intelligence.bundle import (
    INDICATOR,
    RELATIONSHIP,
    SIGHTING,
    Bundle,
    StixObject,
    moment,
    packed,
    read_bundle,
)
from tocsin.enrich.intelligence.kev import Entry, delta, read_kev
from tocsin.enrich.intelligence.resolving import unsupported_of
from tocsin.errors import InputError, SettingsError, UsageError
from tocsin.formats.read import read_members
from tocsin.model.intelligence import FeedSpec
from tocsin.settings.secret import Secret
from tocsin.store import State
from tocsin.store.intelligence import FeedState
from tocsin.store.intelligence_objects import ObjectRow, Objects, RelationRow

ANY_NAME = ("",)
MAX_FILES = 10_000
MAX_FILE = 512 * 1024 * 1024
SHOWN = 5
"""Names in the note of what changed."""

_pack = msgspec.msgpack.Encoder().encode
_entry = msgspec.msgpack.Decoder(Entry).decode


class Came(msgspec.Struct):
    """What asking a feed brought."""

    changed: int = 0
    refused: int = 0
    passed: int = 0
    newest: int = 0
    note: str = ""

    def add(self, bundle: Bundle, changed: int) -> None:
        """Count a bundle of which so much was new."""
        self.changed += changed
        self.refused += len(bundle.refused)
        self.passed += bundle.passed
        self.newest = max([self.newest, *(one.version for one in bundle.objects)])
        if bundle.refused:
            first = bundle.refused[0]
            self.note = f"{first.place}: {first.reason}"[:300]


def ask(site: Site, state: State, objects: Objects, feed: FeedSpec, now: int) -> FeedState:
    """Ask a feed for what is new, and keep that and how it went. What fails is in `error`."""
    known = state.intelligence.feeds().get(feed.id, FeedState(feed.id))
    try:
        came = _ask(site, objects, feed, now)
    except (InputError, SettingsError, UsageError, OSError) as error:
        failed = msgspec.structs.replace(known, tried=now, error=str(error)[:500])
        state.intelligence.put_feed(failed)
        return failed
    counts = objects.counts().get(feed.id)
    fresh = FeedState(
        feed=feed.id,
        tried=now,
        succeeded=now,
        changed=now if came.changed else known.changed,
        newest=max(known.newest, came.newest),
        stored=counts.objects if counts else 0,
        indicators=counts.indicators - counts.revoked if counts else 0,
        unsupported=counts.noted if counts else 0,
        error="",
        note=_note(came) or known.note,
    )
    state.intelligence.put_feed(fresh)
    return fresh


def load_data(objects: Objects, feed: FeedSpec, data: bytes) -> Came:
    """Keep what a bundle holds. Raises InputError when it is none."""
    came = Came()
    bundle = read_bundle(data)
    came.add(bundle, _put(objects, feed, bundle))
    return came


def load_files(objects: Objects, feed: FeedSpec, paths: Iterable[Path]) -> Came:
    """Keep what files, folders and archives of STIX or KEV hold."""
    whole = Came()
    for path in paths:
        for _, data in read_members(path, suffixes=ANY_NAME, most=MAX_FILE):
            if feed.kind == "kev":
                came = load_kev(objects, feed, data)
            elif data.lstrip()[:1] in (b"{", b"["):
                came = load_data(objects, feed, data)
            else:
                came = Came(refused=1, note="a file that is no JSON was passed over")
            whole.changed += came.changed
            whole.refused += came.refused
            whole.passed += came.passed
            whole.newest = max(whole.newest, came.newest)
            whole.note = came.note or whole.note
    return whole


def load_kev(objects: Objects, feed: FeedSpec, data: bytes) -> Came:
    """Keep a snapshot of the KEV catalog, unless it is older than what is there."""
    snapshot = read_kev(data)
    at = objects.position(feed.id, "snapshot")
    if at and snapshot.at < int(at):
        return Came(newest=snapshot.at, note="an older snapshot than what is kept was passed over")
    before = [_entry(body) for body in objects.of_type(feed.id, "vulnerability")]
    change = delta(before, snapshot.entries)
    touched = {*change.added, *change.changed}
    gone = {one.cveID: one for one in before if one.cveID in change.removed}
    rows = [_kev_row(one, snapshot.at) for one in snapshot.entries if one.cveID in touched]
    rows += [_kev_row(one, snapshot.at, revoked=True) for one in gone.values()]
    changed = objects.put(feed.id, rows)
    objects.set_position(feed.id, "snapshot", str(snapshot.at))
    if not changed:
        return Came(newest=snapshot.at)
    names = ", ".join(change.added[:SHOWN]) + (", ..." if len(change.added) > SHOWN else "")
    note = (
        f"{len(change.added)} added ({names or 'none'}), {len(change.changed)} changed, "
        f"{len(change.removed)} removed"
    )
    return Came(changed=changed, newest=snapshot.at, note=note)


def _kev_row(one: Entry, at: int, *, revoked: bool = False) -> ObjectRow:
    return ObjectRow(one.cveID, "vulnerability", at, revoked, _pack(one))


def _ask(site: Site, objects: Objects, feed: FeedSpec, now: int) -> Came:
    if feed.kind == "taxii":
        return _ask_taxii(site, objects, feed, now)
    came = Came()
    for path in _paths(site, feed):
        status = path.stat()
        if status.st_size > MAX_FILE:
            raise InputError("too-large", f"{path}: {status.st_size:,} bytes")
        stamp = f"{status.st_mtime_ns}:{status.st_size}"
        place = f"file:{sha256(str(path).encode()).hexdigest()[:24]}"
        if objects.position(feed.id, place) == stamp:
            continue
        one = load_files(objects, feed, [path])
        objects.set_position(feed.id, place, stamp)
        came.changed += one.changed
        came.refused += one.refused
        came.newest = max(came.newest, one.newest)
        came.note = one.note or came.note
    return came


def _paths(site: Site, feed: FeedSpec) -> Iterator[Path]:
    """The files of a feed, the oldest first: a later version of an object is then read later."""
    path = (site.folder or Path.cwd()) / feed.path
    if path.is_dir():
        found = [one for one in path.rglob("*") if one.is_file() and not one.name.startswith(".")]
        yield from sorted(found, key=lambda one: (one.stat().st_mtime_ns, one.name))[:MAX_FILES]
    elif path.exists():
        yield path
    else:
        raise InputError("io-error", f"{feed.where}: {path} is not there")


def _ask_taxii(site: Site, objects: Objects, feed: FeedSpec, now: int) -> Came:
    came = Came()
    client = _client(site, feed)
    try:
        for collection in client.collections(feed.api_root):
            if feed.collections and collection.collection_id not in feed.collections:
                continue
            _ask_collection(objects, feed, client, collection, now, came)
    finally:
        client.close()
    return came


def _ask_collection(
    objects: Objects,
    feed: FeedSpec,
    client: TaxiiClient,
    collection: Collection,
    now: int,
    came: Came,
) -> None:
    place = f"taxii:{collection.api_root}{collection.collection_id}"
    after = objects.position(feed.id, place) or _first_after(feed, now)
    last = ""
    for page in client.objects(collection, after):
        bundle = read_bundle(page.body)
        came.add(bundle, _put(objects, feed, bundle))
        if last and page.added_last != last:
            # only now is all of `last` there: what was added at one moment may fill several pages
            objects.set_position(feed.id, place, last)
        last = page.added_last or last
    if last:
        objects.set_position(feed.id, place, last)


def _first_after(feed: FeedSpec, now: int) -> str:
    """From when on a feed is read first; empty: from the beginning."""
    if not feed.first_days:
        return ""
    since = datetime.fromtimestamp(now / 1_000_000, UTC) - timedelta(days=feed.first_days)
    return since.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _client(site: Site, feed: FeedSpec) -> TaxiiClient:
    folder = site.folder or Path.cwd()
    user = _secret(feed.user, folder) if feed.user.startswith(("env:", "file:")) else feed.user
    password = _secret(feed.password, folder)
    auth = (user, password) if user else None
    return TaxiiClient(feed.url, auth=auth, token=_secret(feed.token, folder))


def _secret(reference: str, folder: Path) -> str:
    return secret_bytes(Secret(reference), folder).decode() if reference else ""


def _put(objects: Objects, feed: FeedSpec, bundle: Bundle) -> int:
    rows = [_row(one) for one in bundle.objects if one.type not in (RELATIONSHIP, SIGHTING)]
    relations = [row for one in bundle.objects for row in _relation(one)]
    return objects.put(feed.id, rows, relations)


def _row(one: StixObject) -> ObjectRow:
    note = "; ".join(unsupported_of(one))[:1_000] if one.type == INDICATOR else ""
    return ObjectRow(one.id, one.type, one.version, one.revoked, packed(one), note)


def _relation(one: StixObject) -> Iterator[RelationRow]:
    if one.type == RELATIONSHIP:
        kind = "" if one.revoked else one.relationship_type
        yield RelationRow(one.id, one.source_ref, one.target_ref, kind)
    elif one.type == SIGHTING and one.sighting_of_ref.startswith(INDICATOR):
        seen = moment(one.last_seen) or one.version
        yield RelationRow(one.id, one.sighting_of_ref, "", SIGHTING, seen)


def _note(came: Came) -> str:
    parts = [came.note] if came.note else []
    if came.refused:
        parts.insert(0, f"{came.refused} objects could not be read")
    return "; ".join(parts)


def stale(feed: FeedSpec, known: FeedState | None, now: int) -> str:
    """Why a feed is stale, in words; empty when it is not.

    Not what a feed says counts but when it last said something new, and when its newest object is
    of: a mirror that is asked daily and stands still for a month is stale.
    """
    if known is None or not known.succeeded:
        return "nothing came from it yet"
    if not feed.expected_every:
        return ""
    newest = known.newest if feed.kind == "kev" else max(known.newest, known.changed)
    age = (now - newest) // 1_000_000
    if age <= feed.expected_every:
        return ""
    return f"its newest is {_days(age)} old, expected every {_days(feed.expected_every)}"


def _days(seconds: int) -> str:
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} seconds"
