"""Rules are checked with the tests that lie beside them.

`NAME.tests.yaml` beside `NAME.yml` holds `match:` and `no_match:`, each a list of records in native
field names (docs/reference/rule-tests.md).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from tocsin.detect.sigma.compilation import compile_plan
from tocsin.detect.sigma.matcher import Matcher
from tocsin.detect.sigma.parse import parse_rules
from tocsin.errors import ContentError
from tocsin.formats.located_yaml import load_located
from tocsin.model.content import ContentFile, Problem
from tocsin.model.logsources import LogsourceBinding
from tocsin.model.records import NativeRecord
from tocsin.model.rules import RuleState

TESTS = ".tests.yaml"
EXPECTATIONS = {"match": True, "no_match": False}


def check_rules(
    files: Sequence[ContentFile], bindings: Sequence[LogsourceBinding]
) -> list[Problem]:
    """Compile all rules of `files` together and run the tests beside them."""
    rules = [f for f in files if f.path.endswith((".yml", ".yaml")) and not f.path.endswith(TESTS)]
    tests = {f.path.removesuffix(TESTS): f for f in files if f.path.endswith(TESTS)}
    plan = compile_plan(parse_rules([(f.where, f.data) for f in rules]), bindings)
    problems = [
        Problem(status.where, f"{status.state.value}: {status.reason}", _severity(status.state))
        for status in plan.statuses
        if status.state is not RuleState.ACTIVE
    ]
    index_of = {rule.where: index for index, rule in enumerate(plan.rules)}
    matcher = Matcher(plan)
    for file in rules:
        test = tests.pop(file.path.rpartition(".")[0], None)
        if test is None:
            problems.append(Problem(file.where, "has no tests beside it", "warning"))
        elif file.where in index_of:
            problems += _run(test, index_of[file.where], matcher)
    return problems + [Problem(test.where, "lies beside no rule") for test in tests.values()]


def _severity(state: RuleState) -> str:
    return "error" if state is RuleState.UNSUPPORTED else "warning"


def _run(test: ContentFile, rule: int, matcher: Matcher) -> Iterator[Problem]:
    try:
        document = load_located(test.data, test.where)
    except ContentError as error:
        yield Problem(error.where, error.message)
        return
    cases = document.value
    if not isinstance(cases, Mapping) or not set(cases) <= set(EXPECTATIONS):
        yield Problem(document.at(), "holds `match:` and `no_match:` lists and nothing else")
        return
    for name, expected in EXPECTATIONS.items():
        if not isinstance(cases.get(name), list):
            yield Problem(document.at(), f"`{name}:` needs a list of at least one record")
            continue
        for number, fields in enumerate(cases[name]):
            message = _case(fields, rule, matcher, expected=expected)
            if message:
                yield Problem(document.at((name, number)), message)


def _case(fields: Any, rule: int, matcher: Matcher, *, expected: bool) -> str:
    if not isinstance(fields, dict):
        return "a record is a mapping of native field names to values"
    record = NativeRecord("test", "flat", fields)
    if ((0, rule) in matcher.match([record], [orjson.dumps(fields)])) is expected:
        return ""
    return f"the rule {'does not match' if expected else 'matches'} this record"
