"""The Matcher: native records in, hits out.

Per record: the routing fields find the route, the values of the fields that the route's rules look
at find their slots, and the tuple of these finds the rules that hit. All three are lookups of what
was computed for an earlier record; caches never change a result and are bounded by one budget.
"""

from collections.abc import Sequence
from operator import getitem
from typing import Any

from tocsin.detect.sigma.automata import RawSearch, raw_search, report, suspect
from tocsin.detect.sigma.caches import Budget
from tocsin.detect.sigma.fields import FieldProgram, by_field
from tocsin.detect.sigma.plan import Plan
from tocsin.detect.sigma.routes import Outcome
from tocsin.detect.sigma.streams import Stream, leaves
from tocsin.model.records import NativeRecord

CACHE_BYTES = 128 * 1024 * 1024
"""Estimated bytes that the caches of one Matcher may hold."""

ROUTE_CAP = 1_024
"""Routes kept at once; senders choose routing values, so there must be a limit."""

Hit = tuple[int, int]
"""(row, number of the rule in `Plan.rules`)."""


class Matcher:
    """Matches records against a plan. For one thread; may live as long as the plan."""

    def __init__(
        self, plan: Plan, *, cache_bytes: int = CACHE_BYTES, route_cap: int = ROUTE_CAP
    ) -> None:
        self.plan = plan
        self.budget = Budget(cache_bytes)
        self._route_cap = route_cap
        self._numbered = by_field(enumerate(plan.predicates))
        self._users: dict[int, list[int]] = {}
        for rule, tree in enumerate(plan.trees):
            for number in leaves(tree):
                self._users.setdefault(number, []).append(rule)
        self._databases: dict[str, list[Any]] = {}
        for database in plan.databases:
            self._databases.setdefault(database.field, []).append(database)
        self._programs: dict[str, FieldProgram] = {}
        self._streams: dict[tuple[str, str], Stream] = {}
        self._searches: dict[tuple[bytes, ...], RawSearch] = {}

    def numbers(self, field: str) -> list[int]:
        """The predicates of a field of rules."""
        return [number for number, _ in self._numbered.get(field, ())]

    def users(self, number: int) -> Sequence[int]:
        """The rules that ask a predicate."""
        return self._users.get(number, ())

    def program(self, field: str) -> FieldProgram:
        """The program of a field of rules, built on first use."""
        found = self._programs.get(field)
        if found is None:
            found = FieldProgram(self._numbered.get(field, ()), self._databases.get(field, ()))
            self._programs[field] = found
        return found

    def search(self, wanted: tuple[bytes, ...] | None) -> RawSearch:
        """The raw-line search for these expressions, shared by the routes that want the same."""
        if wanted is None:
            return suspect
        if wanted not in self._searches:
            use = bool(self.plan.engine)
            self._searches[wanted] = raw_search(wanted, use_hyperscan=use)
        return self._searches[wanted]

    def stream(self, source_id: str, shape: str) -> "Stream":
        """Everything known about records of one source and shape."""
        found = self._streams.get((source_id, shape))
        if found is None:
            found = self._streams[source_id, shape] = Stream(self, source_id, shape)
        return found

    def opened(self) -> None:
        """A stream opened a route: start over when there are too many."""
        if self.route_count() > self._route_cap:
            self.budget.forget()
            for stream in self._streams.values():
                stream.close()

    def route_count(self) -> int:
        """Routes that are open."""
        return sum(stream.route_count for stream in self._streams.values())

    def remembered(self) -> int:
        """Entries that all caches hold."""
        return self.budget.entries()

    def match(self, records: Sequence[NativeRecord], raws: Sequence[bytes | None]) -> list[Hit]:
        """Hits of all rules on all records, in order of row and rule.

        `raws` are the lines the records were read from, only used to rule keywords out quickly
        where they are JSON objects; of others (an auditd record writes texts in hexadecimal) the
        values are looked at. None where a line is not at hand.
        """
        hits: list[Hit] = []
        sightings: list[int] = []
        source_id = shape = ""
        stream = self.stream(source_id, shape)
        keys = stream.keys
        for row, (source, of_shape, fields) in enumerate(records):
            if source is not source_id or of_shape is not shape:
                source_id, shape = source, of_shape
                stream = self.stream(source_id, shape)
                keys = stream.keys
            get = fields.get
            key = tuple(map(get, keys))
            try:
                route = stream.routes[key]
                if route.special:
                    route, signature = stream.careful(key, fields)
                else:
                    signature = tuple(map(getitem, route.views, map(get, route.names)))
            except TypeError:  # a list or an object where a rule expects a value
                route, signature = stream.careful(key, fields)
            outcome = route.memo[signature]
            search = route.search
            if search is not None:
                raw = raws[row]
                if raw is None or raw[:1] != b"{":
                    sightings.append(0)
                else:
                    search(raw, report, 0, sightings)
                if sightings:
                    sightings.clear()
                    outcome = route.with_keywords(signature, fields)
            if outcome:
                if outcome.__class__ is Outcome:
                    outcome = route.finish(outcome, signature, fields)
                hits.extend([(row, rule) for rule in outcome])
        return hits
