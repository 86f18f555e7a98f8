import pytest
from msgspec.structs import replace
from tests.store.stories import finding

from tocsin.errors import UsageError
from tocsin.model.findings import Standing
from tocsin.store.state_store import State


def stored(state: State) -> None:
    with state.think("p") as tx:
        tx.add_findings(
            [
                finding("aa1", time=10),
                finding("aa2", time=20),
                replace(finding("bb1", time=30), standing=Standing.HIDDEN, exception="x"),
                replace(finding("cc1", time=40), standing=Standing.STAGED, rule_id="rule-2"),
            ],
            ["one", None, None, None],
        )


def test_findings_of_a_rule_come_newest_first_with_their_incident(state: State) -> None:
    stored(state)
    found = [(f.finding_id, incident) for f, incident in state.findings.of_rule("rule-1", 0, 9)]
    assert found == [("bb1", None), ("aa2", None), ("aa1", "one")]
    assert len(list(state.findings.of_rule("rule-1", 20, 9))) == 2
    assert len(list(state.findings.of_rule("rule-1", 0, 1))) == 1
    assert list(state.findings.of_rule("rule-9", 0, 9)) == []


def test_one_is_found_by_the_beginning_of_its_id(state: State) -> None:
    stored(state)
    assert state.findings.one("bb").finding_id == "bb1"
    for beginning, text in (("aa", "several"), ("zz", "no finding"), ("", "begin")):
        with pytest.raises(UsageError, match=text):
            state.findings.one(beginning)


def test_activity_counts_by_standing_and_remembers_the_last(state: State) -> None:
    stored(state)
    activity = state.findings.activity(15)
    one, two = activity["rule-1"], activity["rule-2"]
    assert (one.findings, one.hidden, one.staged, one.last) == (2, 1, 0, 30)
    assert (two.findings, two.hidden, two.staged, two.last) == (1, 0, 1, 40)
    assert state.findings.activity(100)["rule-1"].findings == 0
    assert state.findings.activity(100)["rule-1"].last == 30
