"""Rules are checked with the tests that lie beside them.

`NAME.tests.yaml` beside `NAME.yml` holds `match:` and `no_match:`, each a list of records in native
field names, or for a correlation rule of lists of records (docs/reference/rule-tests.md).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from tocsin.detect.sigma.carried import values_of
from tocsin.detect.sigma.compilation import compile_plan
from tocsin.detect.sigma.filters import unapproved
from tocsin.detect.sigma.matcher import Matcher
from tocsin.detect.sigma.parse import parse_rules
from tocsin.detect.sigma.placeholders import is_placeholders
from tocsin.detect.sigma.windows.correlation import Correlation
from tocsin.detect.sigma.windows.replay import replay
from tocsin.errors import ContentError
from tocsin.formats.located_yaml import load_located
from tocsin.model.content import ContentFile, Problem
from tocsin.model.findings import Finding, finding_id
from tocsin.model.logsources import LogsourceBinding
from tocsin.model.records import NativeRecord
from tocsin.model.rules import RuleState

TESTS = ".tests.yaml"
EXPECTATIONS = {"match": True, "no_match": False}
SHAPE, SOURCE = "shape", "source"
"""What else a tests file may say: how its records are written (`flat`), and by which source."""

AT = "@at"
"""Key of a record of a correlation's test: its second."""


def check_rules(
    files: Sequence[ContentFile], bindings: Sequence[LogsourceBinding]
) -> list[Problem]:
    """Compile all rules of `files` together and run the tests beside them."""
    rules = [f for f in files if f.path.endswith((".yml", ".yaml")) and not f.path.endswith(TESTS)]
    tests = {f.path.removesuffix(TESTS): f for f in files if f.path.endswith(TESTS)}
    bench = _Bench([(f.where, f.data) for f in rules], bindings)
    problems = [
        Problem(status.where, f"{status.state.value}: {status.reason}", _severity(status.state))
        for status in bench.plan.statuses
        if status.state is not RuleState.ACTIVE
    ]
    problems += bench.unapproved
    for file in rules:
        test = tests.pop(file.path.rpartition(".")[0], None)
        if test is None:
            if bench.is_testable(file.where):
                problems.append(Problem(file.where, "has no tests beside it", "warning"))
        elif bench.holds(file.where):
            problems += _run(test, file.where, bench)
    return problems + [Problem(test.where, "lies beside no rule") for test in tests.values()]


def _severity(state: RuleState) -> str:
    return "error" if state is RuleState.UNSUPPORTED else "warning"


class _Bench:
    """All rules, compiled once, and which of them a file is about."""

    def __init__(
        self, files: Sequence[tuple[str, bytes]], bindings: Sequence[LogsourceBinding]
    ) -> None:
        parsed = parse_rules(files)
        self._filters = {one.rule.where for one in parsed.filters}
        self.unapproved = list(unapproved(parsed.filters, parsed.rules))
        self.plan = compile_plan(parsed, bindings)
        self._matcher = Matcher(self.plan)
        self._rules = {rule.where: index for index, rule in enumerate(self.plan.rules)}
        self._wholes = {one.rule.where: one for one in self.plan.correlations}

    def is_testable(self, where: str) -> bool:
        """True for all but lists and filters."""
        return not is_placeholders(where) and where not in self._filters

    def holds(self, where: str) -> bool:
        """True when the file has a rule that can fire."""
        return where in self._rules or where in self._wholes

    def correlation(self, where: str) -> Correlation | None:
        """The file's last correlation in order of what refers to what: the outermost."""
        return self._wholes.get(where)

    def fires(self, where: str, record: NativeRecord) -> bool:
        """Whether the file's rule holds on a record."""
        hits = self._matcher.match([record], [orjson.dumps(record.fields)])
        return (0, self._rules[where]) in hits

    def concludes(self, where: str, records: Sequence[tuple[int, NativeRecord]]) -> bool:
        """Whether the file's correlation fires on (time in us, record) pairs."""
        found = [record for _, record in records]
        hits = self._matcher.match(found, [orjson.dumps(record.fields) for record in found])
        findings = [self._finding(row, rule, *records[row]) for row, rule in hits]
        wanted = self._wholes[where].rule.rule_id
        return any(one.rule_id == wanted for one in replay(self.plan.correlations, findings))

    def _finding(self, row: int, number: int, time: int, record: NativeRecord) -> Finding:
        rule = self.plan.rules[number]
        return Finding(
            finding_id=finding_id(rule.rule_id, rule.digest, (str(row),)),
            rule_id=rule.rule_id,
            rule_digest=rule.digest,
            title=rule.title,
            level=rule.level,
            techniques=(),
            time=time,
            event_uids=(str(row),),
            matched=(),
            entities=(),
            events=(),
            site="",
            source_id=record.source_id,
            content_id="",
            values=values_of(self.plan, number, record),
        )


def _run(test: ContentFile, where: str, bench: _Bench) -> Iterator[Problem]:
    try:
        document = load_located(test.data, test.where)
    except ContentError as error:
        yield Problem(error.where, error.message)
        return
    cases = document.value
    if not isinstance(cases, Mapping) or not set(cases) <= {*EXPECTATIONS, SHAPE, SOURCE}:
        yield Problem(document.at(), "holds `match:` and `no_match:` lists and nothing else")
        return
    written = (str(cases.get(SOURCE, "test")), str(cases.get(SHAPE, "flat")))
    for name, expected in EXPECTATIONS.items():
        if not isinstance(cases.get(name), list):
            yield Problem(document.at(), f"`{name}:` needs a list of at least one record")
            continue
        for number, case in enumerate(cases[name]):
            message = _case(case, where, bench, written, expected=expected)
            if message:
                yield Problem(document.at((name, number)), message)


def _case(case: Any, where: str, bench: _Bench, written: tuple[str, str], *, expected: bool) -> str:
    if bench.correlation(where) is not None:
        return _sequence(case, where, bench, written, expected=expected)
    if not isinstance(case, dict):
        return "a record is a mapping of native field names to values"
    if bench.fires(where, NativeRecord(*written, case)) is expected:
        return ""
    return f"the rule {'does not match' if expected else 'matches'} this record"


def _sequence(
    case: Any, where: str, bench: _Bench, written: tuple[str, str], *, expected: bool
) -> str:
    if not isinstance(case, list) or not all(
        isinstance(one, dict) and isinstance(one.get(AT, 0), int | float) for one in case
    ):
        return f"a case of a correlation is a list of records, each with its second as '{AT}'"
    records = [
        (
            round(one.get(AT, 0) * 1_000_000),
            NativeRecord(*written, {key: value for key, value in one.items() if key != AT}),
        )
        for one in case
    ]
    if bench.concludes(where, records) is expected:
        return ""
    return f"the correlation {'does not fire' if expected else 'fires'} on these records"
