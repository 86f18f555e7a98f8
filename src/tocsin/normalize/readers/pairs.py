"""Text of `key=value` pairs, as firewalls and many other products write it.

Pairs stand apart by spaces (`a=1 b="two words"`), commas (`a=1,b="two words"`), semicolons or bars.
A value without quotes goes on to the next key, so that it may hold spaces. What stands before the
first pair must be a syslog header and its tag: a line that a program wrote about a stranger's
`key=value` is no record of pairs.
"""

import re
from typing import Any

from tocsin.normalize.readers.lines import before, syslog

_PAIR = re.compile(
    r"""(?:^|(?<=[\s,;|>]))([A-Za-z_][\w.\-]{0,127})=(?:"((?:[^"\\]|\\.)*)"|([^"\s,;|]?[^\s,;|]*))""",
    re.DOTALL,
)
_TAGGED = re.compile(r"[A-Za-z][\w\-]{0,31}:(?=[A-Za-z_]\w{0,64}=)")
"""A tag without a space behind it: `ASM:unit_hostname="..."`."""
_ESCAPED = re.compile(r'\\(["\\])')
_HEAD = 512
"""Characters in which the first pair must begin."""
_CLOCK = re.compile(r"\d\d:\d\d:\d\d(?:\.\d{1,9})?")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_OFFSET = re.compile(r"[+-]\d{4}")
_SYSLOG = {"host": "syslog_host", "timestamp": "syslog_timestamp"}
MAX_FIELDS = 2_048
MAX_TEXT = 256 * 1024
"""Characters of a record that are read: the rest stays in the raw record."""


def key_value(text: str) -> dict[str, Any] | None:
    """The pairs as flat fields, the first of a name counts; None for text that has none.

    Empty values stay out. `date_time` is `date` and `time` together, with the offset of `tz` where
    that is one. Fields of a syslog header are `syslog_host` and `syslog_timestamp`.
    """
    text = text[:MAX_TEXT]
    tag = _TAGGED.search(text[:_HEAD])
    if tag is not None and "=" not in text[: tag.start()]:
        text = f"{text[: tag.end()]} {text[tag.end() :]}"
    first = _PAIR.search(text[:_HEAD])
    if first is None:
        return None
    fields: dict[str, Any] = {}
    head = text[: first.start()]
    if head.strip():
        if before(head)[1] != "":
            return None
        for name, value in (syslog(head.lstrip() + " ") or {}).items():
            if name in _SYSLOG:
                fields[_SYSLOG[name]] = value
    _add_pairs(fields, text, first.start())
    _add_moment(fields)
    return fields


def _add_pairs(fields: dict[str, Any], text: str, start: int) -> None:
    pairs = []
    for pair in _PAIR.finditer(text, start):
        pairs.append(pair)
        if len(pairs) == MAX_FIELDS:
            break
    ends = [pair.start() for pair in pairs[1:]] + [len(text)]
    for pair, end in zip(pairs, ends, strict=True):
        if pair[2] is not None:
            value = _ESCAPED.sub(r"\1", pair[2]) if "\\" in pair[2] else pair[2]
        else:
            value = text[pair.start(3) : end].strip(" \t\r\n,;|")
        if value:
            fields.setdefault(pair[1], value)


def _add_moment(fields: dict[str, Any]) -> None:
    day, clock = fields.get("date"), fields.get("time")
    if day and clock and _DAY.fullmatch(day) and _CLOCK.fullmatch(clock):
        zone = fields.get("tz", "")
        fields["date_time"] = f"{day} {clock}{zone if _OFFSET.fullmatch(zone) else ''}"
