"""What the values of a native field look like, over all samples."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from tocsin.normalize.names import EMAIL
from tocsin.normalize.scalars import FAILED, address
from tocsin.normalize.times import TimeReader

MAX_FIELDS = 2_000
"""Fields of which statistics are kept: names come from the records."""
MAX_EXAMPLES = 64
"""Different values that are kept of a field."""
MAX_VALUE = 1_024
"""Characters of a value that are looked at."""
ENOUGH = 0.9
"""Share of the values that must look alike for the field to be of that kind."""
FEW = 50
"""Different values up to which a field may be an enumeration."""

_MAC = re.compile(r"(?:[0-9A-Fa-f]{2}[:\-]){5}[0-9A-Fa-f]{2}|(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}")
_GUID = re.compile(r"\{?[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}?")
_HASH = re.compile(
    r"[0-9A-Fa-f]{32}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{56}|[0-9A-Fa-f]{64}|[0-9A-Fa-f]{96}"
    r"|[0-9A-Fa-f]{128}"
)
_URL = re.compile(r"[a-z][a-z0-9+.\-]{1,20}://\S{1,1000}", re.IGNORECASE)
_DOMAIN = re.compile(
    r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_\-]{0,62})\.){1,10}[A-Za-z][A-Za-z0-9\-]{1,62}\.?"
)
_PATH = re.compile(r"(?:[A-Za-z]:\\|\\\\|/)[^\x00-\x1f?*]{1,1000}")
_ACCOUNT = re.compile(r"[A-Za-z0-9_.\-]{1,64}\\[^\\/:*?\"<>|\s]{1,64}")
_SOCKET = re.compile(r"(\d{1,3}(?:\.\d{1,3}){3}|\[[0-9A-Fa-f:.]{2,45}\]):(\d{1,5})")
_SID = re.compile(r"S-1-\d{1,14}(?:-\d{1,10}){1,14}")
_NUMBER = re.compile(r"-?\d{1,18}(?:\.\d{1,18})?")
_BOOLS = frozenset({"true", "false", "yes", "no"})
_EPOCHS = ((10, "epoch"), (13, "epoch_ms"), (16, "epoch_any"), (19, "epoch_any"))
_FIRST_EPOCH, _LAST_EPOCH = 946_684_800, 4_102_444_800
"""2000 and 2100: a number outside of these is seldom a time."""
_MAX_PORT = 65_535
TIMES = ("iso", "epoch", "epoch_ms", "epoch_any", "rfc3164", "day_first")
"""Kinds that are times, named like `format:` of a time."""
_reader = TimeReader()


class Statistics(msgspec.Struct, frozen=True):
    """A native field over all samples.

    `present` of `total` samples have it, with `distinct` different values (counted up to
    `MAX_EXAMPLES`), of which `examples` are the commonest. `kind` is what at least nine in ten
    look like: `ip`, `socket`, `mac`, `guid`, `sid`, `hash`, `url`, `email`, `domain`, `account`,
    `path`, `boolean`, one of `TIMES`, `integer`, `number`, `enum`, `text`, `list` or `object`.
    """

    name: str
    present: int
    total: int
    distinct: int
    kind: str
    examples: tuple[str, ...]

    @property
    def share(self) -> float:
        """Share of the samples that have it."""
        return self.present / self.total if self.total else 0.0

    @property
    def unique(self) -> bool:
        """Whether no two of at least two samples have the same value, and all have one."""
        full = self.present == self.total > 1
        return full and self.distinct == min(self.total, MAX_EXAMPLES)


def statistics(records: Sequence[Mapping[str, Any]]) -> list[Statistics]:
    """Every field of these records, in the order in which they appear."""
    values: dict[str, list[Any]] = {}
    for record in records:
        for name, value in record.items():
            if name in values:
                values[name].append(value)
            elif len(values) < MAX_FIELDS:
                values[name] = [value]
    return [_of(name, found, len(records)) for name, found in values.items()]


def _of(name: str, values: list[Any], total: int) -> Statistics:
    said = [value for value in values if value not in (None, "", "-")]
    texts = Counter(text_of(value) for value in said)
    kinds = Counter(kind_of(value) for value in said)
    kind = _majority(kinds, len(said))
    few = len(texts) <= min(FEW, max(1, len(said) // 2)) and len(said) > len(texts)
    if kind == "text" and few and all(len(text) <= 64 for text in texts):  # noqa: PLR2004 - a word
        kind = "enum"
    shown = tuple(text for text, _ in texts.most_common(MAX_EXAMPLES))
    return Statistics(name, len(said), total, min(len(texts), MAX_EXAMPLES), kind, shown)


def _majority(kinds: Counter[str], total: int) -> str:
    if not total:
        return "text"
    kind, most = kinds.most_common(1)[0]
    if most >= ENOUGH * total:
        return kind
    whole = kinds["integer"] + kinds["number"]
    if whole >= ENOUGH * total:
        return "number"
    return "text"


def text_of(value: Any) -> str:
    """A value as text, cut."""
    return (value if isinstance(value, str) else str(value))[:MAX_VALUE]


def kind_of(value: Any) -> str:
    """What one value looks like."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, list):
        return "list"
    if isinstance(value, dict):
        return "object"
    text = text_of(value).strip()
    return _number(text) if _NUMBER.fullmatch(text) else _text(text)


def _number(text: str) -> str:
    whole = text.lstrip("-").partition(".")[0]
    for digits, form in _EPOCHS:
        if len(whole) == digits and _FIRST_EPOCH <= int(whole[:10]) <= _LAST_EPOCH:
            return form
    return "number" if "." in text else "integer"


def _text(text: str) -> str:
    if text.lower() in _BOOLS:
        return "boolean"
    for kind, form in _FORMS:
        if form.fullmatch(text):
            return kind
    if address(text) is not FAILED:
        return "ip"
    for written in ("iso", "rfc3164", "day_first"):
        if _reader.read(text, written, 0) is not None:
            return written
    if _DOMAIN.fullmatch(text):
        return "domain"
    return "path" if _PATH.fullmatch(text) else "text"


_FORMS = (
    ("mac", _MAC),
    ("guid", _GUID),
    ("hash", _HASH),
    ("url", _URL),
    ("email", EMAIL),
    ("socket", _SOCKET),
    ("sid", _SID),
    ("account", _ACCOUNT),
)


def alike(first: str, second: str) -> bool:
    """Whether two kinds are one for the purpose of a comparison: all times are, and all words."""
    return _GROUPS.get(first, first) == _GROUPS.get(second, second)


_GROUPS = dict.fromkeys(TIMES, "time") | dict.fromkeys(("enum", "text", "domain"), "text")
_GROUPS |= dict.fromkeys(("integer", "number"), "number")


def common_values(fields: Iterable[Statistics], most: int) -> dict[str, str]:
    """Fields that hold the same value in every sample, in order of name, at most `most`."""
    found = {
        one.name: one.examples[0]
        for one in fields
        if one.present == one.total and one.distinct == 1 and one.examples[0]
    }
    return dict(sorted(found.items())[:most])
