import gzip
import re
from pathlib import Path

import pytest

from tocsin.collect.pollers.declaration import check_pollers, fill, is_value, pollers_of, why_not
from tocsin.content import load
from tocsin.formats.located_yaml import load_located
from tocsin.model.content import ContentFile

GOOD = """
id: doors
title: Doors
request: {path: "/api/{site}/events", query: {from: "{since}", to: "{until}"}}
paging: {kind: token, field: page.next, parameter: token}
items: data.events
cursor: {field: at}
parameters: [site]
"""


def file(text: str, name: str = "doors") -> ContentFile:
    return ContentFile(f"pollers/{name}.yaml", text.encode(), "site")


def test_shipped_declarations_are_right() -> None:
    content = load(None, ["pollers"])
    assert check_pollers(content.files) == []
    pollers = pollers_of(content.files)
    assert pollers.keys() == {
        "okta_system_log", "entra_signins", "entra_audits", "graph_alerts", "github_audit",
    }  # fmt: skip
    sources = {path.split("/")[1] for path in (f.path for f in load(None, ["sources"]).files)}
    for poller in pollers.values():
        assert poller.source in sources
        assert poller.identity


def test_a_good_one_is_taken() -> None:
    assert check_pollers([file(GOOD)]) == []
    (poller,) = pollers_of([file(GOOD)]).values()
    assert fill(poller.request.path, {"site": "a b/c"}, quoted=True) == "/api/a%20b%2Fc/events"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("id: doors", "id: windows", "the file is called doors"),
        ("{since}", "{secret}", "nothing is called secret"),
        ("title: Doors", "titel: Doors", "unknown field `titel`"),
        ("cursor: {field: at}", "cursor: {field: at, back: 1}", "unknown field `back`"),
        (", parameter: token", "", "token needs `parameter`"),
        ("field: page.next, ", "", "token needs `field`"),
        ("cursor: {field: at}", "cursor: {field: at, follow: true}", "follow needs paging"),
        ("parameters", "url: http://doors.example\nparameters", "use https"),
        ("parameters", "auth: {scheme: client_credentials}\nparameters", "needs `token_url`"),
        ("id: doors", "id: [", ""),
    ],
)
def test_mistakes_are_named_with_their_place(old: str, new: str, says: str) -> None:
    (problem,) = check_pollers([file(GOOD.replace(old, new))])
    assert says in problem.message
    assert re.match(r"site/pollers/doors\.yaml:\d+", problem.where)


@pytest.mark.parametrize(
    ("url", "fine"),
    [
        ("https://a.example", True), ("http://127.0.0.1:80", True), ("http://[::1]:80", True),
        ("http://localhost", True), ("http://127.0.0.1.example", False), ("http://10.0.0.1", False),
        ("ftp://a.example", False), ("https://", False), ("https://u:p@a.example", False),
        ("//a.example", False), ("https://a.example/#x", False),
    ],
)  # fmt: skip
def test_only_protected_ways_are_taken(url: str, fine: bool) -> None:
    assert (why_not(url) == "") is fine


def test_values_mean_nothing_in_a_url() -> None:
    assert is_value("0f3c-9.A_b")
    assert not any(map(is_value, ("", "..", "a/b", "a?b", "a%2f", "a b", "a" * 200, "é")))


@pytest.mark.data
def test_okta_has_the_path_and_its_parameters(shared_data: Path) -> None:
    (found,) = (shared_data.parent / "specs").glob("okta-management-*.yaml.gz")
    text = gzip.decompress(found.read_bytes()).decode()
    begin = text.index("\n  /api/v1/logs:\n")
    described = text[begin : text.index("\n  /api/", begin + 1)]
    names = set(re.findall(r"- name: (\w+)\n(?:.*\n){1,3}? +in: query", described))
    poller = pollers_of(load(None, ["pollers"]).files)["okta_system_log"]
    assert poller.request.path == "/api/v1/logs"
    assert set(poller.request.query) <= names
    assert poller.request.query["sortOrder"] in described
    assert "rel=next" in described


def test_it_is_the_yaml_of_all_content() -> None:
    assert load_located(GOOD.encode(), "x").value["id"] == "doors"
