"""Every document ends as a rule or with a reason, whatever it holds."""

from pathlib import Path

import orjson
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.detect.real_sets import sigma_files
from tests.detect.sigma_rules import Compile, rule

from tocsin.detect.sigma import compile_plan, parse_rules
from tocsin.model.findings import Level
from tocsin.model.logsources import LogsourceBinding
from tocsin.model.rules import RuleState, RuleStatus

SELECTION = {"selection": {"Image": "a"}}


def rejected(text: str | bytes) -> RuleStatus:
    data = text if isinstance(text, bytes) else text.encode()
    found = parse_rules([("site/rules/x.yml", data)])
    assert found.rules == ()
    return found.rejected[0]


def test_a_rule_says_what_it_is_about(compile_rules: Compile) -> None:
    tags = ["attack.t1059.001", "attack.defense_evasion", "attack.g0032", "cve.2021-1"]
    plan = compile_rules(rule(SELECTION, tags=tags, description=" Why. ", status="test"))
    about = plan.rules[0]
    assert about.techniques == ("T1059.001",)
    assert about.tactics == ("defense-evasion",)
    assert (about.level, about.status, about.description) == (Level.HIGH, "test", "Why.")
    assert plan.statuses[0].state is RuleState.ACTIVE
    assert plan.statuses[0].reason == ""


@pytest.mark.parametrize(
    ("text", "state", "reason"),
    [
        (b"\xff\xfe", RuleState.UNSUPPORTED, "not UTF-8"),
        ("a: [", RuleState.UNSUPPORTED, "not YAML"),
        ("a: 1\na: 2\n", RuleState.UNSUPPORTED, "not YAML"),
        ("- a", RuleState.UNSUPPORTED, "must be a mapping"),
        ("title: x", RuleState.UNSUPPORTED, "it has no logsource"),
        (rule({}, "nothing"), RuleState.UNSUPPORTED, "invalid rule"),
        (rule(SELECTION, "selection |"), RuleState.UNSUPPORTED, "invalid rule"),
        (rule(SELECTION, "other"), RuleState.UNSUPPORTED, "not defined"),
        (rule(SELECTION, "1 of other*"), RuleState.UNSUPPORTED, "doesn't match any"),
        (rule(SELECTION, "selection | count() > 3"), RuleState.UNSUPPORTED, "pipe"),
        (rule({**SELECTION, "timeframe": "5m"}), RuleState.UNSUPPORTED, "timeframe"),
        (rule({"selection": {"F|nothing": "a"}}), RuleState.UNSUPPORTED, "Unknown modifier"),
        (rule({"selection": {"F|re": "("}}), RuleState.UNSUPPORTED, "Regular expression"),
        (rule({"selection": {"F|cidr": "x"}}), RuleState.UNSUPPORTED, "CIDR"),
        (rule({"selection": {"F|expand": "%dcs%"}}), RuleState.INACTIVE, "placeholder %dcs%"),
        (rule(SELECTION, correlation={}), RuleState.UNSUPPORTED, "without type"),
        (rule(SELECTION, correlation=[]), RuleState.UNSUPPORTED, "no mapping"),
        (rule(SELECTION, filter={}), RuleState.UNSUPPORTED, "a filter without `rules`"),
        (rule(SELECTION, action="global"), RuleState.UNSUPPORTED, "action"),
    ],
)
def test_what_cannot_run_says_why(text: str | bytes, state: RuleState, reason: str) -> None:
    found = rejected(text)
    assert found.state is state
    assert reason.lower() in found.reason.lower()
    assert found.where.startswith("site/rules/x.yml")


def test_yaml_errors_name_the_line() -> None:
    assert rejected("title: x\nlevel: [\n").where == "site/rules/x.yml:3"


def test_a_file_may_hold_several_rules() -> None:
    second = rule(SELECTION, id="22222222-2222-2222-2222-222222222222")
    found = parse_rules([("x.yml", f"{rule(SELECTION)}\n---\n{second}\n".encode())])
    assert len(found.rules) == len({parsed.rule.rule_id for parsed in found.rules}) == 2


def test_the_later_of_two_rules_with_one_id_counts() -> None:
    files = [("a.yml", rule(SELECTION).encode()), ("b.yml", rule(SELECTION).encode())]
    found = parse_rules(files)
    assert [parsed.rule.where for parsed in found.rules] == ["b.yml"]
    assert [(s.where, s.state) for s in found.rejected] == [("a.yml", RuleState.INACTIVE)]


def test_the_digest_follows_the_content_and_not_its_form() -> None:
    text = rule(SELECTION)
    same = yaml.safe_dump(orjson.loads(text), sort_keys=True)
    other = rule({"selection": {"Image": "b"}})
    digests = [parse_rules([("x", t.encode())]).rules[0].rule.digest for t in (text, same, other)]
    assert digests[0] == digests[1] != digests[2]


def test_one_question_has_one_number() -> None:
    two = {"one": {"Image": "a", "User": "b"}, "two": {"Image": ["A", "c"]}}
    found = parse_rules([("x", rule(two, "one or two").encode())])
    assert len(found.predicates) == 3


def test_a_pattern_with_lookaround_runs_with_a_note(compile_rules: Compile) -> None:
    plan = compile_rules(rule({"selection": {"F|re": "a(?=b)"}}))
    assert plan.statuses[0].state is RuleState.ACTIVE
    assert "lookaround" in plan.statuses[0].reason


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.text(max_size=6)
    | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=5) | st.sampled_from(["F|re", "|all", "condition"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)
hostile = st.fixed_dictionaries(
    {},
    optional={
        "title": plain,
        "id": plain,
        "level": plain,
        "tags": plain,
        "logsource": plain | st.just({"product": "windows"}),
        "detection": plain | st.fixed_dictionaries({"s": plain, "condition": st.just("s") | plain}),
    },
)


@settings(max_examples=200)
@given(document=hostile)
def test_no_document_is_lost_and_none_raises(
    document: dict[str, object], logsources: tuple[LogsourceBinding, ...]
) -> None:
    data = yaml.safe_dump(document, allow_unicode=True).encode("utf-8", "replace")
    plan = compile_plan(parse_rules([("x.yml", data)]), logsources, use_hyperscan=False)
    assert len(plan.statuses) == 1
    assert (plan.statuses[0].state is RuleState.ACTIVE) == (len(plan.rules) == 1)


@settings(max_examples=200)
@given(
    data=st.binary(max_size=60)
    | st.text(alphabet="ab:-[]{}&*!|>'\"\n #%@,?", max_size=40).map(str.encode)
)
def test_no_bytes_raise(data: bytes) -> None:
    found = parse_rules([("x.yml", data)])
    assert found.rules == ()


@pytest.mark.data
def test_every_sigmahq_rule_is_read_or_waits_for_a_list(shared_data: Path) -> None:
    files = sigma_files(shared_data)
    found = parse_rules(files)
    assert len(found.rules) + len(found.rejected) == len(files) == 3_754
    assert {status.state for status in found.rejected} == {RuleState.INACTIVE}
    assert all(status.reason.startswith("placeholder") for status in found.rejected)
