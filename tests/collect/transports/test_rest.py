"""REST interfaces of our own that page, limit, forget tokens and break off."""

import json
from collections import Counter
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.collect.pollers.web import Asked, Said, serving
from tests.collect.pulled import Pulled, pulled, until
from tests.collect.pushing import RealClock

import tocsin
from tocsin.app.inlets import inlets_of
from tocsin.app.site import Site
from tocsin.collect import pulling
from tocsin.collect.pollers.cursor import MOST_SEEN
from tocsin.errors import SettingsError
from tocsin.settings import load

TOKEN = "00-secret-of-the-site"


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulling, "SHORTEST", 0.02)
    monkeypatch.setattr(pulling, "LONGEST", 0.05)


def event(number: int) -> dict[str, Any]:
    return {
        "uuid": f"u-{number}",
        "published": f"2026-01-05T08:{number // 60 % 60:02}:{number % 60:02}.000Z",
        "eventType": "user.session.start",
    }


def prepare(folder: Path, poller: str = "okta_system_log", fast: bool = True) -> None:
    """A site whose own declaration has no pauses."""
    folder.mkdir(exist_ok=True)
    (folder / "token").write_text(TOKEN + "\n")
    shipped = Path(tocsin.__file__).parent / "shipped" / "pollers" / f"{poller}.yaml"
    text = shipped.read_text()
    if fast:
        lines = [line for line in text.splitlines() if not line.startswith("per_minute")]
        (folder / "pollers").mkdir(exist_ok=True)
        (folder / "pollers" / f"{poller}.yaml").write_text("\n".join([*lines, "per_minute: 6000"]))


def text(url: str, poller: str = "okta_system_log", more: str = "") -> str:
    return f"""
        [limits]
        record_bytes = 1024
        [[input]]
        kind = "rest"
        name = "polled"
        poller = "{poller}"
        url = "{url}"
        secret = "file:token"
        interval_seconds = 1
        first_hours = 8000
        {more}
        """


def uuids(running: Pulled, key: str = "uuid") -> list[str]:
    return [json.loads(row["raw"])[key] for row in running.rows()]


class Okta:
    """Pages of ten, with next links that go on; what goes wrong is counted down in `faults`."""

    def __init__(self, events: int) -> None:
        self.events = [event(number) for number in range(events)]
        self.faults: list[Said] = []
        self.url = ""

    def __call__(self, asked: Asked) -> Said:
        if asked.headers["authorization"] != f"SSWS {TOKEN}":
            return Said({"errorCode": "E0000011"}, 401)
        if self.faults and (self.faults[0].status or "after" in asked.query):
            return self.faults.pop(0)
        if "after" in asked.query:
            begin = int(asked.query["after"])
        else:
            since = asked.query["since"]
            begin = next((n for n, e in enumerate(self.events) if e["published"] >= since), 0)
        page = self.events[begin : begin + 10]
        link = f'<{self.url}{asked.path}?limit=10&after={begin + len(page)}>; rel="next"'
        return Said(page, 200, {"Link": f'<{self.url}/self>; rel="self", {link}'})


def test_pages_are_followed_and_gone_on_with_after_a_restart(tmp_path: Path) -> None:
    prepare(tmp_path)
    okta = Okta(35)
    with serving(okta) as site:
        okta.url = site.url
        with pulled(tmp_path, text(site.url)) as running:
            rows = running.wait(35)
            until(lambda: (running.position("cursor") or {}).get("next", "").endswith("after=35"))
        assert {row["source_id"] for row in rows} == {"okta_system_log"}
        assert {row["origin"] for row in rows} == {"rest:polled"}
        assert json.loads(rows[0]["raw"]) == event(0)
        assert site.asked[0].path == "/api/v1/logs"
        asked = len(site.asked)
        okta.events += [event(number) for number in range(35, 50)]
        with pulled(tmp_path, text(site.url)) as running:
            running.wait(50)
            assert site.asked[asked].query["after"] == "35"
            assert Counter(uuids(running)) == Counter(f"u-{n}" for n in range(50))
            positions = [row["position"] for row in running.rows()]
            assert len(set(positions)) == 50


def test_a_page_that_is_not_durable_is_asked_for_again(tmp_path: Path) -> None:
    prepare(tmp_path)
    okta = Okta(10)
    with serving(okta) as site:
        okta.url = site.url
        with pulled(tmp_path, text(site.url)) as running:
            running.held.set()
            until(lambda: running.puller._queue or not running.held.is_set())
        assert running.rows() == []
        with pulled(tmp_path, text(site.url)) as running:
            running.wait(10)


FAULTS = [
    (Said({}, 429, {"Retry-After": "0"}), "busy"),
    (Said({}, 429, {"X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": "1"}), "busy"),
    (Said({}, 500), "server"),
    (Said({}, 401), "denied"),
    (Said({}, 302, {"Location": "http://127.0.0.1:1/"}), "elsewhere"),
    (Said(b"<html>no</html>"), "schema"),
    (Said({"value": []}), "schema"),
    (Said(b"[" * 100_000), "schema"),
    (Said([event(1)] * 50, cut=True), "unreachable"),
    (Said([event(1)], 200, {"Link": '<http://127.0.0.1:1/api/v1/logs?after=1>; rel="next"'}),
     "elsewhere"),
]  # fmt: skip


def test_whatever_fails_is_told_and_got_over(tmp_path: Path) -> None:
    prepare(tmp_path)
    okta = Okta(20)
    okta.faults = [fault for fault, _ in FAULTS]
    told: set[str] = set()
    with serving(okta) as site:
        okta.url = site.url
        with pulled(tmp_path, text(site.url)) as running:
            troubles = running.puller.troubles
            until(lambda: told.add(troubles.standing) or len(set(uuids(running))) == 20)
            until(lambda: not troubles.standing)
            counts = dict(troubles.counts)
    for reason in {reason for _, reason in FAULTS}:
        assert counts[reason] >= 1, reason
    assert not any(TOKEN in text or "u-1" in text or "html" in text for text in told)


