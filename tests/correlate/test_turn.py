"""What one step tells: first the incidents as they stand, then the names that became aliases."""

from tests.correlate.findings import HOUR, MINUTE, T0, finding, host, process, rows_of, user

from tocsin.correlate.incidents import IncidentFold
from tocsin.correlate.turn import incident_id
from tocsin.model.incidents import INCIDENT_CHANGES, incident_from_bytes


def test_the_rows_of_a_join_and_of_a_second_one() -> None:
    fold = IncidentFold()
    parts = [finding(n, n * MINUTE, host("ws01"), process(f"g{n}"), rule=f"r{n}") for n in range(3)]
    state, output = fold.step(None, rows_of(reversed(parts)), watermark=T0 - HOUR, now=0)
    assert output.schema.equals(INCIDENT_CHANGES)
    ids = [incident_id(part.finding_id) for part in parts]
    assert set(output.column("incident_id").to_pylist()) == set(ids)

    both = (process("g1"), process("g2", role="parent"))
    state, output = fold.step(
        state, rows_of([finding("x", 9 * MINUTE, host("ws01"), *both)]), watermark=T0 - HOUR, now=0
    )
    rows = output.to_pylist()
    assert [(row["incident_id"], row["alias_of"], row["new_finding_ids"]) for row in rows] == [
        (ids[1], None, ["x"]),
        (ids[2], ids[1], []),
    ]
    assert incident_from_bytes(rows[0]["body"]).aliases == (ids[2],)

    both = (process("g0"), process("g1", role="parent"))
    state, output = fold.step(
        state, rows_of([finding("y", 9 * MINUTE, host("ws01"), *both)]), watermark=T0 - HOUR, now=0
    )
    rows = output.to_pylist()
    assert [(row["incident_id"], row["alias_of"]) for row in rows] == [
        (ids[0], None),
        (ids[1], ids[0]),
        (ids[2], ids[0]),
    ]
    assert incident_from_bytes(rows[0]["body"]).aliases == (ids[1], ids[2])


def test_what_joins_within_one_step_leaves_no_alias() -> None:
    pair = [finding(n, n * MINUTE, host("ws01"), user("ann"), rule=f"r{n}") for n in range(2)]
    _, output = IncidentFold().step(None, rows_of(pair), watermark=T0, now=0)
    [row] = output.to_pylist()
    assert sorted(row["new_finding_ids"]) == sorted(one.finding_id for one in pair)
    assert incident_from_bytes(row["body"]).aliases == ()


def test_nothing_new_tells_nothing() -> None:
    state, output = IncidentFold().step(None, rows_of([]), watermark=T0, now=0)
    assert output.num_rows == 0
    assert output.schema.equals(INCIDENT_CHANGES)
    assert state is not None
