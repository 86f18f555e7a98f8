"""What the sources that are known make of their fields: the experience that a proposal draws on."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from tocsin.formats.read import read_bytes
from tocsin.formats.records import Block
from tocsin.model.content import ContentFile, ContentSet
from tocsin.model.records import NativeRecord
from tocsin.model.sources import SourceSpec
from tocsin.normalize.folders import load_source, source_files
from tocsin.normalize.language import EventRule, FieldRule, MappingSpec
from tocsin.normalize.normalizer import Normalizer
from tocsin.normalize.ocsf.schema import ocsf_schema
from tocsin.normalize.ocsf.tables import columns_of
from tocsin.normalize.propose.names import Rarity, plain, words
from tocsin.normalize.propose.values import statistics

MAX_SAMPLES = 400
"""Samples of a known source that are looked at."""
_OCSF = "OCSF"
"""Whom the names of OCSF's own attributes are known from."""


class Use(NamedTuple):
    """Where a field goes: a path, by a converter ("" for that of its type), perhaps by a table."""

    path: str
    convert: str
    table: str


class Known(msgspec.Struct, frozen=True):
    """A field of a known source. `uses` says in which classes it goes where; none: nowhere."""

    source_id: str
    vendor: str
    name: str
    kind: str
    uses: dict[Use, frozenset[str]]


class KnownKind(msgspec.Struct, frozen=True):
    """A value by which a known source chooses an event, and what is chosen."""

    source_id: str
    vendor: str
    value: str
    class_name: str
    activity: str


class Knowledge(msgspec.Struct, frozen=True):
    """All known fields, by word; values that choose events; tables by OCSF path."""

    fields: tuple[Known, ...]
    kinds: tuple[KnownKind, ...]
    selects: dict[str, str]
    times: dict[str, tuple[str, ...]]
    identities: dict[str, tuple[str, ...]]
    tables: dict[str, dict[str, dict[str, Any]]]
    """OCSF attribute -> source -> value -> caption or number."""
    rarity: Rarity
    by_word: dict[str, tuple[int, ...]]
    shared: dict[tuple[str, str], int]
    """How many sources of a vendor have a field of that plain name."""

    def candidates(self, name: str, without: frozenset[str]) -> Iterator[Known]:
        """Known fields that have a word with `name` in common, but not those of some sources."""
        numbers = {n for word, _ in words(name) for n in self.by_word.get(word, ())}
        for number in sorted(numbers):
            if self.fields[number].source_id not in without:
                yield self.fields[number]

    def vendors(self, source_id: str) -> frozenset[str]:
        """All sources of the vendor of one."""
        mine = {one.vendor for one in self.fields if one.source_id == source_id}
        return frozenset(one.source_id for one in self.fields if one.vendor in mine)


def learn(content: ContentSet, normalizer: Normalizer) -> Knowledge:
    """What the sources of `content` know; raises ContentError."""
    fields: list[Known] = []
    kinds: list[KnownKind] = []
    selects, times, identities = {}, {}, {}
    tables: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for source_id, files in sorted(source_files(content).items()):
        spec, mapping = load_source(files)
        uses = _uses(spec, mapping)
        fields += _fields(spec, uses, _samples(source_id, files, normalizer))
        kinds += _kinds(spec, mapping)
        selects[source_id] = mapping.select
        times[source_id] = tuple(time.field for shape in spec.shapes for time in shape.time)
        identities[source_id] = spec.identity.fields
        for rule in _lines(mapping):
            if rule[1].table:
                known = tables[rule[1].target[-1]].setdefault(source_id, {})
                known.update(mapping.tables.get(rule[1].table, {}))
    fields += _attributes(fields)
    by_word: dict[str, list[int]] = defaultdict(list)
    shared: dict[tuple[str, str], int] = defaultdict(int)
    for number, one in enumerate(fields):
        shared[one.vendor, plain(one.name)] += 1
        for word, _ in words(one.name):
            by_word[word].append(number)
    return Knowledge(
        tuple(fields),
        tuple(kinds),
        selects,
        times,
        identities,
        dict(tables),
        Rarity(one.name for one in fields),
        {word: tuple(numbers) for word, numbers in by_word.items()},
        dict(shared),
    )


