"""What an exception would have done to the findings that are stored."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from tocsin import flow
from tocsin.app import parts
from tocsin.app.site import Site
from tocsin.detect.exceptions import Entry, Exceptions
from tocsin.errors import UsageError
from tocsin.formats.records import RawBatch, Stamp, to_envelope
from tocsin.model.content import ContentSet
from tocsin.model.findings import Finding
from tocsin.model.incidents import Grade
from tocsin.normalize import compile_sources
from tocsin.store import State

MOST_FINDINGS = 50_000
"""Newest findings of a rule that a preview looks at."""

SHOWN = 5
"""Examples in a preview."""


class Touched(msgspec.Struct, frozen=True):
    """An incident in which findings would have been missing, and the grade it was given."""

    incident_id: str
    findings: int
    grade: str


class Preview(msgspec.Struct, frozen=True):
    """What an exception would have done to the stored findings of its rule.

    `again` and `again_covered` are findings that the rule would have had on stored events before
    the oldest of these; days, hosts and examples are of both.
    """

    of: int
    covered: int
    by_day: tuple[tuple[str, int], ...]
    hosts: tuple[tuple[str, int], ...]
    incidents: tuple[Touched, ...]
    examples: tuple[Finding, ...]
    unreadable: int
    again: int = 0
    again_covered: int = 0

    @property
    def true_positives(self) -> list[Touched]:
        """Incidents touched that a person graded a true positive."""
        return [one for one in self.incidents if one.grade == Grade.TRUE_POSITIVE]


class Case(msgspec.Struct, frozen=True):
    """A stored finding and the native fields of the record that completed it.

    `again`: it is not stored, but the event is.
    """

    finding: Finding
    incident_id: str | None
    fields: Mapping[str, Any] | None
    again: bool = False


Earlier = Callable[[int | None], Iterable[Finding]]
"""What the rule says of stored events before its oldest stored finding (None: it has none)."""


class StoredCases:
    """The stored findings of one rule, as exceptions see them."""

    def __init__(
        self, site: Site, content: ContentSet, rule_id: str, earlier: Earlier, *, values: bool
    ) -> None:
        normalizer, problems = compile_sources(content)
        if normalizer is None:
            raise parts.first_error(problems)
        if not site.state.exists():
            raise UsageError("nothing is stored yet: `tocsin up` has to have seen the finding")
        self._normalizer = normalizer
        self._state = State(site.state, read_only=True)
        self._rule_id = rule_id
        self._earlier = earlier
        self.values = values
        self.taken = {Path(file.path).stem for file in content.under("exceptions/")}

    def cases(self) -> Iterator[Case]:
        """The newest findings, newest first, then those that the rule would have had before."""
        oldest, count = None, 0
        for finding, incident_id in self._state.findings.of_rule(self._rule_id, 0, MOST_FINDINGS):
            oldest, count = finding.time, count + 1
            yield Case(finding, incident_id, self.fields(finding))
        if count < MOST_FINDINGS and not self.values:
            for finding in self._earlier(oldest):
                yield Case(finding, None, self.fields(finding), again=True)

    def example(self, beginning: str) -> Mapping[str, Any]:
        """The fields of a finding of this rule."""
        finding = self._state.findings.one(beginning)
        if finding.rule_id != self._rule_id:
            raise UsageError(f"the finding {beginning} is one of the rule {finding.rule_id}")
        return self.fields(finding) or {}

    def fields(self, finding: Finding) -> Mapping[str, Any] | None:
        """The native fields of its event (of a correlation, what it grouped by)."""
        if self.values:
            return dict(finding.values)
        if finding.indicator is not None:
            return {}  # it looked at the OCSF event: only entities can be asked for
        for copy in finding.events[:1]:
            raw = copy.raw.encode()
            stamp = Stamp(finding.site, "stored", 0, finding.source_id, finding.received_at)
            rows = to_envelope(RawBatch([copy.origin], [0], [raw], size=len(raw)), stamp)
            for record in flow.decode(rows, self._normalizer).records:
                return record.fields
        return None

    def judged_by(self, entry: Entry, example: str) -> tuple[Preview, Case | None, Case | None]:
        """What the exception would have done, a case that it covers and one that it leaves.

        These are the newest; the finding whose id begins with `example` is taken before others.
        """
        exceptions = Exceptions([entry])
        days: Counter[str] = Counter()
        hosts: Counter[str] = Counter()
        incidents: Counter[str] = Counter()
        examples: list[Finding] = []
        newest: dict[bool, Case] = {}
        seen: Counter[bool] = Counter()
        held_of: Counter[bool] = Counter()
        unreadable = 0
        for case in self.cases():
            seen[case.again] += 1
            if case.fields is None:
                unreadable += 1
                continue
            held = exceptions.covers(entry, case.finding, case.fields)
            if example and case.finding.finding_id.startswith(example):
                newest[held] = case
            newest.setdefault(held, case)
            if not held:
                continue
            held_of[case.again] += 1
            days[day_of(case.finding.time)] += 1
            hosts.update({e.name for e in case.finding.entities if e.kind == "host"})
            incidents.update([case.incident_id] if case.incident_id else [])
            examples += [case.finding] if len(examples) < SHOWN else []
        preview = Preview(
            of=seen[False],
            covered=held_of[False],
            by_day=tuple(sorted(days.items())),
            hosts=tuple(hosts.most_common()),
            incidents=tuple(self._touched(i, n) for i, n in incidents.most_common()),
            examples=tuple(examples),
            unreadable=unreadable,
            again=seen[True],
            again_covered=held_of[True],
        )
        return preview, newest.get(True), newest.get(False)

    def _touched(self, incident_id: str, findings: int) -> Touched:
        verdicts = self._state.casebook.verdicts(incident_id)
        return Touched(incident_id, findings, verdicts[-1].grade.value if verdicts else "")


def day_of(at: int) -> str:
    """The UTC day of a time (us UTC), as 2026-11-23."""
    return datetime.fromtimestamp(at // 1_000_000, UTC).date().isoformat()
