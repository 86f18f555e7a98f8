"""Routing is correctness: a rule sees the records of its logsource and no others."""

from typing import Any

import pytest
from tests.detect.sigma_rules import SYSMON, Compile, fires, rule

from tocsin.detect.sigma import compile_plan, parse_rules
from tocsin.detect.sigma.logsources import load_logsources
from tocsin.errors import ContentError
from tocsin.model.logsources import LogsourceBinding
from tocsin.model.records import NativeRecord
from tocsin.model.rules import RuleState

POWERSHELL = "Microsoft-Windows-PowerShell/Operational"
ANYTHING = {"selection": {"Mark": "x"}}


def native(channel: Any, event: Any, shape: str = "flat", **fields: Any) -> NativeRecord:
    return NativeRecord("s", shape, {"Channel": channel, "EventID": event, "Mark": "x", **fields})


@pytest.mark.parametrize(
    ("logsource", "channel", "event", "expected"),
    [
        ({"product": "windows", "service": "security"}, "Security", 1, True),
        ({"product": "windows", "service": "security"}, "security", 1, True),
        ({"product": "windows", "service": "security"}, "System", 1, False),
        ({"product": "Windows", "service": "Security"}, "Security", 1, True),
        ({"product": "windows", "category": "process_creation"}, SYSMON, 1, True),
        ({"product": "windows", "category": "process_creation"}, SYSMON.upper(), "1", True),
        ({"product": "windows", "category": "process_creation"}, "Security", 4688, True),
        ({"product": "windows", "category": "process_creation"}, SYSMON, True, False),
        ({"product": "windows", "category": "process_creation"}, SYSMON, [1], True),
        ({"product": "windows", "category": "process_creation"}, SYSMON, 11, False),
        ({"product": "windows", "category": "process_creation"}, "Application", 1, False),
        ({"category": "process_creation"}, SYSMON, 1, True),
        ({"product": "windows", "category": "registry_set"}, SYSMON, 13, True),
        ({"product": "windows", "category": "registry_event"}, SYSMON, 14, True),
        ({"product": "windows", "category": "registry_set"}, SYSMON, 12, False),
        ({"product": "windows", "category": "ps_script"}, POWERSHELL, 4104, True),
        ({"product": "windows", "category": "ps_script"}, POWERSHELL, 4103, False),
        ({"product": "windows", "category": "file_event", "service": "sysmon"}, SYSMON, 11, True),
        ({"product": "windows"}, "Anything", 1, True),
        ({"product": "windows"}, None, None, True),
    ],
)
def test_a_record_reaches_the_rules_of_its_logsource(
    compile_rules: Compile, logsource: dict[str, str], channel: Any, event: Any, expected: bool
) -> None:
    plan = compile_rules(rule(ANYTHING, logsource=logsource))
    assert fires(plan, native(channel, event)) == [expected]


@pytest.mark.parametrize(
    "logsource",
    [
        {"product": "zeek", "service": "smb_files"},
        {"product": "linux", "category": "process_creation"},
        {"product": "linux"},
        {"category": "webserver"},
        {"product": "windows", "service": "not-known"},
        {"product": "windows", "category": "file_access"},
        {"product": "windows", "category": "file_event", "service": "security"},
    ],
)
def test_a_rule_that_no_source_feeds_is_inactive_and_silent(
    compile_rules: Compile, logsource: dict[str, str]
) -> None:
    plan = compile_rules(rule(ANYTHING, logsource=logsource))
    assert plan.rules == ()
    assert plan.statuses[0].state is RuleState.INACTIVE
    assert plan.statuses[0].reason == "no source delivers " + " ".join(
        f"{k}={v}" for k, v in logsource.items()
    )


def test_a_shape_that_is_not_promised_never_matches(compile_rules: Compile) -> None:
    plan = compile_rules(rule(ANYTHING, logsource={"product": "windows"}))
    assert fires(plan, native("Security", 1, shape="syslog")) == [False]


def test_rules_read_fields_under_the_names_of_their_events(compile_rules: Compile) -> None:
    wanted = {"Image|endswith": "\\a.exe", "User": "ann", "IntegrityLevel": "High"}
    plan = compile_rules(rule({"selection": wanted}))
    security = {"NewProcessName": "C:\\a.exe", "SubjectUserName": "Ann"}
    label = {"MandatoryLabel": "S-1-16-12288"}
    sysmon = {"Image": "C:\\a.exe", "User": "ann", "IntegrityLevel": "High"}
    assert fires(
        plan,
        native("Security", 4688, **security, **label),
        native("Security", 4688, **security, MandatoryLabel="S-1-16-8192"),
        native("Security", 4688, **sysmon),
        native(SYSMON, 1, **sysmon),
        native(SYSMON, 1, **security, **label),
    ) == [True, False, False, True, False]


