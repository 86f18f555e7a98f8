"""Lists of objects: of which fields they are made, and when one is left out."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.errors import ContentError
from tocsin.normalize.columns import ALL_ROWS, Fields, Lost, Path, memo_of
from tocsin.normalize.gathered import MAX_MADE, Gathered, Maker, maker_of
from tocsin.normalize.language import ConstantRule, FieldRule, Part
from tocsin.normalize.ocsf.schema import ocsf_schema
from tocsin.normalize.scalars import text

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


def line(target: str, *names: str, convert: str = "", table: str = "") -> FieldRule:
    return FieldRule(tuple(target.split(".")), names, convert, table, None, f"at {target}")


def constant(target: str, value: Any) -> ConstantRule:
    return ConstantRule(tuple(target.split(".")), value, f"at {target}")


def maker(name: str, *fields: FieldRule, constants: tuple[ConstantRule, ...] = ()) -> Maker:
    return maker_of(ocsf_schema(), {"kinds": {"x": "Hash"}}, name, Part(constants, fields))


ADDRESS = maker(
    "observable",
    line("value", "ip", "ip6", convert="ip"),
    constants=(constant("type_id", "IP Address"), constant("name", "device.ip")),
)
ATTACK = maker(
    "attack",
    line("technique.uid", "technique"),
    line("tactic.uid", "tactic"),
    constants=(constant("version", "v18"),),
)


def gathered(record: dict[str, Any], *makers: Maker, lists: tuple[str, ...] = ()) -> Any:
    pairs = tuple((maker, lists) for maker in makers)
    step = Gathered(("ip",), memo_of(text, 1), (("observables",),), None, makers=pairs)
    into: dict[Path, list[Any]] = {}
    lost: Lost = {ALL_ROWS: set()}
    step.run(Fields([record], ()), into, lost)
    return into.get(("observables",), [None])[0]


def test_an_object_has_its_constants_and_the_first_field_that_speaks() -> None:
    one = {"type_id": 2, "type": "IP Address", "name": "device.ip"}
    assert gathered({"ip": "-", "ip6": "::1"}, ADDRESS) == [one | {"value": "::1"}]
    assert gathered({"ip": "10.0.0.1"}, ADDRESS) == [one | {"value": "10.0.0.1"}]


@pytest.mark.parametrize("record", [{}, {"ip": "no address"}, {"ip": None}, {"ip": {"a": 1}}])
def test_constants_alone_are_no_object(record: dict[str, Any]) -> None:
    assert gathered(record, ADDRESS) is None


def test_a_list_in_the_only_field_gives_an_object_each_once_and_not_endless() -> None:
    made = gathered({"ip": ["10.0.0.1", "x", "10.0.0.2", "10.0.0.1"]}, ADDRESS)
    assert [item["value"] for item in made] == ["10.0.0.1", "10.0.0.2"]
    many = [f"10.0.{number // 250}.{number % 250}" for number in range(MAX_MADE + 50)]
    assert len(gathered({"ip": many}, ADDRESS)) == MAX_MADE


def test_a_list_of_objects_gives_an_object_each() -> None:
    rows = [{"technique": "T1003", "tactic": "TA0006"}, "x", {"Technique": "T1059"}, {"a": 1}]
    assert gathered({"rows": rows}, ATTACK, lists=("rows",)) == [
        {"technique": {"uid": "T1003"}, "tactic": {"uid": "TA0006"}, "version": "v18"},
        {"technique": {"uid": "T1059"}, "version": "v18"},
    ]


def test_inner_objects_are_made_when_their_fields_speak() -> None:
    made = gathered({"technique": "T1003"}, ATTACK)
    assert made == [{"technique": {"uid": "T1003"}, "version": "v18"}]
    assert set(ATTACK.inner) == {("version",), ("technique", "uid"), ("tactic", "uid")}


def test_an_inner_object_that_lacks_what_it_needs_stays_out() -> None:
    # A file needs a name and a type.
    file = maker(
        "evidences",
        line("file.name", "name"),
        line("file.path", "path"),
        line("process.pid", "pid"),
        constants=(constant("file.type_id", "Regular File"),),
    )
    assert gathered({"path": "/x", "pid": 7}, file) == [{"process": {"pid": 7}}]
    assert gathered({"path": "/x"}, file) is None


def test_a_table_gives_number_and_caption() -> None:
    kinds = maker("observable", line("type_id", "kind", table="kinds"), line("value", "v"))
    assert gathered({"kind": "X", "v": "ab"}, kinds) == [
        {"type_id": 8, "type": "Hash", "value": "ab"}
    ]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (line("valu", "a"), "cannot make valu"),
        (line("type_id", "a", table="none"), "no table 'none'"),
        (line("value", "a", convert="time"), "makes timestamp"),
        (line("value", "a", convert="nonsense"), "no converter 'nonsense'"),
        (line("reputation.base_score", "a"), "needs"),
    ],
)
def test_a_mistake_names_its_line(rule: FieldRule, words: str) -> None:
    with pytest.raises(ContentError, match=words):
        maker("observable", rule, constants=(constant("type_id", "Hash"),))


@given(st.dictionaries(st.sampled_from(["ip", "ip6", "technique", "tactic"]), JSON))
def test_nothing_is_raised_on_data(record: dict[str, Any]) -> None:
    for item in gathered(record, ADDRESS, ATTACK) or []:
        assert item.keys() & {"value", "technique", "tactic"}
