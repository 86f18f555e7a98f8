"""Requests that Amazon CloudFront logs: as JSON, or as lines of its standard logs.

The names and their order are those of the CloudFront Developer Guide, "Standard logging reference":
33 columns parted by tabs; `-` says nothing.
"""

import re
from typing import Any

_ORDER = (
    "date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer)"
    " cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header"
    " cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol ssl-cipher"
    " x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields c-port"
    " time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start"
    " sc-range-end"
)
_COLUMNS = _ORDER.split()
_LEAST = 24
"""Columns of the oldest release that is read."""
_BEGINS = re.compile(r"\d{4}-\d\d-\d\d\t\d\d:\d\d:\d\d\t[A-Z]{3}[\w\-]{0,12}\t\d+\t")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_CLOCK = re.compile(r"\d\d:\d\d:\d\d")
MAX_TEXT = 64 * 1024


def cloudfront(document: dict[str, Any]) -> dict[str, Any]:
    """The object as it is, with `date_time` where it holds a day and a time of day.

    `_` and `-` say nothing. Aggregated records have `start_time` in place of `time`.
    """
    fields = {name: value for name, value in document.items() if value not in ("-", "_", None)}
    day, clock = fields.get("date"), fields.get("time") or fields.get("start_time")
    if _DAY.fullmatch(str(day)) and _CLOCK.fullmatch(str(clock)):
        fields["date_time"] = f"{day} {clock}"
    return fields


def cloudfront_tsv(text: str) -> dict[str, Any] | None:
    """The columns of a line as flat fields; None for text that is none."""
    if _BEGINS.match(text) is None:
        return None
    cells = text[:MAX_TEXT].rstrip("\r\n").split("\t")
    if not _LEAST <= len(cells) <= len(_COLUMNS):
        return None
    return cloudfront(dict(zip(_COLUMNS, cells, strict=False)))
