import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.collect.pushing import Edge, edge

SETTINGS = """
[[input]]
kind = "http"
listen = "127.0.0.1:0"
accept = ["bulk"]
[[input.tokens]]
name = "beats"
secret = "file:token"
"""
LOGIN = {"Authorization": "Basic " + base64.b64encode(b"beats:s3cret").decode()}


@pytest.fixture(scope="module")
def bulk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    folder = tmp_path_factory.mktemp("bulk")
    (folder / "token").write_text("s3cret")
    with edge(folder, SETTINGS) as running:
        yield running


def lines(*parts: object) -> str:
    return "".join(
        part + "\n" if isinstance(part, str) else json.dumps(part) + "\n" for part in parts
    )


def test_each_item_is_answered_in_order_and_what_is_created_is_durable(bulk: Edge) -> None:
    body = lines(
        {"create": {"_index": "a"}}, {"message": "one"},
        {"index": {}}, {"message": "two"},
        {"delete": {"_index": "a", "_id": "1"}},
        {"update": {"_id": "1"}}, {"doc": {}},
        {"create": {}}, '{"mess\udc84": 1}',
        {"create": {}}, {"message": "three"},
    )  # fmt: skip
    before = len(bulk.rows("dead"))
    sent = body.encode("utf-8", "surrogateescape")
    status, answer = bulk.ask("POST", "/logs/_bulk", sent, **LOGIN)
    assert status == 200
    told = [(*item, *(one["status"] for one in item.values())) for item in answer["items"]]
    assert told == [
        ("create", 201), ("index", 201), ("delete", 400), ("update", 400), ("create", 400),
        ("create", 201),
    ]  # fmt: skip
    assert answer["items"][1]["index"]["_index"] == "logs"
    assert answer["errors"] is True
    raws = [b'{"message": "one"}', b'{"message": "two"}', b'{"message": "three"}']
    assert bulk.raws()[-3:] == raws
    assert {row["origin"] for row in bulk.rows()} == {"bulk:beats@http"}
    assert len(bulk.rows("dead")) == before + 3


@pytest.mark.parametrize(
    "header",
    [
        LOGIN["Authorization"],
        "ApiKey " + base64.b64encode(b"beats:s3cret").decode(),
        "ApiKey " + base64.b64encode(b"s3cret").decode(),
        "Bearer s3cret",
    ],
)
def test_credentials_in_every_form(bulk: Edge, header: str) -> None:
    status, answer = bulk.ask("GET", "/", Authorization=header)
    assert (status, answer["version"]["number"][:2]) == (200, "8.")


@pytest.mark.parametrize("header", ["", "Basic !!", "Bearer no", "Basic eDp5", "ApiKey eDp5"])
def test_without_credentials_there_is_nothing(bulk: Edge, header: str) -> None:
    before = len(bulk.rows())
    status, answer = bulk.ask("POST", "/_bulk", lines({"index": {}}, {}), Authorization=header)
    assert (status, answer["error"]["type"]) == (401, "security_exception")
    assert bulk.ask("GET", "/", Authorization=header)[0] == 401
    assert len(bulk.rows()) == before


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("HEAD", "/"), ("GET", "/_license"), ("GET", "/_xpack"), ("GET", "/_ilm/policy/filebeat"),
        ("HEAD", "/_index_template/filebeat-8.17.0"), ("PUT", "/_index_template/filebeat-8.17.0"),
        ("GET", "/_data_stream/filebeat-8.17.0"), ("PUT", "/_ilm/policy/x"),
        ("HEAD", "/_template/x"),
        ("PUT", "/_ingest/pipeline/x"), ("GET", "/_cluster/health"), ("HEAD", "/filebeat-8.17.0"),
        ("GET", "/_nodes/http"),
    ],
)  # fmt: skip
def test_what_shippers_ask_first_is_answered(bulk: Edge, method: str, path: str) -> None:
    body = "{}" if method == "PUT" else ""
    assert bulk.ask(method, path, body, **LOGIN)[0] == 200


def test_under_pressure_every_item_shall_come_again(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret")
    with edge(tmp_path, SETTINGS, start=False) as running:
        running.inlet.transport._most = 1
        desk = running.inlet.listener._speakers[0]._desk
        desk._within = 0.1
        body = lines({"create": {}}, {"a": 1}, {"create": {}}, {"a": 2})
        status, answer = running.ask("POST", "/_bulk", body, **LOGIN)
        assert (status, answer["errors"]) == (200, True)
        assert [item["create"]["status"] for item in answer["items"]] == [429, 429]
        running.runner.step()
        assert running.rows() == [], "what was answered 429 was withdrawn"
    assert not running.rows()


def test_an_empty_body_is_an_error(bulk: Edge) -> None:
    assert bulk.ask("POST", "/_bulk", "\n", **LOGIN)[0] == 400
    assert bulk.ask("GET", "/_bulk", **LOGIN)[0] == 405
