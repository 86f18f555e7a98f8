"""Faults put into records go through the product's own measuring, and are seen there."""

from pathlib import Path

import pytest
from tests.lab.conftest import HOUR, MONDAY, Whole

from tocsin.app import parts
from tocsin.lab.faults import (
    Directory,
    Line,
    clock_ahead,
    deliveries,
    lines_of,
    renamed_users,
    shifted,
    silenced,
    vanished,
)
from tocsin.lab.people import found
from tocsin.model.context import NOWHERE, Place
from tocsin.model.quality import Counts, Measured, add_cells, measured_from_bytes
from tocsin.normalize import Normalizer, compile_sources
from tocsin.normalize.quality.measure import Meter

DAY = 24 * HOUR


@pytest.fixture(scope="module")
def normalizer() -> Normalizer:
    made, _ = compile_sources(parts.load_content(None))
    assert made is not None
    return made


@pytest.fixture(scope="module")
def lines(whole: Whole, normalizer: Normalizer, tmp_path_factory: pytest.TempPathFactory):
    """Three hours of the logs of a few machines."""
    folder: Path = tmp_path_factory.mktemp("some")
    names = [n for n in whole.lines if n.startswith(("DC01", "conn")) or "cloudtrail" in n]
    for name in names:
        (folder / name).write_bytes(b"\n".join(whole.lines[name]) + b"\n")
    every = lines_of(folder, normalizer, MONDAY + DAY)
    return [one for one in every if 9 * HOUR <= one.time - MONDAY < 11 * HOUR]


def measured(lines: list[Line], normalizer: Normalizer, source: str, **more) -> list[Measured]:
    meter = Meter(normalizer.sources)
    return [
        measured_from_bytes(row["body"])
        for one in deliveries(lines, normalizer, meter, **more)
        for row in one.quality.to_pylist()
        if row["source_id"] == source
    ]


def counts(bodies: list[Measured]) -> Counts:
    total: dict[str, Counts] = {}
    for body in bodies:
        add_cells(total, body.cells)
    return {f"{key}:{name}": n for key, of in total.items() for name, n in of.items()}


def test_records_come_in_order_of_time_and_arrive_a_second_late(lines, normalizer):
    assert [one.time for one in lines] == sorted(one.time for one in lines)
    assert len({one.source_id for one in lines}) >= 2
    [first, *_] = deliveries(lines, normalizer, Meter(normalizer.sources), rows=64)
    assert sum(first.events.values()) <= 64
    medians = [b.hosts[""].median for b in measured(lines, normalizer, "windows_security")]
    assert all(0 <= median < 3 for median in medians)


def test_users_in_another_form_are_seen(lines, normalizer):
    fault = renamed_users("windows_security", ("TargetUserName",), "{}@x.example", MONDAY)
    before = counts(measured(lines, normalizer, "windows_security"))
    after = counts(measured(lines, normalizer, "windows_security", alter=fault.alter))
    mail, bare = "authentication||:user.name~mail", "authentication||:user.name~bare"
    assert after[mail] > before.get(mail, 0)
    assert after[bare] < before[bare]


def test_a_field_that_vanishes_is_seen(lines, normalizer):
    fields = ("TargetUserName", "SubjectUserName")
    fault = vanished("windows_security", fields, MONDAY, "user.name")
    after = counts(measured(lines, normalizer, "windows_security", alter=fault.alter))
    assert after["authentication||:user.name#"] > 0
    assert after["authentication||:user.name"] == 0


def test_a_clock_that_drifts_and_silence_are_seen(lines, normalizer):
    ahead = clock_ahead("windows_security", 3_600, MONDAY)
    bodies = measured(lines, normalizer, "windows_security", alter=ahead.alter)
    assert all(-3_601 < body.hosts[""].median < -3_590 for body in bodies)
    quiet = silenced("windows_security", MONDAY)
    assert measured(lines, normalizer, "windows_security", alter=quiet.alter) == []


def test_times_are_moved_whatever_their_form():
    raw = b'{"a":"2026-03-02T23:30:00.5Z","b":"2026-03-02 23:30:00","ts": 1772406000.25,"n":"9"}'
    moved = b'{"a":"2026-03-03T00:30:00.5Z","b":"2026-03-03 00:30:00","ts": 1772409600.25,"n":"9"}'
    assert shifted(raw, 3_600) == moved
    assert shifted(moved, -3_600) == raw


def test_a_wrong_directory_misplaces_the_users_of_one_unit_from_a_moment_on():
    people = found()
    one = next(p for p in people if p.unit == "office")
    wrong = Directory(people, wrong="office", since=10, into="engineering")
    assert wrong.place("", one.account.name, "", 9) == Place("office")
    assert wrong.place("", one.mail, "", 10) == Place("engineering")
    assert wrong.place(f"{one.workstation}.x.example", one.account.full, "", 10) == Place("office")
    assert wrong.place("", "nobody", "", 9) == NOWHERE
