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
    header = _header(head)
    if header is None:
        return None
    fields: dict[str, Any] = {}
    for pair in _PAIR.finditer(text, start.end()):
        value = _ESCAPED.sub(r"\1", pair[2]) if "\\" in pair[2] else pair[2]
        if value:
            fields.setdefault(pair[1], value)
        if len(fields) == MAX_FIELDS:
            break
    return fields | header


def _header(head: str) -> dict[str, Any] | None:
    """Fields of a syslog header; None for other text.

    Behind a header of RFC 5424 the brackets stand where structured data are due.
    """
    found = syslog(f"{head.strip()} - ")
    if found is None or found.get("message"):
        if not _WORD.fullmatch(head.strip()) and before(head)[1] != "":
            return None
        found = syslog(head.lstrip() + " ") or {}
    return {f"syslog_{name}": found[name] for name in ("host", "timestamp") if name in found}
