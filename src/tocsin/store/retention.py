"""How long events, findings and dead letters are kept: the policy, and what it says of an event."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from tocsin.errors import ContentError
from tocsin.formats.located_yaml import LocatedDocument, load_located
from tocsin.model.content import ContentFile
from tocsin.store.scan import SOURCE

FILE = "retention/policy.yaml"
MAX_RULES = 500
MAX_DAYS = 36_525
"""A hundred years: anything longer is a slip of the keyboard."""

CONDITIONS = ("class", "source", "unit", "scope")


class KeepRule(msgspec.Struct, frozen=True):
    """Events that meet every condition that is not empty are kept for `days`."""

    days: int
    class_name: str = ""
    source: str = ""
    unit: str = ""
    scope: str = ""

    @property
    def conditional(self) -> bool:
        """Whether it has a condition."""
        return bool(self.class_name or self.source or self.unit or self.scope)

    def may_hold(self, class_name: str, source: str) -> bool:
        """Whether it can hold for events of a class and a source."""
        return self.class_name in ("", class_name) and self.source in ("", source)


class Policy(msgspec.Struct, frozen=True):
    """What a site keeps, and for how many days from when it was received."""

    events: tuple[KeepRule, ...]
    findings: int
    dead_letters: int

    @property
    def by_place(self) -> bool:
        """Whether it matters of which unit or compliance scope an event is."""
        return any(rule.unit or rule.scope for rule in self.events)

    def days(self, class_name: str, source: str, unit: str, scopes: Collection[str]) -> int:
        """For how many days an event is kept."""
        held = [
            rule
            for rule in self.events
            if rule.may_hold(class_name, source)
            and rule.unit in ("", unit)
            and (not rule.scope or rule.scope in scopes)
        ]
        own = [rule.days for rule in held if rule.conditional]
        return max(own or [rule.days for rule in held], default=MAX_DAYS)

    def shortest(self, class_name: str) -> int:
        """Days before which no event of a class can be removed."""
        rules = (rule for rule in self.events if rule.class_name in ("", class_name))
        return min((rule.days for rule in rules), default=MAX_DAYS)

    def never_stored(self, class_name: str, source: str) -> bool:
        """Whether events of a class and source are not stored at all.

        Not where a rule for a unit or scope may want them: that is known only later.
        """
        may = [rule for rule in self.events if rule.may_hold(class_name, source)]
        if any(rule.days for rule in may if rule.unit or rule.scope):
            return False
        return self.days(class_name, source, "", ()) == 0


def divide(
    policy: Policy, events: Mapping[str, Sequence[pa.RecordBatch]]
) -> tuple[dict[str, list[pa.RecordBatch]], list[pa.RecordBatch]]:
    """Rows of lake tables by class, without those that are never stored; and those."""
    kept: dict[str, list[pa.RecordBatch]] = {}
    unwanted: list[pa.RecordBatch] = []
    for name, batches in events.items():
        for rows in batches:
            column = rows.column(SOURCE)
            gone = [s for s in pc.unique(column).to_pylist() if policy.never_stored(name, s)]
            if gone:
                mask = pc.is_in(column, pa.array(gone, pa.string()))
                unwanted.append(rows.filter(mask))
                kept.setdefault(name, []).append(rows.filter(pc.invert(mask)))
            else:
                kept.setdefault(name, []).append(rows)
    return kept, unwanted


def policy_of(files: Iterable[ContentFile]) -> Policy:
    """The policy in a content set; without one everything is kept.

    Raises ContentError with the line of what is wrong.
    """
    found = [file for file in files if file.path == FILE]
    if not found:
        return Policy((), MAX_DAYS, MAX_DAYS)
    document = load_located(found[0].data, found[0].where)
    tree = document.value
    if not isinstance(tree, dict) or set(tree) - {"events", "findings", "dead_letters"}:
        raise ContentError(document.at(), "there are: events, findings, dead_letters")
    rules = tree.get("events", [])
    if not isinstance(rules, list) or len(rules) > MAX_RULES:
        raise ContentError(document.at(("events",)), f"a list of at most {MAX_RULES} rules")
    return Policy(
        tuple(_rule(document, number, rule) for number, rule in enumerate(rules)),
        _days(document, ("findings",), tree.get("findings", MAX_DAYS)),
        _days(document, ("dead_letters",), tree.get("dead_letters", MAX_DAYS)),
    )


def _rule(document: LocatedDocument, number: int, rule: Any) -> KeepRule:
    at = ("events", number)
    if not isinstance(rule, dict) or "days" not in rule:
        raise ContentError(document.at(at), "a rule has `days`, and conditions where it needs some")
    for key, value in rule.items():
        if key != "days" and (key not in CONDITIONS or not isinstance(value, str)):
            known = ", ".join(CONDITIONS)
            raise ContentError(document.at((*at, key)), f"conditions are texts: {known}")
    texts = {"class_name" if key == "class" else key: rule.get(key, "") for key in CONDITIONS}
    return KeepRule(_days(document, (*at, "days"), rule["days"]), **texts)


def _days(document: LocatedDocument, at: tuple[str | int, ...], value: Any) -> int:
    if type(value) is not int or not 0 <= value <= MAX_DAYS:
        raise ContentError(document.at(at), f"a number of days from 0 to {MAX_DAYS:,}")
    return value
