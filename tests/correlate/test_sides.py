"""Where decisions cut, seen from the cells alone."""

from tests.correlate.findings import Entity, finding, host, process, user

from tocsin.correlate.dossier import Dossier
from tocsin.correlate.sides import BOUND, FREE, Side, cell_of, sides_of
from tocsin.model.decisions import Block, Constraints, Decision, DecisionKind

SPLIT = Constraints(
    [
        Decision(
            1,
            DecisionKind.SPLIT,
            ("inc-a",),
            "",
            "ann",
            0,
            (Block("1.0", "inc-a", ("ea",)), Block("1.1", "inc-b", ("eb",))),
            (("1.0", "1.1"),),
        )
    ]
)


def cell(*entities: Entity) -> Dossier:
    one = finding(1, 0, *entities)
    dossier = Dossier("default", one.time, one.time)
    dossier.add(one)
    return dossier


def test_a_finding_is_kept_by_its_block_or_by_person_and_host() -> None:
    assert cell_of(finding("a", 0, host("ws01")), SPLIT) == f"{BOUND}1.0"
    assert cell_of(finding("c", 0, host("ws01"), user("ann")), SPLIT) == f"{FREE}ws01|theshire\\ann"


def test_a_group_that_no_decision_cuts_is_one_side() -> None:
    cells = {f"{FREE}ws01|": cell(host("ws01")), f"{FREE}ws02|": cell(host("ws02"))}
    assert sides_of("inc-x", cells, SPLIT) == [Side("inc-x", tuple(sorted(cells)))]
    bound = {**cells, f"{BOUND}1.1": cell(host("ws03"))}
    assert [side.incident_id for side in sides_of("inc-x", bound, SPLIT)] == ["inc-b"]


def test_cells_go_with_the_side_they_share_most_with_step_by_step() -> None:
    cells = {
        f"{BOUND}1.0": cell(host("ws01"), process("g1")),
        f"{BOUND}1.1": cell(host("ws01"), process("g2")),
        f"{FREE}ws02|": cell(host("ws02"), process("g2")),
        f"{FREE}ws03|": cell(host("ws03"), host("ws02", "source")),
        f"{FREE}ws04|": cell(host("ws04")),
    }
    first, second = sides_of("inc-a", cells, SPLIT)
    assert (first.incident_id, second.incident_id) == ("inc-a", "inc-b")
    assert first.cells == (f"{BOUND}1.0", f"{FREE}ws04|")
    assert second.cells == (f"{BOUND}1.1", f"{FREE}ws02|", f"{FREE}ws03|")
