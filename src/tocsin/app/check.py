"""Content is checked by the stage that reads it, with the tests that the content carries."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import orjson
import yaml

from tocsin.app.parts import logsources
from tocsin.app.samples import Seen, as_fields, look_at, stand_in
from tocsin.app.selecting import NO_TRIAL, critical_shipped
from tocsin.collect.pollers.declaration import check_pollers
from tocsin.correlate.hubs import grouping_of
from tocsin.detect.exceptions import (
    OUTSIDE,
    STAGED,
    Entry,
    Exceptions,
    Standings,
    compile_standings,
    staged_rules,
)
from tocsin.detect.exceptions.entry import DAY
from tocsin.detect.sigma import Matcher, compile_plan, parse_rules
from tocsin.detect.sigma.rule_tests import TESTS, check_rules
from tocsin.enrich.attack.components import component_errors
from tocsin.enrich.attack.crosswalk import crosswalk_errors
from tocsin.errors import ContentError
from tocsin.flow import Compiled
from tocsin.model.content import ContentFile, ContentSet, Problem
from tocsin.model.findings import Finding, Level
from tocsin.normalize import compile_sources
from tocsin.normalize.check import check_sources
from tocsin.normalize.quality import Meter
from tocsin.normalize.quality.thresholds import check_thresholds
from tocsin.store.retention import policy_of

WARN_DAYS = 14
"""Days before an exception expires from which on the check warns of it."""


def check_content(content: ContentSet, now: int) -> list[Problem]:
    """Every problem of a content set at the time `now` (us UTC), in order of place."""
    problems = check_sources(content)
    problems += check_rules(list(content.under("rules/")), logsources(content))
    problems += check_exceptions(content, now)
    problems += check_trials(content)
    problems += [
        Problem(error.where, error.message)
        for error in (
            *crosswalk_errors(content.under("attack/")),
            *component_errors(content.under("attack/")),
        )
    ]
    problems += check_hubs(content)
    problems += check_retention(content)
    problems += check_thresholds(content.files)
    problems += check_pollers(content.files)
    return sorted(problems, key=lambda problem: (problem.where, problem.message))


def check_hubs(content: ContentSet) -> list[Problem]:
    """The hubs that a site names."""
    try:
        grouping_of(content.files)
    except ContentError as error:
        return [Problem(error.where, error.message)]
    return []


def check_retention(content: ContentSet) -> list[Problem]:
    """How long things are to be kept."""
    try:
        policy_of(content.files)
    except ContentError as error:
        return [Problem(error.where, error.message)]
    return []


def check_trials(content: ContentSet) -> list[Problem]:
    """Rules on trial that one person may not put there."""
    serious = critical_shipped(content)
    return [
        Problem(f"site/{STAGED}", f"'{serious[rule]}' ({rule}) {NO_TRIAL}")
        for rule in sorted(staged_rules(content.files) & serious.keys())
    ]


def check_exceptions(content: ContentSet, now: int) -> list[Problem]:
    """Exceptions: their form, the rules that they name, their dates, and their own tests."""
    standings, wrong = compile_standings(content.files)
    if not standings.exceptions.entries and not standings.staged:
        return wrong
    named = {rule for entry in standings.exceptions.entries for rule in entry.rules}
    files = _files_with(content, named | standings.staged)
    levels = dict(_levels(files))
    standings, problems = compile_standings(content.files, levels)
    entries = standings.exceptions.entries
    problems += [problem for entry in entries for problem in _dates(entry, now)]
    normalizer, _ = compile_sources(content)
    if normalizer is None or not entries:
        return problems
    rules = parse_rules([(file.where, file.data) for file in files])
    plan = compile_plan(rules, logsources(content))
    compiled = Compiled(normalizer, plan, Matcher(plan), Standings(), Meter(normalizer.sources))
    for entry in entries:
        problems += _Trial(entry, compiled).problems()
    return problems


def _files_with(content: ContentSet, rule_ids: Collection[str]) -> list[ContentFile]:
    """The rule files in which one of these ids stands."""
    wanted = [rule.encode() for rule in rule_ids]
    return [
        file
        for file in content.under("rules/")
        if file.path.endswith((".yml", ".yaml"))
        and not file.path.endswith(TESTS)
        and any(rule in file.data for rule in wanted)
    ]


def _levels(files: Collection[ContentFile]) -> Iterator[tuple[str, Level]]:
    """Id and level of every rule and correlation in `files`; unreadable ones are told elsewhere."""
    for file in files:
        try:
            documents = list(yaml.safe_load_all(file.data))
        except (yaml.YAMLError, ValueError):
            continue
        for document in documents:
            if isinstance(document, dict) and "id" in document:
                level = str(document.get("level", "")).lower()
                known = level in Level._value2member_map_
                yield str(document["id"]), Level(level) if known else Level.INFORMATIONAL


def _dates(entry: Entry, now: int) -> Iterator[Problem]:
    """Warnings of what lapsed, lapses soon, or is not yet in force."""
    days = -(-(entry.expires - now) // DAY)
    if entry.expires <= now:
        yield Problem(entry.where, "expired: it has no effect any more", "warning")
    elif days <= WARN_DAYS:
        yield Problem(entry.where, f"expires in {days} days: look at it again", "warning")
    if entry.created > now:
        yield Problem(entry.where, "created in the future: it has no effect yet", "warning")


class _Trial:
    """The tests of one exception, run on the records that it carries."""

    def __init__(self, entry: Entry, compiled: Compiled) -> None:
        self._entry = entry
        self._compiled = compiled
        self._exceptions = Exceptions([entry])
        self._records = {rule.rule_id for rule in compiled.plan.rules} & set(entry.rules)
        self._outside = any(rule.startswith(OUTSIDE) for rule in entry.rules)

    def problems(self) -> Iterator[Problem]:
        """What the tests show to be wrong, with the line of the record."""
        place = self._entry.where
        for line, record in self._entry.covers:
            if why := self._of(record, covered=True):
                yield Problem(f"{place}:{line}", why)
        for line, record in self._entry.leaves:
            if why := self._of(record, covered=False):
                yield Problem(f"{place}:{line}", why)

    def _of(self, record: Mapping[str, Any] | str, *, covered: bool) -> str:
        if self._entry.rules and not self._records and not self._outside:
            return self._of_values(record, covered=covered)
        seen = self._seen(record)
        if seen is None:
            return "no source recognizes this record"
        findings = self._findings(seen)
        if not findings and not covered and (self._entry.broad or self._entry.approved):
            return ""  # it may cover all that its rules say: what they leave is what it leaves
        if not findings:
            return "none of its rules fires on this record, so that it shows nothing"
        held = any(self._exceptions.covers(self._entry, f, seen.record.fields) for f in findings)
        return _said(held, covered)

    def _seen(self, record: Mapping[str, Any] | str) -> Seen | None:
        """What the record is: as it would arrive, or (a mapping) as the rules would see it."""
        raw = record.encode() if isinstance(record, str) else orjson.dumps(record, default=str)
        sources = (None, *(spec.id for spec in self._compiled.normalizer.sources))
        seen = look_at(raw, self._compiled, self._entry.created, source_ids=sources)
        if seen is not None or isinstance(record, str):
            return seen
        return as_fields(record, self._compiled, self._entry.created)

    def _findings(self, seen: Seen) -> list[Finding]:
        if self._entry.source:
            right = seen.record.source_id == self._entry.source
            return [stand_in(seen.record.source_id, seen.time, seen.entities)] if right else []
        found = [f for f in seen.findings if f.rule_id in self._entry.rules]
        if self._outside:  # an indicator or another tool may speak of any record
            found.append(stand_in(seen.record.source_id, seen.time, seen.entities))
        return found

    def _of_values(self, record: Mapping[str, Any] | str, *, covered: bool) -> str:
        """The test of a correlation: the values that it groups by."""
        if isinstance(record, str):
            return "a test of a correlation is a mapping of the fields that it groups by"
        finding = stand_in("", self._entry.created, ())
        return _said(self._exceptions.covers(self._entry, finding, record), covered)


def _said(held: bool, covered: bool) -> str:  # noqa: FBT001 - two plain truths
    if held is covered:
        return ""
    return "the exception covers this record" if held else "the exception leaves this record"
