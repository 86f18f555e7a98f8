"""Where a field goes and what a record is: votes of the fields and values that are known.

Every known field that is called like the new one votes for the paths that it goes to, or for none;
the nearer its name and the more alike the values, the more its vote counts. The score of a path is
its share of all votes, against a constant for what nobody knows.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from tocsin.normalize.converters import CONVERTERS
from tocsin.normalize.fit import default_converter
from tocsin.normalize.ocsf.schema import Attribute, ocsf_schema
from tocsin.normalize.propose.knowledge import Knowledge, Known, Use, has_path
from tocsin.normalize.propose.names import likeness, plain
from tocsin.normalize.propose.values import Statistics, alike
from tocsin.normalize.scalars import FAILED

THRESHOLD = 0.6
"""What scores below it is only proposed as a comment."""
CLASS_THRESHOLD = 0.5
SHOWN = 3
"""Alternatives that are named."""
DOUBT = 0.35
"""Votes of what nobody knows: one known field that is called the same scores 0.74."""
SHARPNESS = 6
"""How fast a vote falls with likeness: names that are the same decide where there are any."""
NEAR = 0.45
"""Names less alike than this do not vote."""
ODD_KIND, OTHER_CLASS, ATTRIBUTE = 0.4, 0.5, 0.6
"""What a vote counts when the values look different, when it is of another class, and when it is
only the name of an attribute of OCSF."""
FITS = 0.9
"""Share of the values that a converter must take."""
BASE = "base_event"


class Candidate(NamedTuple):
    """A path for a field, how sure that is (0 to 1), and why."""

    path: str
    convert: str
    score: float
    reason: str


def candidates(
    field: Statistics, knowledge: Knowledge, classes: frozenset[str], without: frozenset[str]
) -> list[Candidate]:
    """The paths of a field that exist in one of `classes` (none: in any), the surest first."""
    votes: dict[str, float] = defaultdict(float)
    converters: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    backers: dict[str, dict[str, float]] = defaultdict(dict)
    total = DOUBT
    for known in knowledge.candidates(field.name, without):
        near = likeness(field.name, known.name, knowledge.rarity)
        if near < NEAR:
            continue
        vote = _vote(field, known, near, knowledge)
        here = {use for use, where in known.uses.items() if not classes or classes & where}
        vote *= 1.0 if here or not known.uses else OTHER_CLASS
        total += vote
        paths: dict[str, float] = {}
        for use in known.uses:
            if use.path:
                weight = 1.0 if use in here or not here else OTHER_CLASS
                paths[use.path] = max(paths.get(use.path, 0.0), weight * vote)
                converters[use.path][use.convert] += vote
        for path, weight in paths.items():
            votes[path] += weight
            backers[path][f"{known.name} of {known.source_id}"] = weight
    if field.kind == "account":
        _as_accounts(votes, converters, backers)
    found = []
    for path, weight in votes.items():
        fit = _fitting(field, path, converters[path], classes, knowledge, without)
        if fit is not None:
            reason = _reason(field, backers[path])
            found.append(Candidate(path, fit, min(weight / total, 0.99), reason))
    return sorted(found, key=lambda one: (-one.score, one.path))[:SHOWN]


def _as_accounts(
    votes: dict[str, float],
    converters: dict[str, dict[str, float]],
    backers: dict[str, dict[str, float]],
) -> None:
    r"""`DOMAIN\\name` is a whole user: what goes to the name of one goes to the user."""
    for path in [path for path in votes if path.endswith("user.name")]:
        whole = path.removesuffix(".name")
        votes[whole] += votes.pop(path)
        converters[whole]["account"] += 1.0
        backers[whole].update(backers.pop(path))


def _vote(field: Statistics, known: Known, near: float, knowledge: Knowledge) -> float:
    vote = near**SHARPNESS
    if known.kind and not alike(known.kind, field.kind):
        vote *= ODD_KIND
    if known.vendor == known.source_id:
        vote *= ATTRIBUTE
    return vote / knowledge.shared.get((known.vendor, plain(known.name)), 1)


def _reason(field: Statistics, backers: dict[str, float]) -> str:
    named = sorted(backers, key=lambda name: (-backers[name], name))[:2]
    return f"{field.kind}; like {', '.join(named)}"


def _fitting(
    field: Statistics,
    path: str,
    known: dict[str, float],
    classes: frozenset[str],
    knowledge: Knowledge,
    without: frozenset[str],
) -> str | None:
    """The converter that takes the values, the one in use first; None when none does."""
    holders = [name for name in sorted(classes) if has_path(name, path)]
    if classes and not holders:
        return None
    attribute = _attribute(path, holders)
    if attribute is None:
        return None
    if attribute.enum and attribute.type != "string_t":
        return "" if table_for(field, path, attribute, knowledge, without).enough else None
    object_like = bool(attribute.object_name) and not attribute.is_array
    own = [] if object_like else [""]
    for name in [*sorted(known, key=lambda one: -known[one]), *own]:
        if name == "" and object_like:
            continue
        if _takes(field, name or default_converter(attribute), attribute):
            return name
    return None


class Table(NamedTuple):
    """Values of a field as an enumeration has them; `unknown` are those that nobody translates."""

    rows: dict[str, str]
    unknown: tuple[str, ...]

    @property
    def enough(self) -> bool:
        """Whether at least half of the values are known."""
        return len(self.rows) >= max(1, len(self.unknown))


def table_for(
    field: Statistics,
    path: str,
    attribute: Attribute,
    knowledge: Knowledge,
    without: frozenset[str],
) -> Table:
    """The captions of an enumeration for the values of a field.

    A value is a caption itself, or what most of the tables of known sources say it is.
    """
    captions = {caption.lower(): caption for caption in attribute.enum.values()}
    said: dict[str, Counter[str]] = defaultdict(Counter)
    for source_id, rows in knowledge.tables.get(path.rpartition(".")[2], {}).items():
        for value, target in rows.items() if source_id not in without else ():
            caption = attribute.enum.get(str(target), str(target))
            if caption.lower() in captions:
                said[value][caption] += 1
    rows, unknown = {}, []
    for value in field.examples:
        word = value.strip().lower()
        if word in captions:
            rows[word] = captions[word]
        elif said.get(word):
            rows[word] = said[word].most_common(1)[0][0]
        else:
            unknown.append(word)
    return Table(rows, tuple(unknown))


def _attribute(path: str, holders: Sequence[str]) -> Attribute | None:
    schema = ocsf_schema()
    steps = tuple(path.split("."))
    for class_name in holders or schema.classes:
        found = schema.attribute(class_name, steps)
        if found is not None:
            return found
    return None


def _takes(field: Statistics, name: str, attribute: Attribute) -> bool:
    converter = CONVERTERS.get(name)
    if converter is None or field.kind == "object":
        return False
    if field.kind == "list" and not attribute.is_array:
        return False
    if not field.examples:
        return False
    if attribute.type == "string_t" and field.kind == "list":
        return False
    good = sum(converter.function(_native(field, text)) is not FAILED for text in field.examples)
    return good >= FITS * len(field.examples)


def _native(field: Statistics, text: str) -> Any:
    """An example as a converter would see it; lists were kept as text."""
    return [text] if field.kind == "list" else text


class Kind(NamedTuple):
    """What records with a value of the choosing field are."""

    class_name: str
    activity: str
    score: float
    reason: str


def kinds(
    value: str,
    fields: Sequence[Statistics],
    knowledge: Knowledge,
    without: frozenset[str],
) -> list[Kind]:
    """The classes of records with that value, the surest first."""
    votes: dict[str, float] = defaultdict(float)
    activities: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    backers: dict[str, str] = {}
    total = DOUBT
    best: dict[tuple[str, str, str], float] = {}
    for known in knowledge.kinds:
        if known.source_id in without:
            continue
        near = likeness(value, known.value, knowledge.rarity)
        if near >= NEAR:
            key = (known.vendor, known.class_name, known.activity)
            if near**3 > best.get(key, 0.0):
                best[key] = near**3
                backers[known.class_name] = f"like {known.value} of {known.source_id}"
    for (_, class_name, activity), vote in best.items():
        votes[class_name] += vote
        activities[class_name][activity] += vote
        total += vote
    for class_name, weight in by_fields(fields, knowledge, without).items():
        votes[class_name] += weight
        total += weight
        backers.setdefault(class_name, "its fields")
    found = []
    for class_name, weight in votes.items():
        if class_name == BASE:
            continue
        activity = max(activities[class_name], key=activities[class_name].get, default="")  # type: ignore[arg-type]  # counts
        reason = backers[class_name]
        found.append(Kind(class_name, activity, min(weight / total, 0.99), reason))
    return sorted(found, key=lambda one: (-one.score, one.class_name))[:SHOWN]


def by_fields(
    fields: Sequence[Statistics], knowledge: Knowledge, without: frozenset[str]
) -> dict[str, float]:
    """Classes by what fields of the same name are used for elsewhere; at most 1 together.

    A field that many classes have says little: each field shares one vote among its classes.
    """
    found: dict[str, float] = defaultdict(float)
    for field in fields:
        seen: dict[str, set[str]] = {}
        for known in knowledge.candidates(field.name, without):
            if plain(known.name) == plain(field.name) or known.name.count(".") > 0:
                near = likeness(field.name, known.name, knowledge.rarity)
                if near > 0.9:  # noqa: PLR2004 - the same name, but for punctuation
                    seen.setdefault(known.vendor, set()).update(
                        name for where in known.uses.values() for name in where
                    )
        for where in seen.values():
            for class_name in where - {BASE}:
                found[class_name] += 1.0 / (len(where) ** 2 * len(seen))
    total = sum(found.values())
    return {name: n / max(total, 1.0) for name, n in found.items()} if total else {}


def uses_of(knowledge: Knowledge, source_id: str) -> dict[str, set[str]]:
    """Native field -> paths, as a known source has them."""
    return {
        one.name: {use.path for use in one.uses if use.path}
        for one in knowledge.fields
        if one.source_id == source_id and any(use.path for use in one.uses)
    }


__all__ = ["Candidate", "Kind", "Use", "candidates", "kinds", "uses_of"]
