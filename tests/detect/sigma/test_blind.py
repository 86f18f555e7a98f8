"""A rule is inactive for want of a field only when no record without it can make it fire."""

from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.detect.real_sets import archive_lines, flat_record, windows_archives
from tests.detect.sigma_rules import SYSMON, Compile, fires, record, rule

from tocsin.detect.sigma import Plan, compile_plan, parse_rules
from tocsin.detect.sigma.evaluation import readers
from tocsin.model.logsources import LogsourceBinding
from tocsin.model.rules import RuleState, RuleStatus

OPEN = LogsourceBinding(shape="flat", product="windows", category="process_creation")
NAMES = ["F", "G", "H"]


def compiled(text: str, *bindings: LogsourceBinding) -> Plan:
    return compile_plan(parse_rules([("r.yml", text.encode())]), bindings, use_hyperscan=False)


def status(text: str, *never: str, known: tuple[str, ...] = ()) -> RuleStatus:
    binding = msgspec.structs.replace(OPEN, never=never, known=known)
    return compiled(text, binding).statuses[0]


ITEMS: list[dict[str, Any]] = [
    *({name: "a"} for name in NAMES),
    {"F": None},
    {"F|exists": True},
    {"F|exists": False},
    {"F|neq": "a"},
    {"F|fieldref": "G"},
    {"G|contains": "a", "F|re": "a"},
    {"F": ["", "a", None]},
    {"F|cidr": "10.0.0.0/8", "H": "a"},
    {"F|gt": 3},
]
conditions = st.recursive(
    st.sampled_from([f"s{n}" for n in range(len(ITEMS))]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" and ", " or "]), inner).map(
            lambda t: f"({''.join(t)})"
        ),
        inner.map(lambda text: f"not {text}"),
    ),
    max_leaves=4,
)
values = st.sampled_from([None, "", "a", "b", "10.0.0.1", 5, ["a", "b"]])
records = st.lists(st.dictionaries(st.sampled_from(NAMES), values), min_size=1, max_size=8)


@given(conditions, st.frozensets(st.sampled_from(NAMES), min_size=1), records)
def test_an_inactive_rule_holds_for_no_record_without_the_field(
    condition: str, never: frozenset[str], found: list[dict[str, Any]]
) -> None:
    text = rule({f"s{n}": item for n, item in enumerate(ITEMS)}, condition)
    if status(text, *never).state is RuleState.INACTIVE:
        plan = compiled(text, OPEN)
        for fields in found:
            seen = record({name: v for name, v in fields.items() if name not in never})
            assert not any(reader.holds(plan.trees[0]) for reader in readers(plan, 0, seen))


@pytest.mark.parametrize(
    ("detection", "condition", "never", "reason"),
    [
        ({"s": {"F": "a"}}, "s", ("F",), "no source delivers F, which it needs"),
        ({"s": {"F": "a", "G": "b"}}, "s", ("G",), "no source delivers G, which it needs"),
        (
            {"s": {"F": "a", "G": "b"}},
            "s",
            ("F", "G"),
            "no source delivers F and G, which it needs",
        ),
        ({"s": [{"F": "a"}, {"G": "b"}]}, "s", ("F",), ""),
        ({"s": [{"F": "a"}, {"G": "b"}]}, "s", ("F", "G"), "no source delivers F or G,"),
        ({"s": {"F": None}}, "s", ("F",), ""),
        ({"s": {"F|exists": True}}, "s", ("F",), "no source delivers F,"),
        ({"s": {"F|exists": False}}, "s", ("F",), ""),
        ({"s": {"G": "b"}, "f": {"F": "a"}}, "s and not f", ("F",), ""),
        ({"s": {"G|fieldref": "F"}}, "s", ("F",), "no source delivers F,"),
        ({"s": {"F|neq": "a"}}, "s", ("F",), ""),
        ({"s": ["word"], "f": {"F": "a"}}, "s or f", ("F",), ""),
    ],
)
def test_what_a_rule_needs(
    detection: dict[str, Any], condition: str, never: tuple[str, ...], reason: str
) -> None:
    found = status(rule(detection, condition), *never)
    assert found.reason.startswith(reason)
    assert found.state is (RuleState.INACTIVE if reason else RuleState.ACTIVE)


def test_one_logsource_that_has_the_field_is_enough() -> None:
    without = msgspec.structs.replace(OPEN, never=("F",))
    other = msgspec.structs.replace(OPEN, shape="evtx", never=("G",))
    needs_f, needs_both = rule({"s": {"F": "a"}}, "s"), rule({"s": {"F": "a", "G": "b"}}, "s")
    assert compiled(needs_f, without, other).statuses[0].state is RuleState.ACTIVE
    found = compiled(needs_both, without, other).statuses[0]
    assert (found.state, found.reason) == (
        RuleState.INACTIVE,
        "no source delivers F or G, which it needs",
    )


def test_a_field_that_a_collector_may_add_leaves_the_rule_active() -> None:
    found = status(rule({"s": {"Commandline": "a"}}, "s"), known=("CommandLine",))
    assert found.state is RuleState.ACTIVE
    assert found.reason == "it needs Commandline, which no source here is known to deliver"
    assert not status(rule({"s": {"CommandLine": "a"}}, "s"), known=("CommandLine",)).reason


def test_shipped_logsources_say_what_sysmon_never_writes(compile_rules: Compile) -> None:
    needs = {"s": {"ParentImage": "a", "TargetFilename": "b"}}
    logsource = {"product": "windows", "category": "file_event"}
    plan = compile_rules(rule(needs, "s", id="1", logsource=logsource), rule(needs, "s", id="2"))
    states = {one.rule_id: one.state for one in plan.statuses}
    assert states == {"1": RuleState.INACTIVE, "2": RuleState.ACTIVE}
    seen = record({"ParentImage": "a", "TargetFilename": "b"})
    assert fires(plan, seen) == [True]


@pytest.mark.data
def test_real_events_have_no_field_that_is_denied_and_only_known_ones(
    shared_data: Path, logsources: tuple[LogsourceBinding, ...]
) -> None:
    routed: dict[tuple[str, int], list[LogsourceBinding]] = {}
    for binding in logsources:
        if binding.shape == "flat" and binding.known:
            channels, events = binding.conditions["Channel"], binding.conditions["EventID"]
            for key in ((str(c).lower(), int(e)) for c in channels for e in events):
                routed.setdefault(key, []).append(binding)
    seen: dict[tuple[str, int], set[str]] = {}
    for archive in windows_archives(shared_data)[::4]:
        for line in islice(archive_lines(archive), 1_500):
            found = flat_record(line)
            if found is not None:
                key = (str(found.fields["Channel"]).lower(), int(found.fields["EventID"]))
                if key in routed:
                    seen.setdefault(key, set()).update(found.fields)
    assert (SYSMON.lower(), 1) in seen
    for key, names in seen.items():
        for binding in routed[key]:
            ours = {name for name in names if not binding.expects(name)}
            assert not ours - COLLECTORS, (key, binding.category)
            assert not {name for name in names if binding.lacks(name)}


COLLECTORS = {"ERROR_EVT_UNRESOLVED", "AccountName", "AccountType"}
"""What the collector of these sets adds to events."""
