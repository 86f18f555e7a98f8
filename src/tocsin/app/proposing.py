"""A new source out of samples: read, proposed, compiled until it holds, written into the site."""

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from tocsin.app.content import disk_content
from tocsin.app.parts import first_error
from tocsin.app.site import Site
from tocsin.errors import ContentError, UsageError
from tocsin.formats.limits import DEFAULT
from tocsin.formats.read import read_batches
from tocsin.model.content import ContentFile, ContentSet
from tocsin.model.records import NativeRecord
from tocsin.normalize import Normalizer, accept_sources, check_sources, compile_sources
from tocsin.normalize.propose import Knowledge, Proposal, learn, propose
from tocsin.normalize.propose.source import MAX_KEYS, Reading
from tocsin.normalize.propose.write import Written, mapping_file, source_file
from tocsin.normalize.readers import DOCUMENTS, LINES

MAX_RECORDS = 5_000
"""Records that statistics are made of."""
KEPT = 40
"""Records that are kept as samples of the source."""
MAX_REFUSED = 500
"""Lines that the compiler may refuse before the proposal is given up."""
MOST = 0.9
"""Share of the records that must be of one form."""
_ID = re.compile(r"[a-z][a-z0-9_]{1,62}")
_READERS = ("cef", "leef", "checkpoint", "key_value")
_DELIMITERS = ",;\t|"
_FEWEST_COLUMNS = 3
_MAX_COLUMNS = 200
_TABLES = (".csv", ".tsv")
"""Files that are no logs when they are followed, but are good as samples."""
MAX_TABLE = 16 * 1024 * 1024
"""Bytes of a table that are read."""
_WORD = re.compile(r"[^A-Za-z0-9_]+")


class Read(NamedTuple):
    """Samples, how they are read, and the native fields of those that can be."""

    reading: Reading
    raws: list[bytes]
    fields: list[dict[str, Any]]
    unread: int


class Made(NamedTuple):
    """What was written: the folder, its files (path -> bytes), and what they propose."""

    folder: Path
    files: dict[str, bytes]
    proposal: Proposal
    refused: dict[str, str]
    unread: int


def new_source(site: Site, source_id: str, samples: Sequence[Path]) -> Made:
    """Propose a source from samples and write it into the site's folder.

    Raises UsageError when there is no site, the id is taken, the samples cannot be used, or another
    source reads them already; nothing is written then.
    """
    if site.folder is None:
        raise UsageError("there is no site here: `tocsin init soc` makes one, --site names another")
    folder = site.folder / "sources" / source_id
    if not _ID.fullmatch(source_id):
        raise UsageError(f"{source_id}: an id is of a-z, 0-9 and _, and begins with a letter")
    if folder.exists():
        raise UsageError(f"{folder} is there already: choose another id, or remove it")
    content = disk_content(site)
    normalizer, problems = compile_sources(content)
    if normalizer is None:
        raise first_error(problems)
    if source_id in {spec.id for spec in normalizer.sources}:
        raise UsageError(f"there is a source {source_id} already: choose another id")
    read = read_samples(samples)
    made = propose_files(source_id, read, learn(content, normalizer))
    _refuse_known(content, made, normalizer)
    for name, data in made.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return made._replace(folder=folder)


