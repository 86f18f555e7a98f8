"""An independent evaluator of correlation rules: from raw YAML, event by event, sharing nothing.

It follows the definition in docs/explanation/correlations.md in the plainest way: for every moment
it lists the events of the window and asks the question anew. Whether a base rule holds is asked of
`naive_oracle`.
"""

import ast
import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import partial
from typing import Any, NamedTuple

from tests.detect.naive_oracle import Logsources, NaiveRule, Names

Fields = Mapping[str, Any]
SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


class Moment(NamedTuple):
    """What a correlation counts: an event of a base rule, or a moment of a correlation."""

    time: int
    order: str
    rule: str
    event: int
    counts_as: str
    texts: Callable[[str], list[str]]
    events: frozenset[int]


class Said(NamedTuple):
    """What a correlation must say; comparable with a finding. Times are microseconds."""

    rule: str
    group: tuple[str, ...]
    start: int
    time: int
    measure: str
    events: frozenset[int]


class Correlations:
    """All documents of a case and the records they are asked about."""

    def __init__(self, documents: list[dict[str, Any]], logsources: Logsources, shape: str) -> None:
        self.documents = documents
        self.shape = shape
        self.rules = {
            d["id"]: NaiveRule(d, logsources, [shape]) for d in documents if "detection" in d
        }
        self.said: dict[str, set[Said]] = {}
        self.moments: dict[str, list[Moment]] = {}

    def run(self, events: list[tuple[int, str, Fields]]) -> set[Said]:
        """`events` are (time, order among equals, fields)."""
        for rule_id, rule in self.rules.items():
            self.moments[rule_id] = [
                Moment(
                    time,
                    f"{rule_id}{order}",
                    rule_id,
                    number,
                    f"{rule_id} {number}",
                    partial(self._named_by(rule, fields).values_of, fields),
                    frozenset([number]),
                )
                for number, (time, order, fields) in enumerate(events)
                if rule.matches(self.shape, fields)
            ]
        waiting = [d for d in self.documents if "correlation" in d]
        while waiting:
            ready = [d for d in waiting if all(r in self.moments for r in self._refs(d))]
            assert ready, "a circle"
            for document in ready:
                self._correlate(document)
            waiting = [d for d in waiting if d["id"] not in self.moments]
        return set().union(*self.said.values())

    def _named_by(self, rule: NaiveRule, fields: Fields) -> Names:
        """How the logsource that the record is of calls its fields."""
        return next(names for names, test in rule.way(self.shape) if test(fields))

    def _refs(self, document: dict[str, Any]) -> list[str]:
        section = document["correlation"]
        named = section.get("rules") or _words(section["condition"])
        ids = []
        for name in [named] if isinstance(named, str) else named:
            found = [d["id"] for d in self.documents if name in (d["id"], d.get("name"))]
            assert len(found) == 1, name
            ids += found
        return ids

    def _correlate(self, document: dict[str, Any]) -> None:
        section = document["correlation"]
        self.said[document["id"]] = set()
        self.moments[document["id"]] = []
        group_by = section.get("group-by", [])
        found: dict[tuple[str, ...], list[Moment]] = {}
        for rule in dict.fromkeys(self._refs(document)):
            for moment in self.moments[rule]:
                texts = [self._texts(document, moment, name) for name in group_by]
                for group in itertools.product(*({t.lower() for t in ts} for ts in texts)):
                    found.setdefault(tuple(group), []).append(moment)
        for group, moments in found.items():
            moments.sort(key=lambda m: (m.time, m.order))
            self._group(document, group, moments)

    def _texts(self, document: dict[str, Any], moment: Moment, name: str) -> list[str]:
        """A field of the correlation on a moment, by its alias where it has one."""
        for rule, field in document["correlation"].get("aliases", {}).get(name, {}).items():
            if moment.rule in [d["id"] for d in self.documents if rule in (d["id"], d.get("name"))]:
                return moment.texts(field)
        return moment.texts(name)

    def _group(
        self, document: dict[str, Any], group: tuple[str, ...], moments: list[Moment]
    ) -> None:
        span = _span(document["correlation"]["timespan"])
        windows = self._slots if self._grows(document) else self._ended
        for start, time, measure, inside, held in windows(document, moments, span):
            events = frozenset(e for m in inside for e in m.events)
            said = Said(document["id"], group, start, time, _text(measure), events)
            self.said[document["id"]].add(said)
            for moment, window in held:
                self.moments[document["id"]].append(
                    Moment(
                        moment.time,
                        f"{document['id']}{moment.order}",
                        document["id"],
                        moment.event,
                        f"{document['id']} {group} {start}",
                        partial(self._texts, document, moment),
                        frozenset(e for m in window for e in m.events),
                    )
                )

    def _slots(
        self, document: dict[str, Any], moments: list[Moment], span: int
    ) -> Iterator[tuple[int, int, Any, list[Moment], list[tuple[Moment, list[Moment]]]]]:
        def window(time: int) -> list[Moment]:
            return [m for m in moments if time - span <= m.time <= time]

        holding = {}
        for moment in moments:
            measure = self._measure(document, window(moment.time))
            if measure is not None:
                holding[moment.time] = measure
        for slot in {time // span for time in holding}:
            times = [time for time in holding if time // span == slot]
            inside = [m for m in moments if min(times) - span <= m.time <= max(times)]
            held = [(m, window(m.time)) for m in moments if m.time in times]
            yield slot * span, min(times), max(holding[t] for t in times), inside, held

    def _ended(
        self, document: dict[str, Any], moments: list[Moment], span: int
    ) -> Iterator[tuple[int, int, Any, list[Moment], list[tuple[Moment, list[Moment]]]]]:
        rest = moments
        while rest:
            end = rest[0].time + span
            inside = [m for m in rest if m.time <= end]
            rest = [m for m in rest if m.time > end]
            measure = self._measure(document, inside)
            if measure is not None:
                yield inside[0].time, inside[-1].time, measure, inside, [(inside[-1], inside)]

    def _grows(self, document: dict[str, Any]) -> bool:
        section = document["correlation"]
        condition = section.get("condition", {})
        if isinstance(condition, str):
            return " not " not in f" {condition} "
        if section["type"] in ("value_avg", "value_percentile", "value_median"):
            return False
        every = "temporal" in section["type"] and {"eq": len(self._refs(document))}
        return set(condition) <= {"gt", "gte", "field", "percentile"} or condition == every

    def _measure(self, document: dict[str, Any], window: list[Moment]) -> Any:
        section = document["correlation"]
        if "temporal" in section["type"]:
            return self._occurred(document, window)
        condition = section["condition"]
        if section["type"] == "event_count":
            measure: Any = len({m.counts_as for m in window})
        else:
            fields = condition["field"]
            fields = fields if isinstance(fields, list) else [fields]
            found = [[self._texts(document, m, f) for f in fields] for m in window]
            if section["type"] == "value_count":
                pairs = {
                    tuple(t.lower() for t in pair)
                    for texts in found
                    for pair in itertools.product(*texts)
                }
                measure = len(pairs) or None
            else:
                measure = _number(section, [t for texts in found for t in texts[0]])
        return measure if measure is not None and _within(measure, condition) else None

    def _occurred(self, document: dict[str, Any], window: list[Moment]) -> int | None:
        """The most of the listed rules that occurred; each choice of them is tried."""
        refs = self._refs(document)
        section = document["correlation"]
        condition = section.get("condition", {"gte": len(refs)})
        seen = {place for place, ref in enumerate(refs) for m in window if m.rule == ref}
        ordered = section["type"] == "temporal_ordered"
        for size in range(len(seen), 0, -1):
            for chosen in itertools.combinations(sorted(seen), size):
                if not ordered and size < len(seen):
                    continue
                if ordered and not _chain(window, [refs[place] for place in chosen]):
                    continue
                if isinstance(condition, str):
                    names = _words(condition)
                    true = {
                        n
                        for n, r in zip(names, self._named(names), strict=True)
                        if r in {refs[p] for p in chosen}
                    }
                    there = {
                        n
                        for n, r in zip(names, self._named(names), strict=True)
                        if r in {refs[p] for p in seen}
                    }
                    if _holds(condition, true, there):
                        return size
                else:
                    return size if _within(size, condition) else None
        return None

    def _named(self, names: list[str]) -> list[str]:
        return [
            next(d["id"] for d in self.documents if n in (d["id"], d.get("name"))) for n in names
        ]


def _span(text: str) -> int:
    return int(text[:-1]) * SECONDS[text[-1]] * 1_000_000


def _words(condition: str) -> list[str]:
    found = re.findall(r"[A-Za-z_][A-Za-z0-9_]*", condition)
    return list(dict.fromkeys(word for word in found if word not in ("and", "or", "not")))


def _holds(condition: str, true: set[str], there: set[str]) -> bool:
    """The condition, with names under a `not` asked of what is there in any order."""

    def value(node: ast.expr, names: set[str], others: set[str]) -> bool:
        if isinstance(node, ast.BoolOp):
            how = all if isinstance(node.op, ast.And) else any
            return how(value(part, names, others) for part in node.values)
        if isinstance(node, ast.UnaryOp):
            return not value(node.operand, others, names)
        assert isinstance(node, ast.Name)
        return node.id in names

    return value(ast.parse(condition, mode="eval").body, true, there)


def _chain(window: list[Moment], rules: list[str]) -> bool:
    """True when some different events, none later than the next, are of these rules."""

    def follow(places: list[str], time: float, used: frozenset[int]) -> bool:
        if not places:
            return True
        return any(
            follow(places[1:], m.time, used | {m.event})
            for m in window
            if m.rule == places[0] and m.time >= time and m.event not in used
        )

    return follow(rules, -math.inf, frozenset())


def _number(section: Mapping[str, Any], texts: list[str]) -> Fraction | None:
    written = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
    found = [Fraction(text) for text in texts if written.fullmatch(text)]
    if section["type"] == "value_sum":
        found = [n for n in found if n >= 0]
    if not found:
        return None
    if section["type"] == "value_sum":
        return sum(found, Fraction(0))
    if section["type"] == "value_avg":
        return sum(found, Fraction(0)) / len(found)
    percent = section["condition"].get("percentile", 50)
    found.sort()
    place = Fraction(percent * (len(found) - 1), 100)
    low, high = found[math.floor(place)], found[math.ceil(place)]
    return low + (high - low) * (place - math.floor(place))


def _within(measure: Any, condition: Mapping[str, Any]) -> bool:
    tests = {
        "gt": lambda a, b: a > b,
        "gte": lambda a, b: a >= b,
        "lt": lambda a, b: a < b,
        "lte": lambda a, b: a <= b,
        "eq": lambda a, b: a == b,
        "neq": lambda a, b: a != b,
    }
    return all(tests[name](measure, value) for name, value in condition.items() if name in tests)


def _text(measure: Any) -> str:
    return str(int(measure)) if measure == int(measure) else f"{float(measure):.6g}"
