"""Every reader of foreign bytes, as a function of bytes that may raise only what it promises."""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tocsin import flow
from tocsin.app import parts
from tocsin.collect.frames import SALT, frames, salt_of
from tocsin.content import load
from tocsin.detect.exceptions import Standings, read_entry
from tocsin.detect.sigma import Matcher, compile_plan, parse_rules
from tocsin.detect.sigma.logsources import load_logsources
from tocsin.enrich.attack.bundle import read_bundle
from tocsin.errors import TocsinError
from tocsin.formats.located_yaml import load_located
from tocsin.formats.read import read_bytes
from tocsin.formats.records import Block, RawBatch, Stamp, to_envelope
from tocsin.model.content import ContentFile
from tocsin.model.stages import ContextSnapshot
from tocsin.normalize import compile_sources, validate
from tocsin.normalize.language import read_mapping, read_source
from tocsin.store.sql_guard import RefusedSql, check

SHIPPED = Path(flow.__file__).parent / "shipped"
NOW = 1_780_000_000_000_000
FILE_NAMES = ("x.log", "x.json", "x.gz", "x.zip", "x.tar", "x.evtx")


@dataclass(frozen=True)
class Target:
    """`run` raises one of `refusals` for what it refuses; `covers` are files below `src/tocsin`."""

    run: Callable[[bytes], object]
    covers: tuple[str, ...]
    seeds: Callable[[], Iterable[bytes]]
    refusals: tuple[type[Exception], ...] = (TocsinError,)


def read_file(data: bytes) -> None:
    """A file of any kind, named by its first byte."""
    name = FILE_NAMES[data[0] % len(FILE_NAMES)] if data else "x.log"
    for item in read_bytes(name, data[1:]):
        assert isinstance(item, tuple)


def file_seeds() -> Iterable[bytes]:
    """One small file of each kind, and of each kind inside another."""
    line = b'{"EventID": 1, "Channel": "Security", "Hostname": "h"}\n'
    audit = b"type=SYSCALL msg=audit(1700000000.123:7): syscall=59 a0=1\n" * 2
    zeek = b"#separator \\x09\n#fields\tts\tuid\n#path\tconn\n1.5\tC1\n"
    pretty = b'[\n {"a": {"b": [1, 2]}},\n {"Records": [{"x": "\\ud800"}]}\n]'
    wrapped = b'{"Records": [{"eventName": "a"}, {"eventName": "b"}]}'
    zipped, tarred = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("a.json", pretty)
        archive.writestr("b.log", line)
    with tarfile.open(fileobj=tarred, mode="w:gz") as archive:
        info = tarfile.TarInfo("a.log")
        info.size = len(line)
        archive.addfile(info, io.BytesIO(line))
    whole = (line * 3, audit, zeek, pretty, wrapped, gzip.compress(line))
    for number, data in enumerate((*whole, zipped.getvalue(), tarred.getvalue(), b"ElfFile\0")):
        yield bytes([number % len(FILE_NAMES)]) + data


@cache
def compiled() -> flow.Compiled:
    """All shipped sources and rules, compiled once."""
    content = load(None)
    normalizer, problems = compile_sources(content)
    assert normalizer is not None, problems
    bindings = parts.logsources(content)
    plan = compile_plan(parse_rules(parts.rule_files(content, None)), bindings)
    return flow.Compiled(normalizer, plan, Matcher(plan), Standings(), Meter(normalizer.sources))


def observe(data: bytes) -> None:
    """A record through recognition, mapping and all shipped rules; its event must be valid."""
    batch = RawBatch()
    batch.add(Block("fuzz", [1], [data]))
    raw = to_envelope(batch, Stamp("fuzz", "fuzz", 0, None, NOW))
    context = ContextSnapshot("fuzz")
    flow.observe(raw, compiled(), context)
    decoded = flow.decode(raw, compiled().normalizer)
    events = compiled().normalizer.events(decoded.records, decoded.positions, decoded.raws, context)
    for name, event in events:
        faults = validate(name, event)
        assert not faults, (name, faults)


def record_seeds() -> Iterable[bytes]:
    """The first samples of every shape of every shipped source."""
    for path in sorted(SHIPPED.glob("sources/*/samples/*")):
        if path.suffix == ".ndjson":
            yield from path.read_bytes().splitlines()[:6]
        else:
            for item in read_bytes(path.name, path.read_bytes()):
                yield from item.raws[:6] if isinstance(item, Block) else ()


def shipped(pattern: str, most: int = 40) -> Callable[[], Iterable[bytes]]:
    """Shipped files as seeds."""
    return lambda: [path.read_bytes() for path in sorted(SHIPPED.glob(pattern))[:most]]


