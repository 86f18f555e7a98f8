import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.collect.pushing import Edge, edge

from tocsin.collect.transports.hec import events_of

SETTINGS = """
[[input]]
kind = "http"
listen = "127.0.0.1:0"
accept = ["hec"]
request_bytes = 1000000
[[input.tokens]]
name = "plain"
secret = "file:plain.token"
[[input.tokens]]
name = "sure"
secret = "file:sure.token"
source = "okta_system_log"
ack = true
"""
EVENT = "/services/collector/event"
PLAIN = {"Authorization": "Splunk 1111-2222"}
SURE = {"Authorization": "Splunk 3333", "X_Splunk_Request_Channel": "aaaa-0001"}


@pytest.fixture(scope="module")
def hec(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    folder = tmp_path_factory.mktemp("hec")
    (folder / "plain.token").write_text("1111-2222\n")
    (folder / "sure.token").write_text("3333")
    with edge(folder, SETTINGS) as running:
        yield running


def newest(hec: Edge, count: int) -> list[bytes]:
    return hec.raws()[-count:]


def test_success_means_that_it_is_in_the_spool(hec: Edge) -> None:
    body = b'{"event": "a line"}{"event": {"a": 1}, "time": 1.5, "host": "h"}\n{"event":"z"}'
    assert hec.ask("POST", EVENT, body, **PLAIN) == (200, {"text": "Success", "code": 0})
    assert newest(hec, 3) == [
        b"a line", b'{"event": {"a": 1}, "time": 1.5, "host": "h"}', b"z",
    ]  # fmt: skip
    rows = hec.rows()[-3:]
    assert {row["origin"] for row in rows} == {"hec:plain@http"}
    positions = [row["position"] for row in rows]
    assert positions == list(range(positions[0], positions[0] + 3))


def test_an_event_of_which_only_the_event_is_needed_is_that_event(hec: Edge) -> None:
    body = b'{"event": {"b": "\\u00e9"}, "index": "main"}{"event": "say \\"}{\\" twice"}'
    hec.ask("POST", "/services/collector", body, **PLAIN)
    assert newest(hec, 2) == [b'{"b": "\\u00e9"}', b'say "}{" twice']


@pytest.mark.parametrize(
    ("headers", "path", "status", "code"),
    [
        ({}, EVENT, 401, 2),
        ({}, EVENT + "?token=1111-2222", 400, 16),
        ({"Authorization": "1111-2222"}, EVENT, 401, 3),
        ({"Authorization": "Splunk wrong"}, EVENT, 403, 4),
        ({"Authorization": "Splunk 3333"}, EVENT, 400, 10),
        (SURE | {"X_Splunk_Request_Channel": "no good"}, EVENT, 400, 11),
        (PLAIN | {"X_Splunk_Request_Channel": "a"}, "/services/collector/ack", 400, 14),
    ],
)
def test_who_may_not_send_is_told_why(
    hec: Edge, headers: dict[str, str], path: str, status: int, code: int
) -> None:
    before = len(hec.rows())
    answer = hec.ask("POST", path, b'{"event": "x"}', **headers)
    assert (answer[0], answer[1]["code"]) == (status, code)
    assert len(hec.rows()) == before


@pytest.mark.parametrize(
    ("body", "code", "number", "stored"),
    [
        (b'{"event": "g1"}{"time": 1}{"event": "g2"}', 12, 1, [b"g1", b"g2"]),
        (b'{"event": "g3"}{"event": ""}', 13, 1, [b"g3"]),
        (b'{"event": "g4"\n{"event": "g5"}', 6, 0, [b"g5"]),
        (b'{"event": "half}{"event": "g6"}{"event": "g7"}', 6, 0, [b"g6", b"g7"]),
        (b'{"event": "e", "fields": {"a": {"b": 1}}}{"event": "g8"}', 15, 0, [b"g8"]),
        (b'["event"]', 6, 0, []),
    ],
)
def test_a_bad_event_is_named_and_kept_and_the_good_ones_are_taken(
    hec: Edge, body: bytes, code: int, number: int, stored: list[bytes]
) -> None:
    dead, before = len(hec.rows("dead")), len(hec.rows())
    status, answer = hec.ask("POST", EVENT, body, **PLAIN)
    assert (status, answer["code"], answer["invalid-event-number"]) == (400, code, number)
    assert newest(hec, len(stored)) == stored if stored else len(hec.rows()) == before
    assert len(hec.rows()) == before + len(stored)
    assert [row["reason"] for row in hec.rows("dead")[dead:]] == ["hec-event"]


def test_an_acknowledgement_becomes_true_once_and_only_when_durable(hec: Edge) -> None:
    hec.held.set()
    status, answer = hec.ask("POST", EVENT, b'{"event": "ack me"}', **SURE)
    assert (status, answer["text"]) == (200, "Success")
    number = answer["ackId"]
    ask = json.dumps({"acks": [number, 999]})
    nothing = {"acks": {str(number): False, "999": False}}
    assert hec.ask("POST", "/services/collector/ack", ask, **SURE) == (200, nothing)
    stored = len(hec.rows())
    hec.held.clear()
    assert hec.wait(stored + 1)[-1]["source_id"] == "okta_system_log"
    path = "/services/collector/ack?channel=aaaa-0001"
    answers = [
        hec.ask("POST", path, ask, Authorization="Splunk 3333")[1]["acks"][str(number)]
        for _ in range(50)
    ]
    assert answers.count(True) == 1
    other = SURE | {"X_Splunk_Request_Channel": "bbbb"}
    assert hec.ask("POST", EVENT, b'{"event": "x"}', **other)[1]["ackId"] == number + 1


def test_a_number_is_never_given_again_after_a_restart(tmp_path: Path) -> None:
    (tmp_path / "plain.token").write_text("1111-2222")
    (tmp_path / "sure.token").write_text("3333")
    numbers = []
    for _ in range(2):
        with edge(tmp_path, SETTINGS) as running:
            numbers.append(running.ask("POST", EVENT, b'{"event": "x"}', **SURE)[1]["ackId"])
    assert numbers[0] < numbers[1] < 2**53


def test_raw_lines_keep_what_the_query_says(hec: Edge) -> None:
    assert hec.ask("POST", "/services/collector/raw", b"one\r\n\ntwo", **PLAIN)[0] == 200
    assert newest(hec, 2) == [b"one", b"two"]
    path = "/services/collector/raw/1.0?host=fw1&sourcetype=cisco%3Aasa"
    assert hec.ask("POST", path, b"three \xff", **PLAIN)[0] == 200
    (raw,) = newest(hec, 1)
    expected = {"host": "fw1", "sourcetype": "cisco:asa", "event": "three \\xff"}
    assert json.loads(raw) == expected


def test_packed_bodies_are_taken_and_bombs_refused(hec: Edge) -> None:
    packed = gzip.compress(b'{"event": "p1"}') + gzip.compress(b'{"event": "p2"}')
    assert hec.ask("POST", EVENT, packed, Content_Encoding="gzip", **PLAIN)[0] == 200
    assert newest(hec, 2) == [b"p1", b"p2"]
    bomb = gzip.compress(b'{"event": "' + b"x" * 50_000_000 + b'"}')
    assert hec.ask("POST", EVENT, bomb, Content_Encoding="gzip", **PLAIN)[0] == 413
    assert hec.ask("POST", EVENT, packed[:-9], Content_Encoding="gzip", **PLAIN)[0] == 400
    assert hec.ask("POST", EVENT, b"no gzip", Content_Encoding="gzip", **PLAIN)[0] == 400
    assert hec.ask("POST", EVENT, b"x", Content_Encoding="br", **PLAIN)[0] == 415
    assert hec.ask("POST", EVENT, b"x" * 1_000_001, **PLAIN)[0] == 413


def test_health_and_empty_bodies(hec: Edge) -> None:
    assert hec.ask("GET", "/services/collector/health/1.0")[1]["code"] == 17
    assert hec.ask("POST", EVENT, b" \n", **PLAIN)[1]["code"] == 5
    assert hec.ask("GET", "/elsewhere")[0] == 404
    assert hec.ask("GET", EVENT, **PLAIN)[0] == 405


def test_a_spool_that_does_not_move_makes_it_busy(tmp_path: Path) -> None:
    (tmp_path / "plain.token").write_text("1111-2222")
    (tmp_path / "sure.token").write_text("3333")
    with edge(tmp_path, SETTINGS, start=False) as running:
        running.inlet.transport._most = 100
        first = running.ask("POST", EVENT, b'{"event": "1"}' * 9, **SURE)
        assert first[0] == 200
        assert running.ask("POST", EVENT, b'{"event": "2"}', **SURE)[1]["code"] == 9
        assert running.ask("GET", "/services/collector/health")[0] == 503
        running.runner.step()
        assert running.ask("POST", EVENT, b'{"event": "3"}', **SURE)[0] == 200


_TEXTS = st.text(st.sampled_from('a"{}\\ \n[],:é'), max_size=12)
_EVENTS = st.dictionaries(_TEXTS, _TEXTS, max_size=3) | _TEXTS.filter(bool)


@given(st.lists(_EVENTS, min_size=1, max_size=6), st.sampled_from(["", " ", "\n", "\r\n"]))
def test_any_events_in_any_spacing_come_out_as_they_went_in(
    events: list[object], between: str
) -> None:
    sent = [json.dumps({"event": event, "host": "h"}) for event in events]
    good, bad = events_of(between.join(sent).encode())
    assert bad == []
    assert [raw.decode() for raw in good] == sent


@given(st.binary(max_size=200))
def test_any_bytes_are_taken_or_refused_without_a_crash(body: bytes) -> None:
    good, bad = events_of(b'{"event":1}\n' + body)
    assert good[:1] == [b"1"] or bad
