"""A record that states two things: two events of one identity, and neither harms the other."""

import textwrap
from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.normalize.placed import places
from tests.normalize.test_language import MAPPING, SOURCE, compiled

from tocsin.model.stages import ContextSnapshot
from tocsin.normalize import Normalizer, validate
from tocsin.normalize.quality import Meter
from tocsin.normalize.quality.measure import Batch

ALSO = """\
    also:
      class: detection_finding
      activity: Create
      needs: finding_info.title
      set: {is_alert: true, severity_id: High}
      map:
        finding_info.uid: threat_id
        finding_info.title: threat
"""
TWO = MAPPING.replace("default:\n", ALSO + "default:\n")
LOGIN = {"kind": "demo", "what": "login", "host": "h", "user": "mira", "from": "192.0.2.1"}
THREAT = {**LOGIN, "threat": "Guess", "threat_id": "7"}
CONTEXT = ContextSnapshot("site")


@pytest.fixture(scope="module")
def normalizer() -> Normalizer:
    made, problems = compiled(mapping=TWO)
    assert made is not None, problems
    return made


def stated(normalizer: Normalizer, *documents: dict[str, Any]) -> list[list[tuple[str, Any]]]:
    raws = [orjson.dumps(document) for document in documents]
    records = [normalizer.decode(raw, None) for raw in raws]
    return normalizer.all_events(records, places(len(raws)), raws, CONTEXT)


def test_both_events_have_one_time_identity_and_raw_record(normalizer: Normalizer) -> None:
    [[(one, first), (other, second)]] = stated(normalizer, THREAT)
    assert (one, other) == ("authentication", "detection_finding")
    for path in ("time", "raw_data", "tocsin_offset", "tocsin_partition", "tocsin_source"):
        assert first[path] == second[path]
    assert first["metadata"]["uid"] == second["metadata"]["uid"]
    assert (first["tocsin_also"], second["tocsin_also"]) == (False, True)
    assert second["finding_info"] == {"uid": "7", "title": "Guess"}
    assert not validate(one, first)
    assert not validate(other, second)


def test_what_no_event_takes_is_left_over_once(normalizer: Normalizer) -> None:
    [[(_, first), (_, second)]] = stated(normalizer, {**THREAT, "rest": 1})
    assert first["unmapped"]["rest"] == 1
    assert first["unmapped"]["threat"] == "Guess"
    assert "unmapped" not in second


def test_a_record_that_lacks_what_the_second_takes_states_one(normalizer: Normalizer) -> None:
    [plain, two] = stated(normalizer, LOGIN, THREAT)
    assert [name for name, _ in plain] == ["authentication"]
    assert len(two) == 2


def test_a_record_that_lacks_what_the_second_needs_states_one(normalizer: Normalizer) -> None:
    [[(name, _)]] = stated(normalizer, {**LOGIN, "threat_id": "7"})
    assert name == "authentication"


def test_of_a_list_the_first_that_is_stated_counts() -> None:
    item = textwrap.indent(textwrap.dedent(ALSO.split("\n", 1)[1]), "        ")
    other = "      - class: process_activity\n        needs: process.name\n        map:\n"
    lines = {"process.name": "run", "process.pid": "pid", "actor.user.name": "user"}
    lines |= {"device.hostname": "host"}
    other += "".join(f"          {path}: {name}\n" for path, name in lines.items())
    other += "        set: {device.type_id: Unknown}\n"
    both = f"    also:\n{other}      - {item.lstrip()}"
    normalizer, problems = compiled(mapping=TWO.replace(ALSO, both))
    assert normalizer is not None, problems
    run = {"run": "a.exe", "pid": 7}
    found = stated(normalizer, LOGIN, {**THREAT, **run}, THREAT)
    assert [[name for name, _ in one] for one in found] == [
        ["authentication"],
        ["authentication", "process_activity"],
        ["authentication", "detection_finding"],
    ]


def test_a_record_that_becomes_the_default_states_nothing_else(normalizer: Normalizer) -> None:
    nameless = {name: value for name, value in THREAT.items() if name != "user"}
    [[(name, _)]] = stated(normalizer, nameless)
    assert name == "base_event"


@given(st.lists(st.sampled_from([LOGIN, THREAT, {**THREAT, "user": ""}, {"kind": "demo"}])))
def test_every_record_has_one_row_that_counts(documents: list[dict[str, Any]]) -> None:
    normalizer, _ = compiled(mapping=TWO)
    assert normalizer is not None
    documents = [{"host": "h", **document} for document in documents]
    raws = [orjson.dumps(document) for document in documents]
    records = [normalizer.decode(raw, None) for raw in raws]
    at = places(len(raws))
    batches, identities = normalizer.batches(records, at, raws, CONTEXT)
    rows = [row for batch in batches.values() for row in batch.to_pylist()]
    firsts = sorted(row["tocsin_offset"] for row in rows if not row["tocsin_also"])
    seconds = [row for row in rows if row["tocsin_also"]]
    assert firsts == sorted(identities.column("offset").to_pylist())
    assert len(seconds) == documents.count({"host": "h", **THREAT})
    assert sum(normalizer.class_counts(records).values()) == len(records)
    assert [name for name, _ in normalizer.events(records, at, raws, CONTEXT)] == [
        made[0][0] for made in normalizer.all_events(records, at, raws, CONTEXT)
    ]


def test_quality_counts_records(normalizer: Normalizer) -> None:
    raws = [orjson.dumps(THREAT)] * 3
    records = [normalizer.decode(raw, None) for raw in raws]
    at = places(3)
    mapped = normalizer.mapped(records, at, raws, CONTEXT)
    raw = pa.RecordBatch.from_pydict(
        {
            "offset": [place.offset for place in at],
            "partition": ["p"] * 3,
            "source_id": ["demo"] * 3,
        }
    )
    rejects = pa.RecordBatch.from_pydict({"offset": pa.array([], pa.int64())})
    measured = Meter(normalizer.sources).measure(Batch(raw, records, at, mapped, rejects))
    assert measured.column("events").to_pylist() == [3]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (ALSO.replace("detection_finding", "authentication"), "say another"),
        (ALSO.replace("      class: detection_finding\n", ""), "`class:` is missing"),
        (ALSO.replace("    also:\n", "    also:\n      when: {what: x}\n"), "unknown key 'when'"),
        (ALSO.replace("        finding_info.uid: threat_id\n", ""), "finding_info needs uid"),
        (ALSO.replace("needs: finding_info.title", "needs: message"), "no line of `map:` fills"),
        (ALSO.replace("      map:", "      also: {class: base_event}\n      map:"), "unknown key"),
    ],
)
def test_mistakes_are_named_at_their_line(wrong: str, said: str) -> None:
    made, problems = compiled(SOURCE, TWO.replace(ALSO, wrong))
    assert made is None
    [problem] = problems
    assert said in problem
    assert int(problem.split(":")[1]) > 18
