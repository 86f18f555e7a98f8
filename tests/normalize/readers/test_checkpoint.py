import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.normalize.readers.checkpoint import checkpoint

BODY = r'[action:"Drop"; rule_name:"a \"b\" [c\]"; ike::"done"; empty:""; ]'


@pytest.mark.parametrize(
    "head",
    ["", "syslog", "<134>1 2026-03-02T09:14:10Z gw1 CheckPoint 9 - ", "Mar  2 09:14:10 gw1 "],
)
def test_pairs_behind_any_header(head: str) -> None:
    fields = checkpoint(head + BODY)
    assert fields is not None
    assert (fields["action"], fields["rule_name"]) == ("Drop", 'a "b" [c]')
    assert fields["ike"] == "done"
    assert "empty" not in fields
    assert ("syslog_host" in fields) == ("gw1" in head)


@pytest.mark.parametrize("text", ["", "[a]", "[1:2]", f"somebody said this and that here {BODY}"])
def test_other_text_is_not_taken(text: str) -> None:
    assert checkpoint(text) is None


@given(st.text() | st.text('[a:"\\]; '))
def test_no_text_breaks_the_reader(text: str) -> None:
    for found in (checkpoint(text), checkpoint('[a:"' + text)):
        assert found is None or all(type(value) is str for value in found.values())


@pytest.mark.parametrize("piece", ['a:"', "\\", '"', 'a:"b"; ', "a"])
def test_long_records_cost_time_in_proportion(piece: str) -> None:
    began = time.process_time()
    checkpoint('[a:"b"; ' + piece * (2_000_000 // len(piece)))
    assert time.process_time() - began < 2
