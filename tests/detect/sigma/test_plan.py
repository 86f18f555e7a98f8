"""A stored plan is the plan, or is refused."""

import msgspec
import pytest
from tests.detect.sigma_rules import Compile, fires, record, rule

from tocsin.detect.sigma import Plan, plan_key
from tocsin.errors import StorageError
from tocsin.model.logsources import LogsourceBinding

SELECTION = {"selection": {"Image|contains": "needle", "User|re": "a(?=b)"}}
FILES = [("a.yml", b"one"), ("b.yml", b"two")]
BINDINGS = [LogsourceBinding(shape="flat", product="p")]


def test_a_stored_plan_is_the_plan(compile_rules: Compile) -> None:
    plan = compile_rules(rule(SELECTION))
    again = Plan.load(plan.dump())
    assert again == plan
    row = record({"Image": "a Needle b", "User": "ab"})
    assert fires(again, row) == fires(plan, row) == [True]


def test_a_damaged_plan_is_refused(compile_rules: Compile) -> None:
    data = compile_rules(rule(SELECTION)).dump()
    for broken in (data[:-1], b"", b"\xc1", data[:10] + b"\xff" + data[11:]):
        with pytest.raises(StorageError):
            Plan.load(broken)


@pytest.mark.parametrize("change", [{"format": 0}, {"engine": "another CPU"}])
def test_a_plan_from_elsewhere_is_refused(
    compile_rules: Compile, change: dict[str, object]
) -> None:
    plan = msgspec.structs.replace(compile_rules(rule(SELECTION)), **change)
    with pytest.raises(StorageError, match="another version or CPU"):
        Plan.load(plan.dump())


def test_the_key_follows_whatever_the_plan_depends_on() -> None:
    other = [LogsourceBinding(shape="flat", product="q")]
    keys = {
        plan_key(FILES, BINDINGS),
        plan_key(FILES, other),
        plan_key(FILES[:1], BINDINGS),
        plan_key([("a.yml", b"on"), ("b.yml", b"etwo")], BINDINGS),
        plan_key([("c.yml", b"one"), ("b.yml", b"two")], BINDINGS),
    }
    assert len(keys) == 5
    assert plan_key(iter(FILES), BINDINGS) in keys
