"""The way out: where it leads, and what an answer means for what may be done next."""

import socket

import pytest
from tests.connectors.siems import TOKEN, SimulatedSplunk

from tocsin.connectors import gateway as module
from tocsin.connectors.credentials import bearer
from tocsin.connectors.errors import Busy, Denied, NotSent, Refused, Unknown
from tocsin.connectors.gateway import Gateway

UPDATE = "/services/notable_update?output_mode=json"


def to(url, token=TOKEN, **options):
    return Gateway("splunk", url, bearer(lambda: token), **{"private": True, **options})


@pytest.fixture
def siem():
    with SimulatedSplunk() as running:
        running.add("n1")
        yield running


def send(siem, **options):
    gateway = to(siem.url, **options)
    try:
        form = {"ruleUIDs": "n1", "status": "5", "comment": "c"}
        return gateway.change("POST", UPDATE, data=form)
    finally:
        gateway.close()


@pytest.mark.parametrize(
    ("fault", "error"), [("429", Busy), ("503", Busy), ("500", Unknown), ("404", Refused)]
)
def test_what_a_status_means_and_that_a_change_is_sent_once(siem, fault, error):
    siem.faults = [fault]
    with pytest.raises(error):
        send(siem)
    assert len(siem.changes) == 1


def test_a_pause_that_is_asked_for_is_kept(siem):
    siem.faults = ["503"]
    with pytest.raises(Busy) as caught:
        send(siem)
    assert caught.value.after == 7.0


@pytest.mark.parametrize("fault", ["no-reply", "lost"])
def test_no_answer_means_that_nobody_knows(siem, fault):
    siem.faults = [fault]
    with pytest.raises(Unknown):
        send(siem)
    assert (siem.notables["n1"]["status"] == "5") is (fault == "no-reply")


def test_wrong_credentials_are_for_a_person_and_are_not_shown(siem):
    with pytest.raises(Denied) as caught:
        send(siem, token="another")  # noqa: S106 - refused, and nobody's
    assert "another" not in str(caught.value)


def test_a_closed_port_means_that_nothing_was_sent():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    gateway = to(f"http://127.0.0.1:{port}")
    with pytest.raises(NotSent):
        gateway.change("POST", "/x")
    gateway.close()


def test_a_read_is_tried_again(siem):
    siem.faults = ["lost"]
    gateway = to(siem.url)
    form = {"ruleUIDs": "n1", "comment": "c"}
    assert gateway.read("POST", UPDATE, data=form).status == 200
    assert len(siem.changes) == 2
    gateway.close()


@pytest.mark.parametrize("path", ["x", "//evil.example/x", "/../x", "/a\\b", "https://evil/x"])
def test_only_paths_below_the_base_url(siem, path):
    gateway = to(siem.url)
    with pytest.raises(Refused, match="no path"):
        gateway.read("GET", path)
    assert siem.calls == []
    gateway.close()


@pytest.mark.parametrize(
    "url",
    ["ftp://siem.example", "https://", "https://u:p@siem.example", "http://siem.example", "x"],
)
def test_a_base_url_that_cannot_be_meant_is_refused(url):
    with pytest.raises(Refused):
        to(url, private=False)


@pytest.mark.parametrize(
    ("address", "private", "allowed"),
    [
        ("93.184.216.34", False, True),
        ("10.0.0.5", False, False),
        ("10.0.0.5", True, True),
        ("127.0.0.1", False, False),
        ("::ffff:127.0.0.1", False, False),
        ("169.254.169.254", True, False),
        ("::ffff:169.254.169.254", True, False),
        ("fe80::1", True, False),
        ("0.0.0.0", True, False),  # noqa: S104 - an address that must be refused
        ("fd00::1", False, False),
    ],
)
def test_addresses_that_may_be_reached(monkeypatch, address, private, allowed):
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443))]
    monkeypatch.setattr(module.socket, "getaddrinfo", lambda *_, **__: found)
    gateway = to("https://siem.invalid", private=private)
    if allowed:
        gateway._guard()
    else:
        with pytest.raises(Refused, match="not public"):
            gateway.change("GET", "/x")
    gateway.close()


def test_an_endless_answer_is_cut(siem, monkeypatch):
    monkeypatch.setattr(module, "MAX_ANSWER", 10)
    gateway = to(siem.url)
    with pytest.raises(Unknown, match="longer than"):
        gateway.change("POST", UPDATE, data={"ruleUIDs": "n1", "comment": "c"})
    gateway.close()