def _rules(mapping: MappingSpec) -> Iterator[EventRule]:
    for rule in (*mapping.events, mapping.default):
        yield rule
        yield from rule.also


def _lines(mapping: MappingSpec) -> Iterator[tuple[str, FieldRule]]:
    for rule in _rules(mapping):
        for line in rule.part.fields:
            yield rule.class_name, line


def _uses(spec: SourceSpec, mapping: MappingSpec) -> dict[str, dict[Use, set[str]]]:
    """Native field -> where it goes; fields of which only a part is taken go to the empty path."""
    found: dict[str, dict[Use, set[str]]] = {}
    for class_name, line in _lines(mapping):
        part = bool(line.of or line.key or line.each)
        path = "" if part else ".".join(line.target)
        for name in line.names:
            for native in _natives(spec, name):
                uses = found.setdefault(native, {})
                uses.setdefault(Use(path, line.convert, line.table), set()).add(class_name)
    return found


def _natives(spec: SourceSpec, name: str) -> set[str]:
    return {name, *(native for shape in spec.shapes for native in shape.aliases.get(name, ()))}


def sample_records(files: Mapping[str, ContentFile]) -> Iterator[bytes]:
    """Every raw record of the samples of a source, as `tocsin check` cuts them."""
    for name, file in sorted(files.items()):
        if not name.startswith("samples/"):
            continue
        if name.endswith(".ndjson"):
            yield from file.data.splitlines()
        elif name.endswith(".log"):
            for item in read_bytes(file.path, file.data):
                if isinstance(item, Block):
                    yield from item.raws


def _samples(
    source_id: str, files: Mapping[str, ContentFile], normalizer: Normalizer
) -> list[dict[str, Any]]:
    found = []
    for raw in sample_records(files):
        record = normalizer.decode(raw, None)
        if isinstance(record, NativeRecord) and record.source_id == source_id:
            found.append(record.fields)
        if len(found) >= MAX_SAMPLES:
            break
    return found


def _fields(
    spec: SourceSpec, uses: dict[str, dict[Use, set[str]]], records: list[dict[str, Any]]
) -> Iterator[Known]:
    """The fields of the mapping, and those of the samples that it leaves alone."""
    own = {name for shape in spec.shapes for time in shape.time for name in (time.field,)}
    kinds = {one.name: one.kind for one in statistics(records)}
    for name in [*uses, *(name for name in kinds if name not in uses and name not in own)]:
        where = {use: frozenset(classes) for use, classes in uses.get(name, {}).items()}
        yield Known(spec.id, spec.product.vendor.lower(), name, kinds.get(name, ""), where)


def _kinds(spec: SourceSpec, mapping: MappingSpec) -> Iterator[KnownKind]:
    for rule in mapping.events:
        activity = "" if rule.activity is None else str(rule.activity)
        for value in rule.values:
            text = str(value).strip("*.")
            if text and not text.isdigit():
                vendor = spec.product.vendor.lower()
                yield KnownKind(spec.id, vendor, text, rule.class_name, activity)


def _attributes(fields: Iterable[Known]) -> list[Known]:
    """The paths that mappings use, as fields that are called as OCSF calls them."""
    classes: dict[str, set[str]] = defaultdict(set)
    for one in fields:
        for use, where in one.uses.items():
            if use.path and not use.convert:
                classes[use.path] |= where
    return [
        Known(_OCSF, _OCSF, path, "", {Use(path, "", ""): frozenset(where)})
        for path, where in sorted(classes.items())
    ]


def has_path(class_name: str, path: str) -> bool:
    """Whether a class has a column, or an object, at a path, and one for the caption beside it."""
    steps = tuple(path.split("."))
    columns = columns_of(class_name)
    about = ocsf_schema().attribute(class_name, steps)
    if about is not None and about.enum and about.sibling:
        return {steps, (*steps[:-1], about.sibling)} <= columns
    return steps in columns or any(column[: len(steps)] == steps for column in columns)
