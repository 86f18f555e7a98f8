import pytest
from tests.detect.exceptions.stories import written

from tocsin.detect.exceptions import Entry, read_entry


def entry(**changes: object) -> Entry:
    found, problems = read_entry(written(**changes))
    assert found is not None, problems
    return found


@pytest.mark.parametrize(("name", "approved"), [("tobias", True), (None, False)])
def test_it_is_approved_by_somebody_else(name: str | None, approved: bool) -> None:
    assert entry(approved_by=name).approved is approved


def test_what_has_conditions_is_not_broad() -> None:
    assert not entry().broad
    assert entry(where=None, approved_by="tobias").broad
    assert entry(rules=None, source="linux", approved_by="tobias").broad


def test_its_days_begin_and_end_at_midnight() -> None:
    one = entry()
    assert one.in_force(one.created)
    assert one.in_force(one.expires - 1)
    assert not one.in_force(one.expires)
    assert not one.in_force(one.created - 1)
