"""Who makes a call, and that secrets are read when it is made."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

import pytest

from tocsin.connectors.credentials import ClientCredentials, basic, bearer
from tocsin.connectors.errors import Denied
from tocsin.connectors.gateway import Gateway


@pytest.fixture
def endpoint():
    """A token endpoint that counts its tokens; `answers` may hold what it says instead."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            server.asked.append((self.path, {k: v[0] for k, v in parse_qs(body).items()}))
            usual = {"access_token": f"t{len(server.asked)}", "expires_in": 3600}
            data = json.dumps(server.answers.pop(0) if server.answers else usual).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.asked, server.answers = [], []
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def client(endpoint):
    gateway = Gateway("t", f"http://127.0.0.1:{endpoint.server_port}", dict, private=True)
    now = [0.0]
    made = ClientCredentials(gateway, "/t/token", "app", lambda: "pw", "scope", lambda: now[0])
    yield made, now
    gateway.close()


def test_a_token_is_kept_until_shortly_before_its_end(endpoint, client):
    credentials, now = client
    assert credentials() == {"Authorization": "Bearer t1"}
    now[0] = 3_500.0
    assert credentials() == {"Authorization": "Bearer t1"}
    now[0] = 3_541.0
    assert credentials() == {"Authorization": "Bearer t2"}
    path, form = endpoint.asked[0]
    assert path == "/t/token"
    assert form["grant_type"] == "client_credentials"
    assert (form["client_id"], form["client_secret"], form["scope"]) == ("app", "pw", "scope")


@pytest.mark.parametrize("answer", [{}, [], {"access_token": 7}, {"access_token": ""}])
def test_an_endpoint_that_gives_no_token_is_for_a_person(endpoint, client, answer):
    endpoint.answers.append(answer)
    with pytest.raises(Denied, match="no token"):
        client[0]()


def test_a_secret_is_asked_for_at_each_call():
    held = ["one", "two"]
    headers = bearer(lambda: held.pop(0), "ApiKey")
    assert headers() == {"Authorization": "ApiKey one"}
    assert headers() == {"Authorization": "ApiKey two"}
    assert basic("tom", lambda: "pw")() == {"Authorization": "Basic dG9tOnB3"}
