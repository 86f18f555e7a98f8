"""Logs of Check Point as Log Exporter writes them in its syslog format.

`[action:"Drop"; ifdir:"inbound"; src:"10.0.0.1"; ]` behind a syslog header: names and quoted values
in brackets. Quotes and closing brackets in a value have a backslash before them.
"""

import re
from typing import Any

from tocsin.normalize.readers.lines import before, syslog

_START = re.compile(r'\[\s?(?=[A-Za-z_]\w{0,63}:{1,2}")')
_PAIR = re.compile(r'([A-Za-z_][\w ]{0,63}?):{1,2}"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED = re.compile(r'\\(["\]\\])')
_HEAD = 512
"""Characters in which the record must begin."""
_WORD = re.compile(r"[\w\-]{1,32}")
"""What a receiver left of a header: `syslog`."""
MAX_FIELDS = 512
MAX_TEXT = 256 * 1024


def checkpoint(text: str) -> dict[str, Any] | None:
    """The pairs as flat fields, the first of a name counts; None for text of another form.

    Fields of a syslog header are `syslog_host` and `syslog_timestamp`.
    """
    text = text[:MAX_TEXT]
    start = _START.search(text[:_HEAD])
    if start is None:
        return None
    head = text[: start.start()]
    if not _WORD.fullmatch(head.strip()) and before(head)[1] != "":
        return None
    fields: dict[str, Any] = {}
    for pair in _PAIR.finditer(text, start.end()):
        value = _ESCAPED.sub(r"\1", pair[2]) if "\\" in pair[2] else pair[2]
        if value:
            fields.setdefault(pair[1], value)
        if len(fields) == MAX_FIELDS:
            break
    for name, value in (syslog(head.lstrip() + " ") or {}).items():
        if name in ("host", "timestamp"):
            fields[f"syslog_{name}"] = value
    return fields
