"""A round of upkeep: what expired goes and is counted once; what is held or cited stays."""

import os
import subprocess
import sys
from dataclasses import dataclass

import pyarrow as pa
import pytest
from tests.store.lake_rows import EVENT, event_rows
from tests.store.stories import change, finding, incident

from tocsin.app.accounts import STORED, accounts, settled
from tocsin.app.site import open_site
from tocsin.app.upkeep import DAY_US, Upkeep, places_by
from tocsin.enrich.context import ContextIndex, compile_index
from tocsin.model.context import Asset, Fact, Identifier, Zone
from tocsin.model.holds import Hold
from tocsin.model.incidents import INCIDENT_CHANGES
from tocsin.store import State
from tocsin.store.lake import Lake
from tocsin.store.retention import KeepRule, Policy
from tocsin.store.scan import count_by_source, scan

DAY_1 = 1_793_491_200_000_000  # 2026-11-01 00:00 UTC
SOURCE = "windows-security"


@dataclass
class At:
    """A clock that stands still."""

    time: int

    def now(self):
        return self.time

    def monotonic(self):
        return 0.0


def after(days):
    return At(DAY_1 + days * DAY_US + 1)


@pytest.fixture
def site(tmp_path):
    (tmp_path / "tocsin.toml").write_text("")
    return open_site(tmp_path, {})


@pytest.fixture
def state(site):
    lake = Lake(site.lake, lambda _class: EVENT)
    lake.append("p0", 19, {"file_activity": [event_rows(range(20))]})
    opened = State(site.state)
    with opened.think("p0") as tx:
        tx.count(settled(STORED, {SOURCE: 20}))
    yield opened
    opened.close()


def policy(days):
    return Policy((KeepRule(days),), 700, 700)


def offsets(site):
    return [n for batch in scan(site.lake) for n in batch.column("offset").to_pylist()]


def account(state):
    return accounts(state.intake.counters())[0]


def test_a_day_goes_when_it_is_over_for_as_long_as_the_policy_says(site, state):
    assert Upkeep(site, state, policy(10), after(10)).run().expired == 0
    assert Upkeep(site, state, policy(10), after(11)).run().expired == 10
    assert offsets(site) == list(range(1, 20, 2))
    assert (account(state).stored, account(state).expired) == (20, 10)
    assert Upkeep(site, state, policy(10), after(12)).run().expired == 10
    assert account(state).expired == 20


def test_what_an_open_incident_cites_or_a_hold_covers_stays(site, state):
    cited = finding(f"{4:032x}")
    with state.think("p") as tx:
        tx.add_findings([cited])
        rows = [change(incident("open"), [cited.finding_id])]
        tx.apply_incident_changes(pa.RecordBatch.from_pylist(rows, schema=INCIDENT_CHANGES))
    state.holds.place(Hold("h", "a claim", "maria", 1, since=6_000_000, until=9_000_000))
    Upkeep(site, state, policy(0), after(60)).run()
    assert offsets(site) == [4, 6, 7, 8]
    state.holds.release("h", "maria", "settled", 2)
    Upkeep(site, state, policy(0), after(60)).run()
    assert offsets(site) == [4]


def test_units_and_scopes_are_asked_for_when_the_policy_names_them(site, state):
    rules = Policy((KeepRule(5), KeepRule(50, unit="finance")), 700, 700)

    def places(rows):
        return [
            ("finance" if n < 6 else "", frozenset()) for n in rows["tocsin_offset"].to_pylist()
        ]

    Upkeep(site, state, rules, after(20), places).run()
    assert offsets(site) == list(range(6))


def test_context_says_where_a_row_belongs():
    facts = [
        Fact(
            "f",
            "csv",
            "ws01",
            0,
            9,
            0,
            Asset((Identifier("host", "ws01"),), unit="finance", scopes=("pci",)),
        ),
        Fact("f", "csv", "lan", 0, 9, 0, Zone("lan", ("192.0.2.0/24",), scopes=("sox",))),
    ]
    places = places_by(ContextIndex(compile_index(facts)))
    rows = pa.Table.from_pylist(
        [
            {"device": {"hostname": "ws01", "ip": None}, "tocsin_time": 5},
            {"device": {"hostname": None, "ip": "192.0.2.7"}, "tocsin_time": 5},
            {"device": {"hostname": None, "ip": None}, "tocsin_time": 5},
        ]
    )
    assert places(rows) == [
        ("finance", frozenset({"pci"})),
        ("", frozenset({"sox"})),
        ("", frozenset()),
    ]


def test_old_findings_and_dead_letters_go_and_open_incidents_keep_theirs(site, state):
    with state.think("p") as tx:
        tx.add_findings([finding("cited"), finding("alone")])
        rows = [change(incident("open"), ["cited"])]
        tx.apply_incident_changes(pa.RecordBatch.from_pylist(rows, schema=INCIDENT_CHANGES))
    report = Upkeep(site, state, Policy((), 5, 5), after(20)).run()
    assert report.findings == 1
    assert [one.finding_id for one in state.casebook.all_findings()] == ["cited"]


@pytest.mark.parametrize("point", ["upkeep.files-written", "upkeep.committed"])
def test_a_round_that_is_killed_anywhere_is_made_good_by_the_next(site, state, point, tmp_path):
    code = (
        "from tests.app.test_upkeep import *\n"
        f"site = open_site(__import__('pathlib').Path({str(tmp_path)!r}), {{}})\n"
        "Upkeep(site, State(site.state), policy(10), after(11)).run()\n"
    )
    environment = {**os.environ, "TOCSIN_CRASH_AT": f"{point}:1", "PYTHONPATH": "."}
    child = subprocess.run([sys.executable, "-c", code], env=environment, check=False)
    assert child.returncode != 0
    Upkeep(site, state, policy(10), after(11)).run()
    assert offsets(site) == list(range(1, 20, 2))
    assert account(state).expired == 10
    assert count_by_source(site.lake) == {SOURCE: 10}
