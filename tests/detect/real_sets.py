"""Windows records and rules out of the real data, in name order."""

import io
import json
import lzma
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from evtx import PyEvtxParser

from tocsin.model.records import NativeRecord
from tocsin.normalize.readers import DOCUMENTS


def archive_lines(path: Path) -> Iterator[bytes]:
    """Lines of the NDJSON members of an archive; one that is cut off yields what is readable."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name.endswith(".json"):
                    with archive.open(name) as member:
                        yield from (line.strip() for line in member)
        return
    try:
        with tarfile.open(path) as tar:
            for member_info in tar:
                member_file = tar.extractfile(member_info)
                if member_file is not None:
                    yield from (line.strip() for line in member_file)
    except (EOFError, tarfile.ReadError):
        return


def windows_archives(data: Path) -> list[Path]:
    """The archives of otrf-343k, sorted by name."""
    root = data / "detection" / "otrf" / "atomic" / "windows"
    return sorted(p for p in root.rglob("*") if p.name.endswith((".zip", ".tar.gz")))


def flat_record(line: bytes) -> NativeRecord | None:
    """A line of an OTRF set, or None when it is not of shape `flat`."""
    try:
        fields = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(fields, dict) or not {"Channel", "EventID"} <= fields.keys():
        return None
    return NativeRecord("windows_eventlog", "flat", fields)


def evtx_record(document: dict[str, Any]) -> NativeRecord | None:
    """A record in evtx_dump's layout."""
    fields = DOCUMENTS["windows_event"](document)
    return None if fields is None else NativeRecord("windows_eventlog", "evtx", fields)


def evtx_lines(data: bytes) -> Iterator[bytes]:
    """JSON of every readable record of an EVTX file."""
    records = iter(PyEvtxParser(io.BytesIO(data)).records_json())
    while True:
        try:
            record = next(records)
        except StopIteration:
            return
        except (RuntimeError, ValueError):
            continue
        yield record["data"].encode("utf-8", "replace")


def tar_files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Files of a tar.xz."""
    with lzma.open(path) as stream, tarfile.open(fileobj=stream) as tar:
        for member in tar:
            opened = tar.extractfile(member) if member.isfile() else None
            if opened is not None:
                yield member.name, opened.read()


def sigma_files(data: Path) -> list[tuple[str, bytes]]:
    """The SigmaHQ rules."""
    archive = data / "detection" / "sigma_rules.tar.xz"
    return [(n, d) for n, d in tar_files(archive) if n.endswith((".yml", ".yaml"))]


def json_documents(data: bytes) -> Iterator[Any]:
    """Documents that stand one after the other, each over several lines or none; lists open up."""
    text = data.decode("utf-8-sig")
    decoder, position = json.JSONDecoder(), 0
    while text[position:].strip():
        position += len(text[position:]) - len(text[position:].lstrip())
        document, position = decoder.raw_decode(text, position)
        yield from document if isinstance(document, list) else [document]
