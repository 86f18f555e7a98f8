"""Every mistake of an author is named at its line."""

import orjson
import pytest

from tocsin.model.content import ContentFile, ContentSet
from tocsin.model.records import NativeRecord, Position
from tocsin.model.stages import ContextSnapshot
from tocsin.normalize import Normalizer, compile_sources

SOURCE = """\
id: demo
title: Demo
product: {name: Demo, vendor: Nobody}
transports: [file]
host: host
identity: {fields: [host, id]}
shapes:
  flat:
    reader: flat
    has: [kind, host]
    where: {kind: [demo]}
    time: [when]
"""

MAPPING = """\
source: demo
select: what
tables:
  results: {ok: Success, else: Failure}
parts:
  who:
    map: {user.name: user}
every:
  set: {severity_id: Informational}
events:
  - when: {what: login}
    class: authentication
    activity: Logon
    use: who
    map:
      dst_endpoint.hostname: host
      src_endpoint.ip: from
      status_id: {from: result, table: results}
default:
  class: base_event
"""


def compiled(source: str = SOURCE, mapping: str = MAPPING) -> tuple[Normalizer | None, list[str]]:
    files = {"source.yaml": source, "mapping.yaml": mapping}
    made, problems = compile_sources(
        ContentSet.of(
            ContentFile(f"sources/demo/{name}", text.encode(), "site")
            for name, text in files.items()
        )
    )
    return made, [str(problem) for problem in problems]


def test_the_example_compiles() -> None:
    made, problems = compiled()
    assert problems == []
    assert made is not None
    assert [source.id for source in made.sources] == ["demo"]


