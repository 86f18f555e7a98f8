"""A TAXII 2.1 client against a server on loopback that says what it is told to."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import stamina

from tocsin.collect import taxii
from tocsin.collect.taxii import Collection, TaxiiClient
from tocsin.errors import InputError


class Scripted(HTTPServer):
    """Answers each path with what stands for it: (status, headers, body), the last one again."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/taxii2/"
        self.answers = {}
        self.asked = []

    def say(self, path, *answers):
        self.answers[path] = [
            (status, headers, json.dumps(body).encode()) for status, headers, body in answers
        ]


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        path, _, query = self.path.partition("?")
        self.server.asked.append((path, query, dict(self.headers)))
        waiting = self.server.answers.get(path) or [(404, {}, b"{}")]
        status, headers, body = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        self.send_response(status)
        for name, value in ({"Content-Length": len(body)} | headers).items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        pass


@pytest.fixture
def server():
    made = Scripted()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    stamina.set_testing(True, attempts=4)
    yield made
    stamina.set_testing(False)
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture
def client(server):
    made = TaxiiClient(server.url, auth=("tocsin", "word"))
    yield made
    made.close()


def root_of(server):
    return f"http://127.0.0.1:{server.server_port}/api/"


def objects(server, *answers):
    server.say("/api/collections/c1/objects/", *answers)
    return Collection(root_of(server), "c1", "One")


def last(at):
    return {"X-TAXII-Date-Added-Last": at}


def test_readable_collections_of_every_root_are_listed_with_credentials(server, client):
    server.say("/taxii2/", (200, {}, {"api_roots": ["/api/", root_of(server)]}))
    listed = [{"id": "c1", "title": "One", "can_read": True}, {"id": "c2", "can_read": False}]
    server.say("/api/collections/", (200, {}, {"collections": listed}))
    assert client.collections() == [Collection(root_of(server), "c1", "One")]
    assert client.collections("/api") == [Collection(root_of(server), "c1", "One")]
    headers = server.asked[-1][2]
    assert headers["Authorization"].startswith("Basic ")
    assert headers["Accept"] == "application/taxii+json;version=2.1"


def test_pages_are_followed_by_next(server, client):
    first = {"more": True, "next": "p2", "objects": [1]}
    collection = objects(
        server, (200, last("a"), first), (200, last("b"), {"more": False, "objects": [2]})
    )
    pages = list(client.objects(collection, "z"))
    assert [page.added_last for page in pages] == ["a", "b"]
    assert "added_after=z" in server.asked[0][1]
    assert "next=p2" in server.asked[1][1]


def test_a_server_without_next_goes_on_after_the_last_date(server, client):
    collection = objects(server, (200, last("a"), {"more": True}), (200, last("b"), {}))
    assert len(list(client.objects(collection, ""))) == 2
    assert server.asked[1][1].endswith("added_after=a")


def test_more_that_leads_nowhere_is_refused(server, client):
    collection = objects(server, (200, {}, {"more": True}))
    with pytest.raises(InputError, match="not where"):
        list(client.objects(collection, ""))


def test_a_busy_server_is_asked_again(server, client):
    collection = objects(server, (503, {}, {}), (429, {}, {}), (200, {}, {"objects": []}))
    assert len(list(client.objects(collection, ""))) == 1
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((401, {}, {}), "answers 401"),
        ((302, {"Location": "http://127.0.0.1:1/"}, {}), "answers 302"),
        ((503, {}, {}), "answers 503"),
        ((200, {}, [1]), "no TAXII 2.1 answer"),
    ],
)
def test_what_fails_says_so(server, client, answer, reason):
    collection = objects(server, answer)
    with pytest.raises(InputError, match=reason):
        list(client.objects(collection, ""))


def test_a_root_of_another_origin_never_gets_the_credentials(server, client):
    server.say("/taxii2/", (200, {}, {"api_roots": ["http://127.0.0.1:1/api/"]}))
    with pytest.raises(InputError, match="is elsewhere"):
        client.collections()


def test_an_answer_that_is_too_long_is_refused(server, client, monkeypatch):
    monkeypatch.setattr(taxii, "MAX_PAGE_BYTES", 10)
    collection = objects(server, (200, {}, {"objects": ["x" * 100]}))
    with pytest.raises(InputError, match="more than 10 bytes"):
        list(client.objects(collection, ""))


def test_nobody_there_is_an_error_and_not_a_crash():
    stamina.set_testing(True, attempts=1)
    client = TaxiiClient("http://127.0.0.1:1/taxii2/", token="t")  # noqa: S106  # of the test
    with pytest.raises(InputError, match="taxii: "):
        client.collections()
    client.close()
    stamina.set_testing(False)
