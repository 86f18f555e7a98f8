"""`tocsin readiness` says what is missing; an override stands in the journal until it ends."""

import json

import pytest
from tests.app.stored import new_site

from tocsin.app.clock import SystemClock
from tocsin.app.readiness import evidence_of
from tocsin.app.site import open_site, required_site
from tocsin.cli import run
from tocsin.cli.readiness import DAY, until_of
from tocsin.errors import UsageError
from tocsin.model.readiness import Gap, Scope, SourceReadiness, Use
from tocsin.store import State


@pytest.fixture
def soc(tmp_path):
    site = new_site(tmp_path / "soc")
    now = SystemClock().now()
    gap = Gap(
        "place", 0.4, 0.1, now - 5 * DAY, "the users of unit plant belong to no unit",
        "mend the directory", "mira", Scope(unit="plant"), "share",
    )  # fmt: skip
    missing = Gap("history", 12, 81, 0, "12 of 90 days", "wait", unit_of="days")
    with State(site.state).think("readiness") as tx:
        for use, gaps in ((Use.DETECTION, ()), (Use.TRAINING, (missing,)), (Use.AUTONOMY, (gap,))):
            fit_since = 0 if gaps else now - 3 * DAY
            one = SourceReadiness("zeek", use, now, now + DAY, gaps, fit_since, 12, now + 70 * DAY)
            tx.put_evidence(evidence_of(one))
        old = SourceReadiness("cef", Use.AUTONOMY, now - 9 * DAY, now - 8 * DAY)
        tx.put_evidence(evidence_of(old))
    return tmp_path / "soc"


def test_it_says_what_is_missing_with_owner_and_fix(soc, capsys):
    assert run(["readiness"]) == 1
    out = capsys.readouterr().out
    for text in (
        "the users of unit plant belong to no unit", "place (unit plant), for 5 days",
        "Measured 40%, may be 10%. Owner: mira. Fix: mend the directory", "not for autonomy",
        "3 days ago", "Automation must stay off for 2 of 2 sources: cef, zeek", "expired",
    ):  # fmt: skip
        assert text in out
    assert run(["readiness", "zeek", "--json"]) == 1
    found = {one["use"]: one for one in json.loads(capsys.readouterr().out)}
    assert found["detection"]["fit"]
    assert found["autonomy"]["readiness"]["gaps"][0]["scope"]["unit"] == "plant"


def test_it_says_what_alerts_alone_do_not_tell(soc, capsys):
    assert run(["readiness"]) == 1
    assert "Alerts of other tools only" not in capsys.readouterr().out
    now = SystemClock().now()
    with State(open_site(soc).state).think("readiness") as tx:
        one = SourceReadiness("splunk_notable", Use.DETECTION, now, now + DAY)
        tx.put_evidence(evidence_of(one))
    assert run(["readiness"]) == 1
    out = capsys.readouterr().out
    assert "Alerts of other tools only: splunk_notable. Without raw events nobody" in out
    assert "of these alone" in out


def test_an_override_lets_it_pass_until_it_is_ended(soc, capsys):
    word = ["readiness", "override", "zeek", "--use", "autonomy", "--reason", "Sensor moves."]
    assert run([*word, "--until", "12h"]) == 0
    assert "It covers 1 gap, and nothing that comes later:\n  place (unit plant)" in (
        capsys.readouterr().out
    )
    assert run(["readiness", "zeek"]) == 0
    out = capsys.readouterr().out
    assert "Covers place (unit plant)" in out
    assert "override for autonomy by" in out
    assert "Sensor moves." in out
    assert "the users of unit plant" in out
    assert run(["journal"]) == 0
    assert "readiness-override" in capsys.readouterr().out
    assert run([*word, "--until", "12h", "--end"]) == 0
    assert run(["readiness", "zeek"]) == 1


def test_what_breaks_after_an_override_is_not_covered(soc, capsys):
    word = ["readiness", "override", "zeek", "--use", "autonomy", "--reason", "Sensor moves."]
    assert run([*word, "--until", "12h"]) == 0
    site, now = required_site(soc), SystemClock().now()
    gap = Gap("clock", 3_600, 300, now, "an hour off", "set it", scope=Scope(host="ws1"))
    with State(site.state).think("readiness") as tx:
        tx.put_evidence(evidence_of(SourceReadiness("zeek", Use.AUTONOMY, now, now + DAY, (gap,))))
    capsys.readouterr()
    assert run(["readiness", "zeek", "--json"]) == 1
    found = {one["use"]: one for one in json.loads(capsys.readouterr().out)}
    assert not found["autonomy"]["passes"]
    assert found["autonomy"]["overrides"][0]["covers"][0][0] == "place"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["zeek", "--until", "91d"], "90 days"),
        (["zeek", "--until", "2001-01-01"], "future"),
        (["zeek", "--until", "soon"], "a day"),
        (["nosuch", "--until", "1d"], "no source is called nosuch"),
        (["cef", "--until", "1d"], "no readiness of cef is in force"),
    ],
)
def test_mistakes_are_told(soc, capsys, words, text):
    assert run(["readiness", "override", *words, "--use", "autonomy", "--reason", "why"]) == 2
    assert text in capsys.readouterr().err
    assert run(["readiness", "nosuch"]) == 2
    fit = ["zeek", "--use", "detection", "--reason", "why", "--until", "1d"]
    assert run(["readiness", "override", *fit]) == 2
    assert "there is no gap to cover" in capsys.readouterr().err


def test_an_end_is_a_day_a_time_or_a_length():
    assert until_of("12h", 0) == DAY // 2
    assert until_of("7d", 5) == 7 * DAY + 5
    assert until_of("1970-01-02", 0) == DAY
    assert until_of("1970-01-02T01:00:00+01:00", 0) == DAY
    with pytest.raises(UsageError):
        until_of("7w", 0)