def propose_files(
    source_id: str, read: Read, knowledge: Knowledge, without: frozenset[str] = frozenset()
) -> Made:
    """The files of a source for these samples, which pass their own check.

    What the compiler refuses becomes a comment with the reason. Raises ContentError when that does
    not lead to a source that holds.
    """
    proposal = propose(source_id, read.reading, read.fields, knowledge, without)
    kept = _kept(read, proposal)
    name = "samples/samples.ndjson"
    files = {"source.yaml": source_file(proposal).text.encode()}
    files[name] = b"".join(raw + b"\n" for raw in kept)
    refused: dict[str, str] = {}
    while True:
        written = mapping_file(proposal, knowledge, without, refused)
        files["mapping.yaml"] = written.text.encode()
        error = _error(source_id, files)
        if error is None:
            break
        key = _key_of(written, error) or _last(written, refused)
        if key is None or key in refused or len(refused) >= MAX_REFUSED:
            raise error
        refused[key] = error.message
    for path, data in accept_sources(_content(source_id, files)).items():
        files[path.removeprefix(f"sources/{source_id}/")] = data
    wrong = [one for one in check_sources(_content(source_id, files)) if one.severity == "error"]
    if wrong:
        raise ContentError(wrong[0].where, wrong[0].message)
    return Made(Path(source_id), files, proposal, refused, read.unread)


def _content(source_id: str, files: dict[str, bytes]) -> ContentSet:
    return ContentSet.of(
        [ContentFile(f"sources/{source_id}/{name}", data, "site") for name, data in files.items()]
    )


def _error(source_id: str, files: dict[str, bytes]) -> ContentError | None:
    """The first thing that the compiler says against the files."""
    normalizer, problems = compile_sources(_content(source_id, files))
    return None if normalizer is not None else first_error(problems)


def _key_of(written: Written, error: ContentError) -> str | None:
    """The line of the mapping that an error is about."""
    place, _, number = error.where.rpartition(":")
    if not place.endswith("mapping.yaml") or not number.isdigit():
        return None
    return written.keys.get(int(number))


def _last(written: Written, refused: Mapping[str, str]) -> str | None:
    """The least sure line that is still in force, for an error that is about no line."""
    left = [key for key in written.keys.values() if key not in refused]
    return left[-1] if left else None


def _refuse_known(content: ContentSet, made: Made, normalizer: Normalizer) -> None:
    """Samples that another source reads are no new source."""
    more = _content(made.proposal.source_id, made.files)
    both, problems = compile_sources(ContentSet.of([*content.files, *more.files]))
    if both is None:
        raise first_error(problems)
    for raw in made.files["samples/samples.ndjson"].splitlines():
        record = both.decode(raw, None)
        if isinstance(record, NativeRecord) and record.source_id != made.proposal.source_id:
            known = {spec.id: spec.title for spec in normalizer.sources}
            title = known.get(record.source_id, record.source_id)
            raise UsageError(
                f"the source {record.source_id} ({title}) reads these records already: "
                "`tocsin normalize FILE` shows what they become"
            )


def read_samples(paths: Sequence[Path]) -> Read:
    """Records of all files, and the form that they share; raises UsageError without one."""
    raws: list[bytes] = []
    problems: list[str] = []
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path} does not exist")
    tables = [path for path in paths if path.suffix.lower() in _TABLES and path.is_file()]
    for batch in read_batches([path for path in paths if path not in tables], DEFAULT):
        problems += [f"{one.origin}: {one.reason}: {one.detail}" for one in batch.problems]
        raws += batch.raws[: MAX_RECORDS - len(raws)]
        if len(raws) >= MAX_RECORDS:
            break
    for path in tables:
        with path.open("rb") as file:
            lines = file.read(MAX_TABLE).removeprefix(b"\xef\xbb\xbf").splitlines()
        raws += [line for line in lines if line.strip()][: MAX_RECORDS - len(raws)]
    if not raws:
        raise UsageError(problems[0] if problems else "the samples hold no record")
    return read_raws(raws)


