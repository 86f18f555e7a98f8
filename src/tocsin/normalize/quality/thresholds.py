"""What telemetry must be like, as content: `readiness/*.yaml` of the site over what ships."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import msgspec

from tocsin.errors import ContentError
from tocsin.formats.located_yaml import load_located
from tocsin.model.content import ContentFile, Problem
from tocsin.model.readiness import Use

FOLDER = "readiness/"
OFF = "off"
_EPOCH = date(1970, 1, 1)

MEASURES = (
    "silence", "rejected", "untimed", "late", "clock", "lost", "duplicates", "field", "format",
    "enum", "place", "schema", "volume", "history",
)  # fmt: skip

Limits = dict[str, dict[Use, float]]


class Thresholds(msgspec.Struct, frozen=True):
    """Limits by measure and use, and what else the judgement of readiness needs to know.

    `holidays` are days since 1970, `required` is class -> attribute -> share.
    """

    measures: Limits = {}
    required: dict[str, dict[str, float]] = {}
    holidays: frozenset[int] = frozenset()
    settle_days: int = 14
    valid_hours: int = 24
    sources: dict[str, Limits] = {}

    def limit(self, source_id: str, measure: str, use: Use) -> float | None:
        """What a measure of a source may be for a use; None where that is not asked."""
        own = self.sources.get(source_id, {}).get(measure)
        limits = self.measures.get(measure, {}) | (own or {})
        found = limits.get(use)
        return None if found is None or found < 0 else found

    def least(self, source_id: str, measure: str) -> float | None:
        """The strictest of all uses."""
        found = [self.limit(source_id, measure, use) for use in Use]
        return min((one for one in found if one is not None), default=None)


def load_thresholds(files: Iterable[ContentFile]) -> Thresholds:
    """The thresholds of a content set; raises ContentError for a wrong file."""
    tree: dict[str, Any] = {}
    mine = [file for file in files if file.path.startswith(FOLDER)]
    for file in sorted(mine, key=lambda one: (one.layer != "shipped", one.path)):
        found = load_located(file.data, file.where).value
        if found is None:
            continue
        if not isinstance(found, dict):
            raise ContentError(file.where, f"expected a mapping, found {type(found).__name__}")
        _read(found, file.where)
        tree = _over(tree, found)
    return _read(tree, FOLDER)


def check_thresholds(files: Iterable[ContentFile]) -> list[Problem]:
    """What is wrong with the thresholds of a content set."""
    try:
        load_thresholds(files)
    except ContentError as error:
        return [Problem(error.where, error.message)]
    return []


def _over(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(below)
    for key, value in above.items():
        old = made.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            made[key] = _over(old, value)
        elif isinstance(old, list) and isinstance(value, list):
            made[key] = [*old, *value]
        else:
            made[key] = value
    return made


def _read(tree: dict[str, Any], where: str) -> Thresholds:
    plain = dict(tree)
    plain["measures"] = _limits(tree.get("measures", {}), where)
    sources = tree.get("sources") or {}
    if not isinstance(sources, dict):
        raise ContentError(where, "`sources` is a mapping of source to measures")
    plain["sources"] = {name: _limits(one, where) for name, one in sources.items()}
    plain["holidays"] = frozenset(_day(one, where) for one in tree.get("holidays") or ())
    unknown = sorted(set(plain) - {*Thresholds.__struct_fields__})
    if unknown:
        raise ContentError(where, f"no key {unknown[0]!r} here")
    try:
        made = msgspec.convert(plain, Thresholds)
    except msgspec.ValidationError as error:
        raise ContentError(where, str(error)) from None
    if not 0 < made.valid_hours <= 24 * 7 or not 0 < made.settle_days <= 90:  # noqa: PLR2004 (a week, a quarter)
        raise ContentError(where, "valid_hours is 1 to 168, settle_days 1 to 90")
    return made


def _limits(tree: object, where: str) -> dict[str, dict[str, float]]:
    if not isinstance(tree, dict):
        raise ContentError(where, "measures are a mapping of measure to uses")
    made: dict[str, dict[str, float]] = {}
    for measure, uses in tree.items():
        if measure not in MEASURES:
            known = ", ".join(MEASURES)
            raise ContentError(where, f"no measure {measure!r}; known: {known}")
        if not isinstance(uses, dict):
            raise ContentError(where, f"{measure}: expected uses with a number or `off`")
        made[measure] = {str(use): _number(measure, n, where) for use, n in uses.items()}
    return made


def _number(measure: str, value: object, where: str) -> float:
    if value == OFF or value is False:
        return -1.0
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise ContentError(where, f"{measure}: expected a number from 0 on, or `off`")
    return float(value)


def _day(value: object, where: str) -> int:
    try:
        return (date.fromisoformat(str(value)) - _EPOCH).days
    except ValueError:
        raise ContentError(where, f"holidays: {value!r} is not a day (YYYY-MM-DD)") from None
