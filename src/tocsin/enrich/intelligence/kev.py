"""The catalog of known exploited vulnerabilities (CISA KEV), in JSON or CSV, and its changes."""

import csv
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from tocsin.enrich.intelligence.bundle import moment
from tocsin.errors import InputError

MAX_ENTRIES = 100_000


class Entry(msgspec.Struct, frozen=True):
    """One vulnerability of the catalog, with what may change of it."""

    cveID: str  # noqa: N815 - the catalog's name
    dateAdded: str = ""  # noqa: N815 - likewise
    dueDate: str = ""  # noqa: N815 - likewise
    knownRansomwareCampaignUse: str = ""  # noqa: N815 - likewise


class Snapshot(msgspec.Struct, frozen=True):
    """A catalog as it was published at `at` (us UTC): what it says, else its newest entry."""

    at: int
    entries: tuple[Entry, ...]


class Delta(msgspec.Struct, frozen=True):
    """How a snapshot differs from the one before."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


class _Catalog(msgspec.Struct):
    vulnerabilities: list[Entry]
    dateReleased: str = ""  # noqa: N815 - likewise


def read_kev(data: bytes) -> Snapshot:
    """A snapshot from JSON or CSV; raises InputError when it is neither."""
    try:
        if data.lstrip()[:1] == b"{":
            catalog = msgspec.json.decode(data, type=_Catalog)
            entries, released = catalog.vulnerabilities, catalog.dateReleased
        else:
            entries, released = list(_rows(data.decode("utf-8-sig"))), ""
    except (msgspec.DecodeError, UnicodeDecodeError, csv.Error) as error:
        raise InputError("not-kev", f"no KEV catalog: {error}") from None
    good = [one for one in entries[:MAX_ENTRIES] if one.cveID.startswith("CVE-")]
    if not good:
        raise InputError("not-kev", "no KEV catalog: it names no CVE")
    newest = max(moment(one.dateAdded) for one in good)
    ordered = sorted({one.cveID: one for one in good}.values(), key=lambda one: one.cveID)
    return Snapshot(max(moment(released), newest), tuple(ordered))


def _rows(text: str) -> Iterator[Entry]:
    known = set(Entry.__struct_fields__)
    for row in csv.DictReader(text.splitlines(keepends=True)):
        cells: Mapping[str, str] = {k: v or "" for k, v in row.items() if k in known}
        if "cveID" in cells:
            yield Entry(**cells)


def delta(before: Iterable[Entry], after: Iterable[Entry]) -> Delta:
    """What was added, removed and changed, by CVE."""
    old = {one.cveID: one for one in before}
    new = {one.cveID: one for one in after}
    changed = [name for name in old.keys() & new.keys() if old[name] != new[name]]
    return Delta(
        tuple(sorted(new.keys() - old.keys())),
        tuple(sorted(old.keys() - new.keys())),
        tuple(sorted(changed)),
    )
