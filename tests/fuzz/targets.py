"""Every reader of foreign bytes, as a function of bytes that may raise only what it promises."""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import orjson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from tocsin import flow
from tocsin.app import parts
from tocsin.collect.bodies import Unpacker
from tocsin.collect.frames import SALT, frames, salt_of
from tocsin.collect.transports.bulk import items_of
from tocsin.collect.transports.hec import events_of
from tocsin.collect.transports.otlp import BadRequest, records_of
from tocsin.collect.transports.relp import BadFrame, Framer
from tocsin.collect.transports.syslog import OctetFramer
from tocsin.content import load
from tocsin.detect.exceptions import Standings, read_entry
from tocsin.detect.sigma import Matcher, compile_plan, parse_rules
from tocsin.detect.sigma.logsources import load_logsources
from tocsin.enrich.attack.bundle import read_bundle
from tocsin.errors import TocsinError
from tocsin.formats.limits import Limits
from tocsin.formats.located_yaml import load_located
from tocsin.formats.read import read_bytes
from tocsin.formats.records import Block, RawBatch, Stamp, to_envelope
from tocsin.model.content import ContentFile
from tocsin.model.stages import ContextSnapshot
from tocsin.normalize import compile_sources, validate
from tocsin.normalize.language import read_mapping, read_source
from tocsin.normalize.quality import Meter
from tocsin.normalize.wrapped import unwrap
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


def receive(data: bytes) -> None:
    """What senders may say over the network, by the first byte."""
    kind, data = data[:1], data[1:]
    limits = Limits(max_record=4_096)
    match kind:
        case b"h":
            events_of(data)
        case b"b":
            list(items_of(data))
        case b"o" | b"j":
            list(records_of(data, is_json=kind == b"j"))
        case b"r":
            list(Framer(limits).feed(data))
        case b"g":
            unpacker = Unpacker("gzip", 100_000, 20)
            unpacker.take(data)
            unpacker.end()
        case _:
            list(OctetFramer("o", limits).feed(data))


def sent_seeds() -> Iterable[bytes]:
    """One request, or the beginning of a connection, of each kind."""
    record = b'{"body": {"stringValue": "x"}, "timeUnixNano": "1"}'
    request = ExportLogsServiceRequest()
    group = request.resource_logs.add()
    group.resource.attributes.add(key="host.name").value.string_value = "h"
    value = group.scope_logs.add().log_records.add().body
    value.kvlist_value.values.add(key="k").value.int_value = 1
    return [
        b'h{"event": "a", "time": 1, "fields": {"x": "y"}}\n{"event": {"b": "}{"}}',
        b'b{"create": {"_index": "i"}}\n{"message": "a"}\n{"delete": {}}\n',
        b'j{"resourceLogs": [{"scopeLogs": [{"logRecords": [' + record + b"]}]}]}",
        b"o" + request.SerializeToString(),
        b"r1 open 15 commands=syslog\n2 syslog 3 abc\n3 close 0\n",
        b"g" + gzip.compress(b"x" * 500),
        b"s5 <1>ab6 <1>abc",
    ]


def unwrapped(data: bytes) -> None:
    """A record that may be wrapped in what a forwarder adds."""
    document = orjson.loads(data)
    if isinstance(document, dict):
        unwrap(document)


def wrapped_seeds() -> Iterable[bytes]:
    """One of each form."""
    body = b'{"kvlistValue": {"values": [{"key": "k", "value": {"intValue": "1"}}]}}'
    return [
        b'{"event": {"a": 1}, "host": "h", "time": "1.5", "fields": {"x": "y"}}',
        b'{"logRecord": {"body": ' + body + b', "timeUnixNano": "1"}, "resource": {}}',
        b'{"@timestamp": "2026-01-05T08:00:00Z", "message": "m", "host": {"name": "h"}}',
    ]


TARGETS: Mapping[str, Target] = {
    "senders": Target(
        receive,
        ("collect/transports/hec.py", "collect/transports/bulk.py", "collect/transports/otlp.py",
         "collect/transports/relp.py", "collect/transports/syslog.py", "collect/bodies.py"),
        sent_seeds,
        (TocsinError, BadFrame, BadRequest),
    ),
    "wrapped": Target(
        unwrapped, ("normalize/wrapped.py",), wrapped_seeds, (orjson.JSONDecodeError,)
    ),
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
