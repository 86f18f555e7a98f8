"""What log files look like in OCSF: the mapping alone, for people who write or trust one."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import orjson

from tocsin import flow
from tocsin.app import parts
from tocsin.app.clock import SystemClock
from tocsin.app.content import disk_content
from tocsin.app.records import Reader, read_records
from tocsin.app.site import Site
from tocsin.errors import UsageError
from tocsin.formats.limits import DEFAULT
from tocsin.formats.read import read_batches
from tocsin.formats.records import Rejected, Stamp, to_envelope
from tocsin.model.stages import ContextSnapshot
from tocsin.normalize import Normalizer, compile_sources


class Refused(msgspec.Struct, frozen=True):
    """A record or file that could not be used."""

    where: str
    reason: str
    detail: str


def normalize_files(
    paths: Sequence[Path], site: Site, source_id: str | None
) -> Iterator[bytes | Refused]:
    """The OCSF event of each record as a line of JSON, or why there is none.

    A record that states two has both, one behind the other.

    Raises UsageError, before anything is read, when there is no source `source_id`.
    """
    normalizer = _normalizer(site)
    known = sorted(spec.id for spec in normalizer.sources)
    if source_id is not None and source_id not in known:
        raise UsageError(f"there is no source {source_id}; there are: {', '.join(known)}")
    offset, now = 0, SystemClock().now()
    for batch in read_batches(list(paths), DEFAULT):
        for problem in batch.problems:
            place = f":{problem.position}" if isinstance(problem, Rejected) else ""
            yield Refused(f"{problem.origin}{place}", problem.reason, problem.detail)
        stamp = Stamp(site.settings.site, "normalize", offset, source_id, now)
        decoded = flow.decode(to_envelope(batch, stamp), normalizer)
        offset += len(batch)
        for row in decoded.rejects.to_pylist():
            yield Refused(f"{row['origin']}:{row['position']}", row["reason"], row["detail"])
        clocks = normalizer.host_clocks(decoded.records)
        context = ContextSnapshot(site.settings.site, host_clocks=clocks)
        for record, position, raw in zip(
            decoded.records, decoded.positions, decoded.raws, strict=True
        ):
            [stated] = normalizer.all_events([record], [position], [raw], context)
            yield from (orjson.dumps(event, default=_text) for _, event in stated)


def normalize_records(path: Path, site: Site) -> Iterator[bytes]:
    """A line of JSON for each record of a file of records: see `app.records`."""
    if not path.is_file():
        raise UsageError(f"{path} is no file: records come as lines of JSON, plain or compressed")
    reader = Reader(_normalizer(site), site.settings.site, SystemClock().now())
    for reading in read_records(path, reader):
        yield orjson.dumps(msgspec.structs.asdict(reading), default=_text)


def _normalizer(site: Site) -> Normalizer:
    normalizer, problems = compile_sources(disk_content(site))
    if normalizer is None:
        raise parts.first_error(problems)
    return normalizer


def _text(value: object) -> object:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    raise TypeError(f"{type(value).__name__} is not JSON")
