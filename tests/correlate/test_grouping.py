import pytest
from tests.correlate.findings import (
    HOUR,
    MINUTE,
    address,
    finding,
    host,
    process,
    session,
    user,
)

from tocsin.correlate.grouping import (
    Grouping,
    anchors,
    is_core,
    noise_key,
    progress,
    signature,
    stage_of,
    ties,
    traces,
    users_of,
)
from tocsin.model.findings import Entity, Level

WINDOWS = Grouping()
RICH = finding(
    1,
    0,
    host("ws01"),
    process("g1", "winword.exe", "parent"),
    process("ws01#44"),
    session("ws01", 0x77),
    user("ann"),
    Entity("user", "builtin:system", "SYSTEM"),
    address("10.0.0.5"),
)


def test_what_ties_at_once_has_a_window_and_a_reason() -> None:
    assert [(tie.key, tie.window, tie.reason) for tie in ties(RICH, WINDOWS)[1:]] == [
        ("p|g1@ws01", 24 * HOUR, "child of process winword.exe (g1) on ws01"),
        ("p|ws01#44", 10 * MINUTE, "same process cmd.exe (ws01#44) on ws01"),
        ("s|ws01|0x77", 4 * HOUR, "logon session 0x77 on ws01"),
        ("b|ws01|theshire\\ann", 30 * MINUTE, "user THESHIRE\\ann on ws01"),
    ]


def test_what_may_be_shared_names_who_shares_it() -> None:
    assert [(trace.key, trace.member) for trace in traces(RICH, WINDOWS)] == [
        ("h|ws01", "u:theshire\\ann"),
        ("u|theshire\\ann", "h:ws01"),
        ("a|10.0.0.5", "h:ws01"),
    ]


@pytest.mark.parametrize("name", ["ws01", "ann", "theshire\\ann", "10.0.0.5"])
def test_a_named_hub_is_no_trace(name: str) -> None:
    named = Grouping(hubs=frozenset({name}))
    assert len(list(traces(RICH, named))) == 2


def test_low_findings_anchor_on_the_strongest_first() -> None:
    keys = [key for key, _, _ in anchors(ties(RICH, WINDOWS), list(traces(RICH, WINDOWS)), WINDOWS)]
    assert [key[0] for key in keys] == ["p", "p", "s", "b", "h", "a"]


def test_a_repeat_is_the_rule_and_what_it_is_about_but_not_the_process() -> None:
    first = finding(1, 0, host("ws01"), user("ann"), process("g1"))
    second = finding(2, 9, user("ann"), host("ws01"), process("g2"))
    other = finding(3, 9, user("bob"), host("ws01"))
    assert signature(first) == signature(second) != signature(other)
    assert noise_key(first) == noise_key(other)


@pytest.mark.parametrize("level", list(Level))
def test_medium_and_above_make_incidents(level: Level) -> None:
    assert is_core(finding(1, 0, level=level)) is (level.rank >= 2)


def test_subjects_come_before_targets() -> None:
    target = Entity("user", "a\\target", "target", "target")
    assert [e.key for e in users_of(finding(1, 0, target, user("ann")))] == [
        "theshire\\ann",
        "a\\target",
    ]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (("execution",), ("persistence",), "persistence after execution"),
        (("persistence",), ("execution",), ""),
        (("execution",), ("execution",), ""),
        (("execution", "impact"), ("exfiltration",), ""),
        ((), ("impact",), ""),
        (("execution",), ("no-tactic",), ""),
        (("initial_access",), ("Stealth",), "defense-evasion after initial-access"),
    ],
)
def test_an_attack_goes_on_when_a_later_tactic_follows(
    before: tuple[str, ...], after: tuple[str, ...], expected: str
) -> None:
    stages = [stage_of(finding(n, 0, tactics=names)) for n, names in enumerate((before, after))]
    assert progress(*stages) == expected


def test_a_process_is_one_on_one_host_only() -> None:
    keys = [
        {tie.key for tie in ties(finding(n, 0, host(name), process("g1")), WINDOWS)}
        for n, name in enumerate(["ws01", "ws02"])
    ]
    assert keys[0].isdisjoint(keys[1])