def read_raws(raws: Sequence[bytes]) -> Read:
    """Records as fields, by the reader that takes nearly all of them; raises UsageError."""
    documents = [_document(raw) for raw in raws]
    if sum(one is not None for one in documents) >= MOST * len(raws):
        return _json(raws, documents)
    texts = [raw.decode("utf-8", "backslashreplace").strip("\r\n") for raw in raws]
    for name in _READERS:
        found = [LINES[name](text) for text in texts]
        if sum(one is not None for one in found) >= MOST * len(raws):
            return _taken(Reading(name), raws, found)
    if (rows := _rows(raws, texts)) is not None:
        return rows
    found = [LINES["syslog"](text) for text in texts]
    programs = {str(one.get("program")) for one in found if one is not None}
    if sum(one is not None for one in found) >= MOST * len(raws) and len(programs) == 1:
        return _taken(Reading("syslog", has=("program", "message")), raws, found)
    raise UsageError(
        "the samples are free text, or of several forms: give those of one form (JSON, key=value, "
        "CEF, LEEF, rows of columns, or the syslog lines of one program), or write `patterns:` "
        "yourself, as the reference of the mapping language says"
    )


def _document(raw: bytes) -> dict[str, Any] | None:
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def _json(raws: Sequence[bytes], documents: Sequence[dict[str, Any] | None]) -> Read:
    known = [one for one in documents if one is not None]
    values = [value for one in known for value in one.values()]
    texts = (value for value in values if isinstance(value, str))
    if any(text[:1] == "{" and _document(text.encode()) is not None for text in texts):
        name = "opened"
    else:
        name = "nested" if any(isinstance(value, dict | list) for value in values) else "flat"
    every = set.intersection(*(set(one) for one in known))
    if not every:
        raise UsageError("the samples have no key in common: give those of one kind of log")
    has = sorted(sorted(every, key=lambda key: (-len(key), key))[:MAX_KEYS])
    found = [None if one is None else DOCUMENTS[name](one) for one in documents]
    plain = [one if one is None else orjson.dumps(one) for one in documents]
    whole = [raw if b"\n" not in raw else plain[n] or raw for n, raw in enumerate(raws)]
    return _taken(Reading(name, has=tuple(key for key in has if "." not in key)), whole, found)


def _taken(reading: Reading, raws: Sequence[bytes], found: Sequence[dict[str, Any] | None]) -> Read:
    pairs = [(raw, one) for raw, one in zip(raws, found, strict=True) if one is not None]
    single = [(raw.strip(b"\r\n"), one) for raw, one in pairs if b"\n" not in raw.strip(b"\r\n")]
    if not single:
        raise UsageError("every sample is of several lines: such a source is written by hand")
    return Read(
        reading, [raw for raw, _ in single], [one for _, one in single], len(raws) - len(single)
    )


def _rows(raws: Sequence[bytes], texts: Sequence[str]) -> Read | None:
    """Rows of columns under a header, or None when the text is none."""
    delimiter = max(_DELIMITERS, key=texts[0].count)
    try:
        table = [next(csv.reader([text], delimiter=delimiter), []) for text in texts]
    except csv.Error:
        return None
    header = [_WORD.sub("_", cell.strip()).strip("_") for cell in table[0]]
    named = all(cell and not cell[0].isdigit() for cell in header)
    wide = _FEWEST_COLUMNS <= len(header) <= _MAX_COLUMNS
    if not wide or not named or len(set(header)) < len(header) or len(table) == 1:
        return None
    if sum(len(row) == len(header) for row in table) < MOST * len(table):
        return None
    found = [
        {**dict(zip(header, row, strict=True)), "message": text}
        if len(row) == len(header)
        else None
        for row, text in zip(table[1:], texts[1:], strict=True)
    ]
    reading = Reading("message", tuple(header), delimiter, has=("message",))
    return _taken(reading, raws[1:], found)


def _kept(read: Read, proposal: Proposal) -> list[bytes]:
    """The first records of each kind, and then the first of all, at most `KEPT`."""
    seen: set[str] = set()
    first: list[bytes] = []
    rest: list[bytes] = []
    for raw, fields in zip(read.raws, read.fields, strict=True):
        kind = str(fields.get(proposal.select))
        (rest if kind in seen else first).append(raw)
        seen.add(kind)
    return [*first, *rest][:KEPT]


__all__ = ["Made", "Read", "new_source", "propose_files", "read_raws", "read_samples"]
