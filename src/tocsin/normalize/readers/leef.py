"""IBM's Log Event Extended Format, versions 1.0 and 2.0.

`LEEF:2.0|vendor|product|version|event id|delimiter|key=value...`: pairs stand apart by tabs, or in
version 2 by the character that the header names (`^`, `x09`, `0x5E`). Some products write spaces.
"""

import re
from typing import Any

from tocsin.normalize.readers.lines import before, syslog

_START = re.compile(
    r"LEEF:\s?(?P<leef_version>[12](?:\.0)?)\|(?P<device_vendor>[^|]{0,255})\|"
    r"(?P<device_product>[^|]{0,255})\|(?P<device_version>[^|]{0,255})\|(?P<event_id>[^|]{0,1023})\|"
)
_HEAD = 512
"""Characters in which a syslog header may stand before the record."""
_DELIMITER = re.compile(r"(?:0?x(?P<code>[0-9A-Fa-f]{2,4})|(?P<itself>[^|A-Za-z0-9=\s]|\\t|\t))\|")
_KEY = re.compile(r"(?:^|(?<=\s))([A-Za-z_][\w.\-]{0,127})=")
MAX_FIELDS = 2_048
MAX_TEXT = 256 * 1024


def leef(text: str) -> dict[str, Any] | None:
    """The record as flat fields, the first of a key counts; None for text that is no LEEF.

    Fields of the header are leef_version, device_vendor, device_product, device_version, event_id;
    those of a syslog header before the record syslog_host and syslog_timestamp.
    """
    text = text[:MAX_TEXT]
    start = _START.search(text[:_HEAD])
    if start is None:
        return None
    fields: dict[str, Any] = {name: found for name, found in start.groupdict().items() if found}
    if start.start():
        head = text[: start.start()]
        if before(head)[1] != "":
            return None
        for name, value in (syslog(head.lstrip() + " ") or {}).items():
            if name in ("host", "timestamp"):
                fields[f"syslog_{name}"] = value
    body, delimiter = text[start.end() :], "\t"
    if start["leef_version"].startswith("2"):
        named = _DELIMITER.match(body)
        if named:
            delimiter = chr(int(named["code"], 16)) if named["code"] else named["itself"]
            delimiter = "\t" if delimiter == "\\t" else delimiter
            body = body[named.end() :]
        elif body.startswith("|"):
            body = body[1:]
    _add_pairs(fields, body, delimiter)
    return fields


def _add_pairs(fields: dict[str, Any], body: str, delimiter: str) -> None:
    if delimiter in body:
        for part in body.split(delimiter, MAX_FIELDS):
            name, _, said = part.strip().partition("=")
            if name and said.strip():
                fields.setdefault(name, said.strip())
        return
    keys = [key for key, _ in zip(_KEY.finditer(body), range(MAX_FIELDS), strict=False)]
    ends = [key.start() for key in keys[1:]] + [len(body)]
    for key, end in zip(keys, ends, strict=False):
        value = body[key.end() : end].strip()
        if value:
            fields.setdefault(key[1], value)
