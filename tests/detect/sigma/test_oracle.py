"""The engine against the independent evaluator: on invented rules and on the real sets.

With TOCSIN_ORACLE=N in the environment the real comparison takes all rules and up to N records of
every set instead of a sample of both.
"""

import base64
import gzip
import os
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.detect.naive_oracle import Logsources, NaiveRule
from tests.detect.real_sets import (
    archive_lines,
    evtx_lines,
    evtx_record,
    flat_record,
    sigma_files,
    tar_files,
    windows_archives,
)
from tests.detect.sigma_rules import Compile, fires, record, rule

from tocsin.content import load
from tocsin.detect.sigma import Matcher, compile_plan, explain, parse_rules
from tocsin.detect.sigma.logsources import load_logsources
from tocsin.formats.read import read_path
from tocsin.formats.records import RawRecord
from tocsin.model.records import NativeRecord
from tocsin.normalize import Normalizer, compile_sources

LETTERS = "abAB1 -/*?\\.äÄİK\u017f\n"
words = st.text(alphabet=LETTERS, max_size=6)
ENCODINGS = [
    *("base64", "base64|contains", "base64offset|contains", "wide", "utf16le", "utf16be", "utf16"),
    *(f"{wide}|base64offset|contains" for wide in ("wide", "utf16le", "utf16be", "utf16")),
]
TIMES = [
    "2024-03-05T06:09:10Z",
    "2024-10-06 05:05",
    "2023-12-31",
    "10:09",
    "2024-01-10T09:06:00+05:00",
]


def encoded(text: str) -> list[str]:
    """A text as the encodings write it, at each of three places."""
    codecs = {"utf-8", "utf-16le", "utf-16be", "utf-16"}
    coded = [text.encode(name) for name in sorted(codecs)]
    based = [
        base64.b64encode(b"xyz"[:n] + code + b"!!!").decode() for code in coded for n in range(3)
    ]
    return [*based, base64.b64encode(text.encode()).decode(), *(c.decode("latin-1") for c in coded)]


special = st.sampled_from([*TIMES, *(t for text in ("ab", "abc", "a-1") for t in encoded(text))])
words_or_special = words | special
scalars = words_or_special | st.integers(-2, 30) | st.booleans() | st.floats(-2, 30, width=16)
values = st.recursive(
    scalars | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=2),
    max_leaves=4,
)
records = st.dictionaries(st.sampled_from(["F", "G", "H"]), values, max_size=3)
strings = st.sampled_from(
    ["", "|contains", "|startswith", "|endswith", "|cased", "|contains|all", "|windash|contains"]
)
wanted = words.filter(lambda word: "\\" not in word[-1:])


@st.composite
def items(draw: st.DrawFn) -> dict[str, Any]:
    field = draw(st.sampled_from(["F", "G", "H"]))
    others = ["null", "exists", "number", "gt", "ref", "re", "neq", "time", "encoded"]
    kind = draw(st.sampled_from(["string"] * 6 + others))
    if kind == "string":
        few = st.lists(wanted, min_size=1, max_size=3)
        return {field + draw(strings): draw(few.map(lambda v: [*map(_three_dashes, v)]))}
    if kind == "null":
        return {field: None}
    if kind == "exists":
        return {f"{field}|exists": draw(st.booleans())}
    if kind == "number":
        return {field: draw(st.integers(0, 3) | st.booleans())}
    if kind == "gt":
        name = draw(st.sampled_from(["gt", "gte", "lt", "lte"]))
        return {f"{field}|{name}": draw(st.integers(-1, 20))}
    if kind == "ref":
        how = draw(st.sampled_from(["", "|contains", "|startswith", "|endswith", "|neq"]))
        return {f"{field}|fieldref{how}": draw(st.sampled_from(["F", "G", "H"]))}
    if kind == "neq":
        few = st.lists(wanted.map(_three_dashes) | st.integers(0, 3), min_size=1, max_size=2)
        return {f"{field}{draw(st.sampled_from(['', '|contains']))}|neq": draw(few.map(texts_only))}
    if kind == "time":
        unit = draw(st.sampled_from(["minute", "hour", "day", "week", "month", "year"]))
        how = draw(st.sampled_from(["", "|gt", "|gte", "|lt", "|lte"]))
        return {f"{field}|{unit}{how}": draw(st.sampled_from([5, 6, 9, 10, 2024]))}
    if kind == "encoded":
        name = draw(st.sampled_from(ENCODINGS))
        return {f"{field}|{name}": draw(st.sampled_from(["ab", "abc", "a-1"]))}
    patterns = ["a.b", "^[ab]+$", "A?1", "b{2}", "(?i)^aB", "a|b$", "-(?=a)", r"(a)\1"]
    return {f"{field}|re": draw(st.sampled_from(patterns))}


def texts_only(values: list[Any]) -> list[Any]:
    """pySigma wants values of one kind for a string modifier."""
    return [str(value) for value in values]


def _three_dashes(word: str) -> str:
    """pySigma expands at most three dashes of a value."""
    return word if word.count("-") + word.count("/") <= 2 else word.replace("/", "a")


conditions = st.sampled_from(
    [
        "one",
        "not one",
        "one and two",
        "one or two and not three",
        "not (one or two) and three",
        "1 of them",
        "all of t* and not one",
        "one and not 1 of t*",
        "not one or not two",
        "words or one",
        "one and not words",
    ]
)


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    blocks = {
        name: draw(st.lists(items(), min_size=1, max_size=2)) for name in ("one", "two", "three")
    }
    merged = {
        name: {k: v for item in parts for k, v in item.items()} for name, parts in blocks.items()
    }
    keywords = st.lists(wanted.filter(bool), min_size=1, max_size=2)
    return {**merged, "words": draw(keywords), "condition": draw(conditions)}


