"""A source out of samples: what is written holds, and nothing unsure is in force."""

import json
from pathlib import Path

import pytest
import yaml

from tocsin.app.proposing import Made, propose_files, read_raws, read_samples
from tocsin.content import load
from tocsin.errors import UsageError
from tocsin.model.content import ContentFile, ContentSet
from tocsin.normalize import check_sources, compile_sources
from tocsin.normalize.propose import THRESHOLD, Knowledge, learn
from tocsin.normalize.propose.suggest import candidates, uses_of
from tocsin.normalize.propose.values import Statistics

KNOWN = (
    "fortinet_fortigate", "paloalto_firewall", "checkpoint_firewall", "okta_system_log",
    "linux_sshd", "linux_auditd", "squid_proxy", "cef",
)  # fmt: skip
"""Sources to learn from: all of them would take longer."""

EVENTS = ["user.session.start", "user.session.end", "shrug"]
ACTIONS = ["accept", "deny"]
DOORS = [
    json.dumps(
        {
            "timestamp": f"2026-03-02T09:{n:02}:10Z", "event_type": EVENTS[n % 3],
            "src_ip": f"10.0.0.{n}", "username": f"ann{n % 4}", "severity": "low",
            "id": f"{n:08}-aaaa-4bbb-8ccc-121212121212", "quux": f"blob {n}",
        }
    ).encode()
    for n in range(20)
]  # fmt: skip
GATES = [
    f'date=2026-03-02 time=09:{n:02}:10 devname="gate" product=Gates action={ACTIONS[n % 2]}'
    f" srcip=10.0.0.{n} srcport={40000 + n} dstip=192.0.2.9 dstport=443 level=notice".encode()
    for n in range(20)
]
ROWS = [b"time,what,src ip,dst ip,weight"] + [
    f'2026-03-02 09:{n:02}:10,"in, out",10.0.0.{n},192.0.2.1,{n}'.encode() for n in range(20)
]


@pytest.fixture(scope="module")
def shipped() -> ContentSet:
    files = load(None).files
    return ContentSet.of([one for one in files if one.path.split("/")[1] in KNOWN])


@pytest.fixture(scope="module")
def knowledge(shipped: ContentSet) -> Knowledge:
    normalizer, problems = compile_sources(shipped)
    assert normalizer is not None, problems
    return learn(shipped, normalizer)


def content(made: Made, *more: ContentFile) -> ContentSet:
    own = [
        ContentFile(f"sources/{made.proposal.source_id}/{name}", data, "site")
        for name, data in made.files.items()
    ]
    return ContentSet.of([*more, *own])


@pytest.mark.parametrize("raws", [DOORS, GATES, ROWS], ids=["json", "key=value", "rows"])
def test_what_is_written_passes_its_check_beside_what_ships(
    raws: list[bytes], knowledge: Knowledge, shipped: ContentSet
) -> None:
    made = propose_files("newcomer", read_raws(raws), knowledge)
    assert check_sources(content(made)) == []
    normalizer, problems = compile_sources(content(made, *shipped.files))
    assert normalizer is not None, problems
    for raw in made.files["samples/samples.ndjson"].splitlines():
        assert getattr(normalizer.decode(raw, None), "source_id", "") == "newcomer"


def test_sure_fields_are_mapped_and_unsure_ones_are_comments(knowledge: Knowledge) -> None:
    made = propose_files("gates", read_raws(GATES), knowledge)
    text = made.files["mapping.yaml"].decode()
    mapping = yaml.safe_load(text)
    lines = {
        **mapping["every"]["map"],
        **mapping.get("parts", {}).get("network_activity", {}).get("map", {}),
    }
    assert lines["src_endpoint.ip"]["from"] == "srcip"
    assert lines["dst_endpoint.port"]["from"] == "dstport"
    scores = {
        (line.field.name, one.path): one.score
        for lines in made.proposal.parts.values()
        for line in lines
        for one in line.candidates
    }
    for path, rule in lines.items():
        assert scores[rule["from"], path] >= THRESHOLD
    assert '#   "date"' in text
    events = [json.loads(line) for line in made.files["expected/samples.ndjson"].splitlines()]
    assert {one["event"]["time"] for one in events} >= {1_772_442_610_000}


def test_time_and_identity_are_found(knowledge: Knowledge) -> None:
    made = propose_files("doors", read_raws(DOORS), knowledge)
    source = yaml.safe_load(made.files["source.yaml"])
    assert source["identity"]["fields"] == ["id"]
    assert source["shapes"]["record"]["time"] == [{"field": "timestamp"}]
    mapping = yaml.safe_load(made.files["mapping.yaml"])
    assert mapping["select"] == "event_type"
    assert all("quux" not in str(line) for line in mapping["every"]["map"].values())


def test_hostile_names_and_values_stay_text(knowledge: Knowledge) -> None:
    nasty = [
        'a"b',
        "c: d",
        "x\ny",
        "#z",
        "\x85q",
        "\u2028",
        "- {",
        "\U0001f600",
        "{{",
        "*",
        "ev.il",
    ]
    raws = [json.dumps({"vendor": nasty[n % 11], **dict.fromkeys(nasty, nasty[n % 11]), "time": f"2026-03-02 09:{n:02}:10"}).encode() for n in range(22)]  # fmt: skip  # noqa: E501 - one line is one record
    made = propose_files("nasty", read_raws(raws), knowledge)
    assert check_sources(content(made)) == []
    assert set(yaml.safe_load(made.files["mapping.yaml"])) <= {
        "source", "select", "tables", "every", "parts", "events", "default",
    }  # fmt: skip


@pytest.mark.parametrize("raws", [[b"just words here", b"and others"], [b'{"a": 1}', b'{"b": 1}']])
def test_what_has_no_form_in_common_is_refused(raws: list[bytes]) -> None:
    with pytest.raises(UsageError):
        read_raws(raws)


def test_a_table_is_good_as_samples(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"\n".join(ROWS) + b"\n")
    read = read_samples([path])
    assert read.reading.columns == ("time", "what", "src_ip", "dst_ip", "weight")
    assert len(read.raws) == 20
    assert read.fields[0]["what"] == "in, out"


def test_a_source_is_proposed_as_if_it_were_unknown(knowledge: Knowledge) -> None:
    """The first path is the shipped one for more than half of the fields of a firewall."""
    without = knowledge.vendors("fortinet_fortigate")
    known = {one.name: one for one in knowledge.fields if one.source_id == "fortinet_fortigate"}
    right = wrong = 0
    for name, paths in uses_of(knowledge, "fortinet_fortigate").items():
        field = Statistics(name, 1, 1, 1, known[name].kind or "text", ("10.0.0.1",))
        if known[name].kind == "ip":
            first = candidates(field, knowledge, frozenset(), without)[:1]
            right += bool(first) and first[0].path in paths
            wrong += bool(first) and first[0].path not in paths and first[0].score >= THRESHOLD
    assert right >= 2
    assert wrong == 0
