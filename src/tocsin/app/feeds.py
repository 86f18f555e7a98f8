"""Files and directories that say what a site is, read into what a load takes in."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from tocsin.app.clock import SystemClock
from tocsin.app.context import Given, digest_of
from tocsin.app.site import Site
from tocsin.enrich.context.rows import KINDS, Defaults, Reading, read_rows
from tocsin.errors import ContentError, InputError, UsageError
from tocsin.formats.containers import Leaf, Opening, leaves
from tocsin.formats.limits import DEFAULT, Account
from tocsin.formats.located_yaml import load_located
from tocsin.formats.read import printable
from tocsin.formats.streams import Opened, Peeked
from tocsin.formats.tables import BadRow, read_table
from tocsin.model.ports import Clock

FORMS = (*KINDS, "cmdb", "changes", "ical", "nessus", "epss", "kev")
"""What a file can be loaded as."""

MAX_BYTES = 1024 * 1024 * 1024
_MAX_CALENDAR = 16 * 1024 * 1024
_CHUNK = 1024 * 1024
_FACTS = {
    "assets": "asset", "identities": "identity", "units": "unit", "roles": "role",
    "services": "service", "zones": "zone", "watchlist": "watched",
    "vulnerabilities": "vulnerability", "windows": "window", "leases": "lease",
}  # fmt: skip
_DELTAS = ("leases",)
"""Forms of which a file is never the whole."""


class Wish(msgspec.Struct, frozen=True):
    """How a person wants a file taken; see `tocsin context load`."""

    form: str
    feed: str = ""
    columns: Path | None = None
    list: str = ""
    domain: str = ""
    owner: str = ""
    scope: str = ""
    as_of: int | None = None
    partial: bool = False
    confirmed: bool = False


class _Read(NamedTuple):
    reading: Reading
    kinds: frozenset[str]
    importer: str
    as_of: int | None = None
    covers: frozenset[str] | None = None


def read_file(path: Path, wish: Wish, clock: Clock | None = None) -> Given:
    """Read a file (plain or packed) as what the person says it is.

    Raises UsageError, InputError or ContentError when it is not that.
    """
    if wish.form not in FORMS:
        raise UsageError(f"--as {wish.form}: choose {', '.join(FORMS)}")
    name, data = printable(path), _bytes_of(path)
    now = wish.as_of if wish.as_of is not None else (clock or SystemClock()).now()
    try:
        read = _READERS.get(wish.form, _table)(name, data, wish, now)
    except ValueError as error:
        raise UsageError(f"{name}: {error}") from error
    return Given(
        feed=wish.feed or _feed(wish),
        importer=read.importer,
        kinds=read.kinds,
        origin=name,
        digest=digest_of(data),
        reading=read.reading,
        as_of=wish.as_of if wish.as_of is not None else read.as_of,
        covers=read.covers,
        whole=not wish.partial and wish.form not in _DELTAS,
        confirmed=wish.confirmed,
    )


def _feed(wish: Wish) -> str:
    """The name of a feed that nobody named: exports get a new file name every time."""
    return f"watchlist {wish.list}" if wish.form == "watchlist" and wish.list else wish.form


def _table(name: str, data: bytes, wish: Wish, _: int) -> _Read:
    headers, rows = read_table(name, data)
    defaults = Defaults(wish.list, wish.domain, wish.owner)
    mapping = _mapping(wish.columns) if wish.columns is not None else {}
    reading = read_rows(wish.form, name, headers, _plain(rows), mapping, defaults)
    kind = _FACTS[wish.form]
    scopes = frozenset(one.scope for one in reading.records)
    covers = scopes if wish.form == "vulnerabilities" else None
    return _Read(reading, frozenset({kind}), "csv", covers=covers)


def _plain(rows: Iterable[Any]) -> Iterator[tuple[int, Any]]:
    for row in rows:
        yield (row.line, row.reason) if isinstance(row, BadRow) else (row.line, row.values)


def _mapping(path: Path) -> dict[str, str]:
    """`field: header` of a site, as a small YAML file."""
    found = load_located(path.read_bytes(), printable(path))
    tree = found.value
    if not isinstance(tree, dict) or not all(isinstance(v, str) for v in tree.values()):
        raise ContentError(found.at(()), "columns are written as `field: header`")
    return tree


def _cmdb(name: str, data: bytes, _: Wish, __: int) -> _Read:
    from tocsin.enrich.context.servicenow import read_cmdb  # noqa: PLC0415  # only for this form

    return _Read(read_cmdb(name, _json(name, data)), frozenset({"asset", "service"}), "cmdb")


def _changes(name: str, data: bytes, _: Wish, __: int) -> _Read:
    from tocsin.enrich.context.servicenow import read_changes  # noqa: PLC0415  # only for this form

    return _Read(read_changes(name, _json(name, data)), frozenset({"window"}), "changes")


def _ical(name: str, data: bytes, wish: Wish, now: int) -> _Read:
    from icalendar import Calendar  # noqa: PLC0415  # slow to load

    from tocsin.enrich.context.calendars import read_calendar  # noqa: PLC0415  # the same

    if len(data) > _MAX_CALENDAR:
        raise InputError("too-large", f"{name}: a calendar has at most {_MAX_CALENDAR:,} bytes")
    calendar = Calendar.from_ical(data)
    return _Read(read_calendar(name, calendar, now, wish.scope), frozenset({"window"}), "ical")


def _nessus(name: str, data: bytes, _: Wish, __: int) -> _Read:
    import io  # noqa: PLC0415  # only here

    from tocsin.enrich.context.scans import scanned  # noqa: PLC0415  # only for this form
    from tocsin.formats.nessus import read_nessus  # noqa: PLC0415  # the same

    reading, ended = scanned(name, read_nessus(name, io.BytesIO(data)))
    covers = frozenset(one.scope for one in reading.records)
    return _Read(reading, frozenset({"asset", "vulnerability"}), "nessus", ended, covers)


def _rating(name: str, data: bytes, wish: Wish, _: int) -> _Read:
    from tocsin.enrich.context.ratings import read_epss, read_kev  # noqa: PLC0415  # only here

    read = read_kev if wish.form == "kev" else read_epss
    if data.lstrip()[:1] == b"{":
        tree = _json(name, data)
        items = tree.get("vulnerabilities") if isinstance(tree, dict) else None
        if not isinstance(items, list):
            raise UsageError(f"{name}: no list of vulnerabilities in it")
        rows: Any = ((n, one if isinstance(one, dict) else {}) for n, one in enumerate(items, 1))
    else:
        table = data.partition(b"\n")[2] if data.startswith(b"#") else data
        rows = _plain(read_table(name, table)[1])
    return _Read(read(name, rows), frozenset({"ratings"}), wish.form)


_READERS: dict[str, Callable[[str, bytes, Wish, int], _Read]] = {
    "cmdb": _cmdb,
    "changes": _changes,
    "ical": _ical,
    "nessus": _nessus,
    "epss": _rating,
    "kev": _rating,
}


def _json(name: str, data: bytes) -> Any:
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InputError("not-json", f"{name}: {error}") from error


def _bytes_of(path: Path) -> bytes:
    """The bytes of a file, or of the only member of an archive."""
    if not path.is_file():
        raise UsageError(f"{path} is not a file")
    with path.open("rb") as file:
        size = path.stat().st_size
        opening = Opening(printable(path), Peeked(Opened(file)), 0, file)
        found: bytes | None = None
        for leaf in leaves(opening, Account(DEFAULT, size)):
            if not isinstance(leaf, Leaf):
                raise InputError(leaf.reason, f"{leaf.origin}: {leaf.detail}")
            if found is not None:
                raise UsageError(f"{path} holds several files: unpack it and name one")
            found = _whole(leaf)
    if not found:
        raise UsageError(f"{path} is empty")
    return found


def _whole(leaf: Leaf) -> bytes:
    data = bytearray()
    while part := leaf.source.read(_CHUNK):
        data += part
        if len(data) > MAX_BYTES:
            raise InputError("too-large", f"{leaf.origin}: at most {MAX_BYTES:,} bytes are loaded")
    return bytes(data)


def read_ldap(site: Site, name: str, *, confirmed: bool = False) -> Iterator[Given]:
    """What the directories of the settings say: all, or the one of a name."""
    from tocsin.collect.directory import read_directory  # noqa: PLC0415  # only for this command
    from tocsin.enrich.context.directory import (  # noqa: PLC0415  # the same
        ATTRIBUTES,
        Domain,
        read_entries,
    )

    chosen = [one for one in site.settings.directory if name in ("", one.name)]
    if not chosen:
        raise UsageError("no such [[directory]] in tocsin.toml: name its url and base there")
    for one in chosen:
        answered = read_directory(one, ATTRIBUTES, site.folder or Path.cwd())
        domain = Domain(answered.netbios, answered.dns)
        yield Given(
            feed=one.name,
            importer="ldap",
            kinds=frozenset({"asset", "identity"}),
            origin=one.url,
            digest="",
            reading=read_entries(one.url, answered.entries, domain, one.unit),
            confirmed=confirmed,
        )