def changed(old: str, new: str) -> str:
    assert MAPPING.count(old) == 1
    return MAPPING.replace(old, new)


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("select: what\n", "", 1, "`select:` is missing"),
        ("every:", "evry:", 8, "unknown key 'evry'"),
        ("user.name: user", "user.nam: user", 7, "has no user.nam in authentication"),
        ("user.name: user", "user..name: user", 7, "is no path"),
        ("class: authentication", "class: authn", 11, "no class 'authn'"),
        ("activity: Logon", "activity: Login", 11, "no activity 'Login'; it has: "),
        ("use: who", "use: whom", 14, "no part named 'whom'"),
        ("table: results", "table: result", 18, "no table 'result'"),
        ("ok: Success", "ok: Sucess", 18, "status_id has no value 'Sucess'"),
        ("src_endpoint.ip: from", "src_endpoint.ip: {from: a, as: text}", 17, "makes string"),
        ("src_endpoint.ip: from", "src_endpoint.ip: {from: a, as: ipv4}", 17, "converter 'ipv4'"),
        ("src_endpoint.ip: from", "src_endpoint.ip: {as: ip}", 17, "`from: FieldName`"),
        ("src_endpoint.ip: from", "src_endpoint: from", 17, "name an attribute inside"),
        ("src_endpoint.ip: from", "src_endpoint: {from: a, as: file}", 17, "src_endpoint.path"),
        ("src_endpoint.ip: from", "metadata.uid: from", 17, "set by Tocsin itself"),
        ("src_endpoint.ip: from", "enrichments.name: from", 17, "is a list: map the list"),
        ("src_endpoint.ip: from", "actor.process.file.path: from", 17, "process.file needs name"),
        ("src_endpoint.ip: from", "actor.process.name: from", 17, "needs one of pid, uid"),
        ("severity_id: Informational", "severity_id: Huge", 9, "has no value 'Huge'"),
        ("severity_id: Informational", "count: lots", 9, "'lots' is not a integer_t"),
        ("every:\n  set: {severity_id: Informational}\n", "", 9, "needs severity_id"),
        ("      dst_endpoint.hostname: host\n", "", 11, "needs one of service, dst_endpoint"),
        ("use: who", "set: {status_detail: a}", 11, "needs user"),
        ("when: {what: login}", "when: {who: login}", 11, "must name what"),
        ("class: base_event", "class: process_activity", 19, "process_activity needs"),
        ("source: demo", "source: other", 0, "all three must be the same"),
        ("use: who", "use: who\n    set: {status: done}", 19, "status is both set and mapped"),
        ("src_endpoint.ip: from", "activity_id: from", 11, "activity is given and mapped"),
        ("activity: Logon", "activity: Logon\n    activity: 2", 14, "here and in line 13"),
        ("src_endpoint.ip: from", "src_endpoint.ip: {from: a, pick: {b: c}}", 17, "`key:` of one"),
        ("src_endpoint.ip: from", "src_endpoint.ip: {from: a, key: b, each: {}}", 17, "`key:`"),
        ("src_endpoint.ip: from", "src_endpoint.ip: {from: a, each: {ip: b}}", 17, "a list of obj"),
        ("src_endpoint.ip: from", "observables: {from: a, each: {nam: b}}", 17, "cannot make nam"),
        ("src_endpoint.ip: from", "observables: {from: a, each: {name: b}}", 17, "needs type_id"),
        ("src_endpoint.ip: from", "observables: {of: {map: {name: b}}}", 17, "needs type_id"),
        ("src_endpoint.ip: from", "observables: {of: {map: {nam: b}}}", 17, "cannot make nam"),
        ("src_endpoint.ip: from", "src_endpoint.ip: {of: {map: {ip: b}}}", 17, "a list of obj"),
        ("src_endpoint.ip: from", "observables: {of: {set: {type_id: Huge}}}", 17, "'Huge'"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_mapping_is_named_at_its_line(
    old: str, new: str, line: int, words: str
) -> None:
    made, problems = compiled(mapping=changed(old, new))
    assert made is None
    assert len(problems) == 1
    place = f"site/sources/demo/mapping.yaml:{line}:" if line else "site/sources/demo/mapping.yaml"
    assert problems[0].startswith(place), problems
    assert words in problems[0]


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("title: Demo\n", "", 1, "missing required field `title`"),
        ("host: host", "hots: host", 5, "unknown key 'hots'"),
        ("transports: [file]", "transports: 5", 4, "Expected `array`"),
        ("reader: flat", "reader: xml", 1, "no reader 'xml'"),
        ("time: [when]", "time: [{field: when, zone: mars}]", 12, "zone is `utc` or `local`"),
        ("has: [kind, host]", "has: []", 1, "name the keys in `has:`"),
        ("host: host", "host: host\ntime_zone: Mars/Olympus", 1, "time_zone is UTC or +HH:MM"),
        ("{fields: [host, id]}", "{fields: [], otherwise: luck}", 6, "`position` or `none`"),
        ("time: [when]", "time: []", 1, "name at least one field in `time:`"),
    ],
)
def test_a_mistake_in_a_source_is_named_at_its_line(
    old: str, new: str, line: int, words: str
) -> None:
    assert SOURCE.count(old) == 1
    made, problems = compiled(source=SOURCE.replace(old, new))
    assert made is None
    assert len(problems) == 1
    assert problems[0].startswith(f"site/sources/demo/source.yaml:{line}:"), problems
    assert words in problems[0]


def test_a_folder_without_a_mapping_says_so() -> None:
    file = ContentFile("sources/demo/source.yaml", SOURCE.encode(), "site")
    _, problems = compile_sources(ContentSet.of([file]))
    assert [str(p) for p in problems] == [
        "site/sources/demo: error: mapping.yaml is missing in this folder"
    ]


def test_values_are_taken_out_of_lists_and_told_by_their_beginnings() -> None:
    mapping = changed("when: {what: login}", 'when: {what: ["log*"]}')
    mapping = mapping.replace("ok: Success", '"ok*": Success, "*bad": Failure')
    mapping = mapping.replace(
        "src_endpoint.ip: from", "src_endpoint.ip: {from: ends, pick: {side: src}, key: [ip, v6]}"
    )
    made, problems = compiled(mapping=mapping)
    assert problems == []
    assert made is not None
    ends = [{"side": "dst", "ip": "10.0.0.2"}, {"side": "SRC", "v6": "::1"}]
    record = {"kind": "demo", "host": "h", "what": "login.web", "user": "u", "result": "okay"}
    raw = orjson.dumps(record | {"ends": ends})
    native = made.decode(raw, None)
    assert isinstance(native, NativeRecord)
    place = Position("site", "p", 1, 0, "f", 1)
    name, event = made.event(native, place, raw, ContextSnapshot())
    assert name == "authentication"
    assert event["src_endpoint"] == {"ip": "::1"}
    assert event["status"] == "Success"
    assert event["unmapped"] == {"kind": "demo", "what": "login.web", "ends": ends}
