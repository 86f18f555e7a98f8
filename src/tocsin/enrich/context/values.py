"""Values of feeds as they are written, made into those of the model."""

import re
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

from tocsin.model.context import MAX_TEXT, MAX_VALUES, Criticality

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SPLIT = re.compile(r"\s*[;|,\n]\s*")
_CRITICALITIES = {
    Criticality.CRITICAL: ("critical", "very high", "most critical", "business critical"),
    Criticality.HIGH: ("high", "somewhat critical", "important"),
    Criticality.MEDIUM: ("medium", "moderate", "less critical", "normal"),
    Criticality.LOW: ("low", "not critical", "none", "minor", "non-critical"),
}
"""Words of feeds; the numbered ones are those of ServiceNow's busines_criticality."""
_YES = frozenset({"yes", "y", "true", "1", "on", "internet", "external", "public"})
_NO = frozenset({"no", "n", "false", "0", "off", "internal", "private", "none"})
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%d.%m.%Y %H:%M", "%d.%m.%Y")


def text_of(value: str) -> str:
    """A text of a feed, bounded."""
    return value.strip()[:MAX_TEXT]


def list_of(value: str) -> tuple[str, ...]:
    """Values with semicolons, bars or commas between them, each once."""
    parts = (text_of(one) for one in _SPLIT.split(value))
    return tuple(dict.fromkeys(one for one in parts if one))[:MAX_VALUES]


def criticality_of(value: str) -> Criticality:
    """A criticality in a feed's words, such as `1 - most critical`; ValueError otherwise."""
    words = re.sub(r"^[0-9]\s*-\s*", "", value.strip().lower())
    if not words:
        return Criticality.UNKNOWN
    for one, names in _CRITICALITIES.items():
        if words in names:
            return one
    raise ValueError(f"{value}: a criticality is low, medium, high or critical")


def truth_of(value: str) -> bool | None:
    """Yes or no in a feed's words; None for an empty text, ValueError otherwise."""
    word = value.strip().lower()
    if not word:
        return None
    if word in _YES or word in _NO:
        return word in _YES
    raise ValueError(f"{value}: write yes or no")


def time_of(value: str, *, end: bool = False) -> int:
    """A written time in microseconds UTC; one without a zone is UTC. ValueError otherwise.

    A day alone is its beginning or, as an `end`, the beginning of the next day.
    """
    text = value.strip()
    moment = _read_time(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    if end and _DATE.fullmatch(text):
        moment += timedelta(days=1)
    return microseconds(moment)


def _read_time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        for pattern in _FORMATS:
            try:
                return datetime.strptime(text, pattern).replace(tzinfo=UTC)
            except ValueError:
                continue
    raise ValueError(f"{text}: write a time as 2026-03-31 or 2026-03-31T18:00:00+02:00")


def microseconds(moment: datetime) -> int:
    """A moment with a zone as microseconds since 1970 UTC."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def network_of(value: str) -> str:
    """A network in CIDR's form; an address is a network of one. ValueError otherwise."""
    return str(ip_network(value.strip(), strict=False))


def number_of(value: str) -> float | None:
    """A number; None for an empty text, ValueError otherwise."""
    return float(value.replace(",", ".")) if value.strip() else None