@settings(max_examples=80)
@given(detection=rules(), found=st.lists(records, min_size=1, max_size=8))
def test_invented_rules_hold_where_the_oracle_says(
    compile_rules: Compile,
    logsource_bytes: bytes,
    detection: dict[str, Any],
    found: list[dict[str, Any]],
) -> None:
    condition = detection.pop("condition")
    text = rule(detection, condition)
    oracle = NaiveRule(orjson.loads(text), Logsources(logsource_bytes), ["flat"])
    rows = [record(fields) for fields in found]
    plan = compile_rules(text)
    assert len(plan.rules) == 1, plan.statuses
    expected = [oracle.matches("flat", row.fields) for row in rows]
    assert fires(plan, *rows) == expected
    for row, held in zip(rows, expected, strict=True):
        assert held or explain(plan, 0, row) == ()


PER_SET = int(os.environ.get("TOCSIN_ORACLE", "0"))


def sampled(lines: list[bytes], name: str, limit: int) -> list[bytes]:
    """Lines of one set in a fixed random order, few of each kind of event."""
    order = random.Random(name)  # noqa: S311 - a reproducible sample
    chosen: list[bytes] = []
    kinds: Counter[Any] = Counter()
    for line in order.sample(lines, len(lines)):
        found = flat_record(line)
        if found is None:
            continue
        kind = (str(found.fields["Channel"]), str(found.fields["EventID"]))
        kinds[kind] += 1
        if kinds[kind] <= max(1, limit // 10):
            chosen.append(line)
        if len(chosen) >= limit:
            break
    return chosen


def real_records(data: Path, limit: int) -> Iterator[tuple[NativeRecord, bytes]]:
    for path in windows_archives(data):
        head = list(archive_lines(path)) if PER_SET else _first(archive_lines(path), 1_500)
        for line in sampled(head, path.name, limit):
            found = flat_record(line)
            if found is not None:
                yield found, line
    for name, content in tar_files(data / "detection" / "evtx_attack_samples.tar.xz"):
        if name.endswith(".evtx") and (PER_SET or sum(name.encode()) % 4 == 0):
            for line in _first(evtx_lines(content), max(3, limit // 5)):
                found = evtx_record(orjson.loads(line))
                if found is not None:
                    yield found, line
    for name, content in tar_files(data / "detection" / "sigma_regression_data.tar.xz"):
        if name.endswith(".evtx") and (PER_SET or sum(name.encode()) % 4 == 0):
            for line in _first(evtx_lines(content), 3):
                found = evtx_record(orjson.loads(line))
                if found is not None:
                    yield found, line


def decoded_records(data: Path, limit: int) -> Iterator[tuple[NativeRecord, bytes]]:
    """Records that are not of Windows event logs, as their sources read them."""
    normalizer, problems = compile_sources(load(None))
    assert normalizer is not None, problems
    for folder in ("aws", "linux"):
        root = data / "detection" / "otrf" / "atomic" / folder
        for path in sorted(p for p in root.rglob("*") if p.is_file()):
            raws = [one.raw for one in read_path(path) if isinstance(one, RawRecord)]
            yield from _decoded(normalizer, raws if PER_SET else raws[:: max(1, len(raws) // 60)])
    with gzip.open(data / "detection" / "panther_tests.jsonl.gz") as lines:
        events = [orjson.dumps(orjson.loads(line)["event"]) for line in lines]
    yield from _decoded(normalizer, events if PER_SET else events[:: max(1, 30 // limit)])


def _decoded(normalizer: Normalizer, raws: list[bytes]) -> Iterator[tuple[NativeRecord, bytes]]:
    for raw in raws:
        found = normalizer.decode(raw, None)
        if isinstance(found, NativeRecord):
            yield found, raw


def _first(lines: Iterator[bytes], count: int) -> list[bytes]:
    return [line for line, _ in zip(lines, range(count), strict=False)]


@pytest.mark.data
@pytest.mark.timeout(3_600)
def test_real_sets_give_what_the_oracle_says(shared_data: Path, repo: Path) -> None:
    shipped = sorted((repo / "src/tocsin/shipped/sources").rglob("*logsources.yaml"))
    logsources = [b for p in shipped for b in load_logsources(p.name, p.read_bytes())]
    files = sigma_files(shared_data)
    if not PER_SET:
        files = files[::6]
    plan = compile_plan(parse_rules(files), logsources)
    active = {found.rule_id for found in plan.rules}
    naive = Logsources(*(path.read_bytes() for path in shipped))
    documents = [yaml.load(content, yaml.CSafeLoader) for _, content in files]
    oracle = [NaiveRule(d, naive) for d in documents if d["id"] in active]
    assert len(oracle) == len(plan.rules)
    pairs = list(real_records(shared_data, PER_SET or 6))
    others = list(decoded_records(shared_data, PER_SET or 6))
    assert {found.source_id.split("_")[0] for found, _ in others} >= {"aws"}
    pairs += others
    rows = [found for found, _ in pairs]
    hits = Matcher(plan).match(rows, [line for _, line in pairs])
    engine = {(row, plan.rules[index].rule_id) for row, index in hits}
    expected = {
        (row, one.rule_id)
        for row, found in enumerate(rows)
        for one in oracle
        if one.matches(found.shape, found.fields, found.source_id)
    }
    assert engine == expected
    assert len(expected) > len(rows) // 40
    for row, index in hits:
        assert explain(plan, index, rows[row])