def test_a_link_that_is_too_old_gives_way_to_the_time(tmp_path: Path) -> None:
    prepare(tmp_path)
    okta = Okta(15)
    with serving(okta) as site:
        okta.url = site.url
        with pulled(tmp_path, text(site.url)) as running:
            running.wait(15)
            until(lambda: (running.position("cursor") or {}).get("next"))
            okta.faults = [Said({}, 400)]
            okta.events.append(event(16))
            running.wait(16)
            assert sum("since" in asked.query for asked in site.asked) == 2
            assert len(set(uuids(running))) == len(uuids(running)) == 16


def test_a_denied_token_stands_as_the_reason(tmp_path: Path) -> None:
    prepare(tmp_path)
    (tmp_path / "token").write_text("wrong")
    with serving(Okta(5)) as site, pulled(tmp_path, text(site.url)) as running:
        until(lambda: running.puller.troubles.counts["denied"] >= 2)
        assert running.puller.troubles.standing == "denied: the server answers 401"


class Graph:
    """Microsoft Graph's ways: OAuth, `@odata.nextLink`, items in `value`; tokens end early."""

    def __init__(self, items: int) -> None:
        self.items = [
            {"id": f"s-{n}", "createdDateTime": f"2026-01-05T08:{n // 60:02}:{n % 60:02}Z"}
            for n in range(items)
        ]
        self.tokens = count(1)
        self.valid = 0
        self.uses = 0
        self.url = ""

    def __call__(self, asked: Asked) -> Said:
        if asked.method == "POST":
            right = asked.body == {
                "grant_type": "client_credentials", "client_id": "app", "client_secret": TOKEN,
                "scope": "https://graph.microsoft.com/.default",
            }  # fmt: skip
            self.valid, self.uses = next(self.tokens), 0
            return Said({"access_token": f"t{self.valid}", "expires_in": 3600} if right else {})
        self.uses += 1
        if asked.headers["authorization"] != f"Bearer t{self.valid}" or self.uses > 2:
            return Said({"error": "InvalidAuthenticationToken"}, 401)
        if "$skiptoken" in asked.query:
            begin = int(asked.query["$skiptoken"])
            found = self.items
        else:
            since = asked.query["$filter"].removeprefix("createdDateTime ge ")
            begin, found = 0, [one for one in self.items if one["createdDateTime"] >= since]
        page: dict[str, Any] = {"value": found[begin : begin + 10]}
        if begin + 10 < len(found):
            page["@odata.nextLink"] = f"{self.url}{asked.path}?$skiptoken={begin + 10}"
        return Said(page)


def test_tokens_are_renewed_and_overlaps_are_not_doubled(tmp_path: Path) -> None:
    prepare(tmp_path, "entra_signins")
    graph = Graph(45)
    with serving(graph) as site:
        graph.url = site.url
        more = f'client = "app"\ntoken_url = "{site.url}/token"\nparameters = ["tenant=contoso"]'
        with pulled(tmp_path, text(site.url, "entra_signins", more)) as running:
            running.wait(45)
            late = {"id": "late", "createdDateTime": "2026-01-05T08:00:20Z"}
            graph.items.append(late)  # it appears behind the cursor, within the overlap
            running.wait(46)
            ids = uuids(running, "id")
            assert len(ids) == len(set(ids)) == 46
    assert next(graph.tokens) > 2


def test_what_is_no_record_does_not_stop_the_others(tmp_path: Path) -> None:
    prepare(tmp_path)
    items: list[Any] = [event(0), "text", {"uuid": "no time"}, event(1) | {"x": "y" * 2000}]
    items += [event(2) | {"published": "2999-01-01T00:00:00Z"}, event(3)]
    with serving(lambda _: Said(items)) as site, pulled(tmp_path, text(site.url)) as running:
        running.wait(5)
        (dead,) = running.wait(1, "dead")
        until(lambda: len(site.asked) > 1)
        assert dead["reason"] == "too-large"
        assert running.puller.troubles.counts["no-time"] >= 2
        assert running.position("cursor")["since"] < 1_800_000_000_000_000
        assert len(running.position("cursor")["seen"]) <= MOST_SEEN


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"poller": "absent"}, "no poller absent; there are entra_audits"),
        ({"url": "http://idp.example"}, "use https"),
        ({"url": "https://me:pw@idp.example"}, "no credentials"),
        ({"secret": "file:absent"}, "file:absent cannot be read"),
        ({"poller": "github_audit"}, 'needs parameters = ["org=..."]'),
        ({"poller": "github_audit", "parameters": "org=a/../b"}, 'needs parameters = ["org=..."]'),
        ({"parameters": "org=acme"}, "no parameter org"),
    ],
)
def test_what_cannot_work_is_said(tmp_path: Path, change: dict[str, str], says: str) -> None:
    prepare(tmp_path, fast=False)
    values = {"poller": "okta_system_log", "url": "https://acme.example", "secret": "file:token"}
    values |= change
    parameters = values.pop("parameters", None)
    lines = [f'{key} = "{value}"' for key, value in values.items()]
    lines += [f'parameters = ["{parameters}"]'] if parameters else []
    (tmp_path / "tocsin.toml").write_text("\n".join(['[[input]]\nkind = "rest"', *lines]))
    with pytest.raises(SettingsError) as caught:
        inlets_of(Site(tmp_path, load(tmp_path, {}), tmp_path), 1, RealClock())
    assert says in str(caught.value)