def test_each_shape_has_its_own_names(compile_rules: Compile) -> None:
    wanted = {"selection": {"Provider_Name": "P", "Computer": "h"}}
    plan = compile_rules(rule(wanted, logsource={"product": "windows", "service": "system"}))
    older = {"log_name": "System", "event_id": 1, "source_name": "P", "computer_name": "h"}
    assert fires(
        plan,
        native("System", 1, SourceName="P", Hostname="H"),
        native("System", 1, ProviderName="P", Hostname="H"),
        native("System", 1, SourceName="Q", ProviderName="P", Hostname="H"),
        native("System", 1, shape="evtx", Provider_Name="P", Computer="H"),
        NativeRecord("s", "winlogbeat", older),
        native("System", 1, Provider_Name="P", Computer="H"),
    ) == [True, True, False, True, True, False]


def test_unnamed_event_data_is_searched_in_the_message(compile_rules: Compile) -> None:
    source = {"product": "windows", "category": "ps_classic_start"}
    plan = compile_rules(rule({"selection": {"Data|contains": "x=1"}}, logsource=source))
    assert fires(
        plan,
        native("Windows PowerShell", 400, Message="a\r\n\tX=1\r\n"),
        native("Windows PowerShell", 400, Data=["a", "x=1"], Message="-"),
        native("Windows PowerShell", 400, shape="evtx", Data="X=1"),
        native("Windows PowerShell", 400, shape="evtx", Message="x=1"),
    ) == [True, True, True, False]


def test_what_defender_finds_feeds_antivirus_rules(compile_rules: Compile) -> None:
    defender = "Microsoft-Windows-Windows Defender/Operational"
    wanted = {"selection": {"Signature|contains": "kiwi"}}
    plan = compile_rules(rule(wanted, logsource={"category": "antivirus"}))
    named = {"Threat Name": "HackTool:Win32/Kiwi"}
    assert fires(
        plan,
        native(defender, 1116, **named),
        native(defender, 1116, shape="evtx", ThreatName="Kiwi"),
        native(defender, 5001, **named),
    ) == [True, True, False]


def test_bindings_may_hold_for_named_sources_only() -> None:
    binding = LogsourceBinding(shape="flat", product="p", sources=("one",))
    text = rule(ANYTHING, logsource={"product": "p"})
    plan = compile_plan(parse_rules([("x", text.encode())]), [binding])
    ours, other = (NativeRecord(source, "flat", {"Mark": "x"}) for source in ("one", "two"))
    assert fires(plan, ours, other) == [True, False]


BASE = "product: p\nroute: {channel: C, event: E}\nshapes: {}\nservices: {}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "x.yaml:1: not YAML"),
        ("route: {channel: C, event: E}", "missing required field `product`"),
        (BASE + "categories: {}\nmore: 1", "unknown field `more`"),
        (BASE + "categories: {c: [{service: s, events: [1]}]}", "no service is called s"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ContentError, match=r"^x\.yaml") as caught:
        load_logsources("x.yaml", text.encode())
    assert message in str(caught.value)


def test_bindings_are_listed_one_by_one() -> None:
    text = b"""
product: zeek
bindings:
  - {shape: [tsv, json], service: dns, conditions: {_path: [dns, 7]}, fields: {q: [query]}}
  - {shape: json, category: dns, sources: [z], values: {rcode: {"3": NXDOMAIN}}}
"""
    tsv, json, category = load_logsources("f", text)
    assert (tsv.shape, json.shape, tsv.service, tsv.category) == ("tsv", "json", "dns", "")
    assert tsv.conditions == {"_path": ("dns", 7)}
    assert tsv.fields == {"q": ("query",)}
    assert (category.category, category.sources) == ("dns", ("z",))
    assert category.values == {"rcode": {"3": "NXDOMAIN"}}


def test_services_without_a_route_are_an_error() -> None:
    with pytest.raises(ContentError, match="route"):
        load_logsources("f", b"product: p\nservices: {s: [a]}\n")