def compile_rules(data: bytes) -> None:
    """Rules of a file, compiled, and tried on one record."""
    rules = parse_rules([("fuzz.yml", data)])
    plan = compile_plan(rules, _bindings(), use_hyperscan=False)
    record = compiled().normalizer.decode(next(iter(record_seeds())), None)
    Matcher(plan).match([record], [None])  # type: ignore[list-item]  # the first sample is readable


@cache
def _bindings() -> tuple[object, ...]:
    return tuple(parts.logsources(load(None)))


EXCEPTION = b"""id: quiet-backup
title: Backup of the file servers
rules: [11111111-2222-3333-4444-555555555555]
where:
  - {field: Image, endswith: [\\backup.exe]}
effect: hide
owner: a.osei
reason: known
created: 2026-01-01
expires: 2026-03-01
"""
BUNDLE = b"""{"type": "bundle", "id": "bundle--1", "objects": [
 {"type": "x-mitre-tactic", "id": "x-mitre-tactic--1", "name": "Impact",
  "x_mitre_shortname": "impact",
  "external_references": [{"source_name": "mitre-attack", "external_id": "TA0040"}]},
 {"type": "attack-pattern", "id": "attack-pattern--1", "name": "Wipe", "revoked": false,
  "modified": "2025-01-01T00:00:00.000Z",
  "kill_chain_phases": [{"kill_chain_name": "mitre-attack", "phase_name": "impact"}],
  "external_references": [{"source_name": "mitre-attack", "external_id": "T1485"}]},
 {"type": "relationship", "relationship_type": "revoked-by", "source_ref": "attack-pattern--1",
  "target_ref": "attack-pattern--1", "id": "relationship--1"}]}"""
QUERIES = (
    b"SELECT count(*) FROM authentication",
    b"WITH a AS (SELECT time FROM base_event) SELECT * FROM a ORDER BY 1 LIMIT 3",
    b"COPY base_event TO 'x'",
)


def read_frames(data: bytes) -> None:
    """A segment of the spool, damaged in any way."""
    for frame in frames(data, salt_of(data) or b"\0" * SALT):
        assert frame.end <= len(data)


def located(read: Callable[..., object]) -> Callable[[bytes], object]:
    """A reader of content YAML."""
    return lambda data: read(load_located(data, "fuzz.yaml"))


TARGETS: Mapping[str, Target] = {
    "files": Target(
        read_file,
        ("formats/read.py", "formats/text.py", "formats/lines.py", "formats/documents.py",
         "formats/containers.py", "formats/streams.py", "formats/tar.py", "formats/zipfront.py",
         "formats/depth.py", "formats/grouping.py"),
        file_seeds,
    ),
    "records": Target(
        observe,
        ("normalize/recognizer.py", "normalize/patterns.py", "normalize/readers/*.py",
         "normalize/times.py", "normalize/moments.py", "normalize/converters.py",
         "normalize/columns.py", "detect/sigma/matcher.py", "correlate/entities.py"),
        record_seeds,
    ),
    "yaml": Target(
        lambda data: load_located(data, "fuzz.yaml"),
        ("formats/located_yaml.py",),
        shipped("sources/*/*.yaml"),
    ),
    "mapping": Target(
        located(read_mapping), ("normalize/language.py",), shipped("sources/*/mapping.yaml")
    ),
    "source": Target(
        located(read_source), ("normalize/language.py",), shipped("sources/*/source.yaml")
    ),
    "logsources": Target(
        lambda data: load_logsources("fuzz.yaml", data),
        ("detect/sigma/logsources.py",),
        shipped("sources/*_logsources.yaml"),
    ),
    "rules": Target(
        compile_rules,
        ("detect/sigma/parse.py", "detect/sigma/condition.py", "detect/sigma/compilation.py",
         "detect/sigma/checks.py", "detect/sigma/correlations.py", "detect/sigma/filters.py"),
        shipped("rules/*/*.yml", 80),
    ),
    "exceptions": Target(
        lambda data: read_entry(ContentFile("exceptions/f.yaml", data, "site")),
        ("detect/exceptions/reading.py", "detect/exceptions/conditions.py"),
        lambda: [EXCEPTION],
    ),
    "attack": Target(
        lambda data: read_bundle(data, "fuzz.json"),
        ("enrich/attack/bundle.py",),
        lambda: [BUNDLE],
    ),
    "query": Target(
        lambda data: check(data.decode("utf-8", "replace"), {"authentication", "base_event"}),
        ("store/sql_guard.py",),
        lambda: QUERIES,
        (RefusedSql,),
    ),
    "spool": Target(read_frames, ("collect/frames.py",), lambda: [b"TOCSPOOL" + bytes(64)]),
}  # fmt: skip


def attempt(target: Target, data: bytes) -> bool:
    """Run a target; False when it refused the bytes in its own words."""
    try:
        target.run(data)
    except target.refusals:
        return False
    return True
