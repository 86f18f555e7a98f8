"""What becomes of a finding: open, on trial, or hidden by an exception.

Whether an exception is in force is judged at the time the event was received, not at the time of
the clock: a replay of the same records ends the same, and an old record cannot use a lapsed one.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from tocsin.detect.exceptions.conditions import Question, question_of
from tocsin.detect.exceptions.entry import Effect, Entry
from tocsin.detect.exceptions.reading import read_entry
from tocsin.model.content import ContentFile, Problem
from tocsin.model.findings import Finding, Level, Standing
from tocsin.model.intelligence import RULE_PREFIX

FOLDER = "exceptions/"
STAGED = "rules/staged.txt"
"""Rules on trial: an id per line, whatever follows a `#` is for people."""

MAX_ENTRIES = 5_000

_SETTLED = (Standing.BUILDING, Standing.HIDDEN)

OUTSIDE = (RULE_PREFIX, "vendor/")
"""How ids of rules begin that no content holds: indicators, and what other tools alert of."""


class Exceptions:
    """All exceptions of a content set, found by rule and by source."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.entries = tuple(sorted(entries, key=_strength))
        self._questions = {entry.id: _questions(entry) for entry in self.entries}
        self._by_rule: dict[str, list[Entry]] = {}
        self._by_source: dict[str, list[Entry]] = {}
        for entry in self.entries:
            for rule in entry.rules:
                self._by_rule.setdefault(rule, []).append(entry)
            if entry.source:
                self._by_source.setdefault(entry.source, []).append(entry)

    def apply(self, finding: Finding, fields: Mapping[str, Any]) -> Finding:
        """The finding as an exception leaves it; `fields` are the native ones of its event.

        Those of a correlation are the values it grouped by. What hides goes before what lowers,
        and a critical finding is touched only by what a second person approved. What a warning
        list hid already stays as it is.
        """
        entries = self._by_rule.get(finding.rule_id)
        others = self._by_source.get(finding.source_id)
        if (entries is None and others is None) or finding.standing in _SETTLED:
            return finding
        for entry in _merged(entries, others):
            if self._touches(entry, finding) and self.covers(entry, finding, fields):
                return _changed(finding, entry)
        return finding

    def _touches(self, entry: Entry, finding: Finding) -> bool:
        if finding.level is Level.CRITICAL and not entry.approved:
            return False
        if entry.level is not None and entry.level.rank >= finding.level.rank:
            return False
        return entry.in_force(finding.received_at)

    def covers(self, entry: Entry, finding: Finding, fields: Mapping[str, Any]) -> bool:
        """Whether the conditions hold, whatever the dates say."""
        if entry.window is not None and not entry.window.holds(finding.time):
            return False
        return all(holds(fields, finding.entities) for holds in self._questions[entry.id])


def _strength(entry: Entry) -> tuple[bool, int, str]:
    """Hiding first, then the lowest level, then by id."""
    return entry.effect is not Effect.HIDE, entry.level.rank if entry.level else 0, entry.id


def _merged(one: list[Entry] | None, other: list[Entry] | None) -> list[Entry]:
    if one and other:
        return sorted([*one, *other], key=_strength)
    return one or other or []


def _questions(entry: Entry) -> list[Question]:
    return [question_of(condition) for condition in entry.conditions]


def _changed(finding: Finding, entry: Entry) -> Finding:
    if entry.level is None:
        return replace(finding, standing=Standing.HIDDEN, exception=entry.id)
    return replace(finding, level=entry.level, rule_level=finding.level, exception=entry.id)


class Standings:
    """What a site has decided about findings: its exceptions, and which rules are on trial."""

    def __init__(
        self, exceptions: Exceptions | None = None, staged: frozenset[str] = frozenset()
    ) -> None:
        self.exceptions = exceptions or Exceptions()
        self.staged = staged

    def of(self, finding: Finding, fields: Mapping[str, Any]) -> Finding:
        """The finding with its standing; costs two look-ups where nothing was decided.

        `fields` are the native fields of the event, for a correlation the values it grouped by.
        """
        decided = self.exceptions.apply(finding, fields)
        if finding.rule_id in self.staged and decided.standing is Standing.OPEN:
            return replace(decided, standing=Standing.STAGED)
        return decided


def compile_exceptions(
    files: Iterable[ContentFile], levels: Mapping[str, Level] | None = None
) -> tuple[Exceptions, list[Problem]]:
    """The exceptions in `files` (others are passed over) and everything that is wrong with them.

    `levels` are those of the rules that there are, by id; without them it is not checked that a
    rule exists and that two persons stand for the exception of a critical one. What is wrong is
    left out: then it hides nothing.
    """
    problems: list[Problem] = []
    entries: dict[str, Entry] = {}
    for file in files:
        if not file.path.startswith(FOLDER) or not file.path.endswith((".yaml", ".yml")):
            continue
        entry, found = read_entry(file)
        if entry is not None:
            found = _placed(entry, entries, levels)
        problems += found
        if entry is not None and not any(one.severity == "error" for one in found):
            entries[entry.id] = entry
    return Exceptions(entries.values()), problems


NO_FIELDS = "indicators look at OCSF events: a condition on their findings names an `entity:`"


def _of_indicators(entry: Entry) -> bool:
    return any(rule.startswith(RULE_PREFIX) for rule in entry.rules)


def _placed(
    entry: Entry, entries: Mapping[str, Entry], levels: Mapping[str, Level] | None
) -> list[Problem]:
    """What is wrong with an exception among the others and the rules."""
    if entry.id in entries:
        return [Problem(entry.where, f"{entries[entry.id].where} has the id {entry.id} already")]
    if len(entries) >= MAX_ENTRIES:
        return [Problem(entry.where, f"more than {MAX_ENTRIES:,} exceptions")]
    if any(one.field for one in entry.conditions) and _of_indicators(entry):
        return [Problem(entry.where, NO_FIELDS)]
    if levels is None:
        return []
    unknown = [r for r in entry.rules if r not in levels and not r.startswith(OUTSIDE)]
    problems = [
        Problem(entry.where, f"no active rule has the id {rule}", "warning") for rule in unknown
    ]
    critical = [rule for rule in entry.rules if levels.get(rule) is Level.CRITICAL]
    if critical and not entry.approved:
        text = f"the rule {critical[0]} is critical: that needs a second person, `approved_by:`"
        problems.append(Problem(entry.where, text))
    return problems


def staged_rules(files: Iterable[ContentFile]) -> frozenset[str]:
    """Ids of the rules on trial."""
    lines = [
        line.partition("#")[0].strip()
        for file in files
        if file.path == STAGED
        for line in file.data.decode("utf-8", "replace").splitlines()
    ]
    return frozenset(line for line in lines if line)


def compile_standings(
    files: Iterable[ContentFile], levels: Mapping[str, Level] | None = None
) -> tuple[Standings, list[Problem]]:
    """Everything that a content set's files decide about findings: see `compile_exceptions`."""
    files = tuple(files)
    exceptions, problems = compile_exceptions(files, levels)
    staged = staged_rules(files)
    if levels is not None:
        problems += [
            Problem(f"site/{STAGED}", f"no active rule has the id {rule}", "warning")
            for rule in sorted(staged - levels.keys())
        ]
    return Standings(exceptions, staged), problems
