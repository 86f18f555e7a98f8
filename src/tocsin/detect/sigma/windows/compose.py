"""What a fired window says: one finding, which later events of its slot amend."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tocsin.detect.sigma.windows.correlation import BY_RULE, Correlation, Number
from tocsin.detect.sigma.windows.hits import (
    Hit,
    copies_in,
    entities_in,
    events_of,
    group_key,
    named,
)
from tocsin.detect.sigma.windows.numbers import shown
from tocsin.model.findings import SAME_IN_ALL, Finding, Match, Standing, finding_id

MAX_TEXT = 512
"""Characters of a value that a finding shows."""

MAX_MATCHES = 24

_UNITS = ((86_400_000_000, "d"), (3_600_000_000, "h"), (60_000_000, "m"), (1_000_000, "s"))


class Fired(NamedTuple):
    """A window that fired. `start` and `time` are microseconds UTC.

    `start` identifies it within its group, `time` is when the condition first held, `hits` are
    all that belong to it, sorted, `measure` is the most that was measured.
    """

    group: tuple[str, ...]
    start: int
    time: int
    hits: Sequence[Hit]
    measure: Number


def id_of(correlation: Correlation, group: tuple[str, ...], start: int) -> str:
    """Identity of a window's finding: rule, its digest, group and start of the window."""
    rule = correlation.rule
    return finding_id(rule.rule_id, rule.digest, (f"group {group_key(group)}", f"start {start}"))


def finding_of(
    correlation: Correlation, fired: Fired, site: str, content_id: str, standing: Standing
) -> Finding:
    """The finding of a fired window."""
    rule = correlation.rule
    group = dict(zip(correlation.group_by, fired.group, strict=True))
    names = named(correlation, fired.hits[0], group)
    return Finding(
        finding_id=id_of(correlation, fired.group, fired.start),
        rule_id=rule.rule_id,
        rule_digest=rule.digest,
        title=rule.title,
        level=rule.level,
        techniques=rule.techniques,
        tactics=rule.tactics,
        time=fired.time,
        event_uids=events_of(fired.hits),
        matched=tuple(_matched(correlation, fired, names))[:MAX_MATCHES],
        entities=entities_in(fired.hits),
        events=copies_in(fired.hits),
        site=site,
        source_id=fired.hits[0].source_id,
        content_id=content_id,
        received_at=max(hit.received_at for hit in fired.hits),
        standing=standing,
        values=tuple(names.items()),
    )


def _matched(correlation: Correlation, fired: Fired, names: dict[str, str]) -> Iterator[Match]:
    for name, text in names.items():
        yield Match(name, SAME_IN_ALL, _cut(text))
    yield Match(
        ", ".join(correlation.fields), said(correlation)[:MAX_TEXT], _cut(shown(fired.measure))
    )
    if correlation.kind in BY_RULE or len(correlation.parts) > 1:
        seen = Counter(part for hit in fired.hits for part in hit.parts)
        for number, part in enumerate(correlation.parts):
            yield Match("", f"events of '{part.title}'"[:MAX_TEXT], str(seen[number]))


def said(correlation: Correlation) -> str:
    """The condition as a person reads it."""
    kind = correlation.kind.value
    if kind == "value_percentile":
        kind = f"{kind} {correlation.percentile}"
    bounds = " and ".join(map(str, correlation.thresholds)) or "its condition on which rules occur"
    return f"{kind} {bounds} within {duration(correlation.timespan)}"


def duration(timespan: int) -> str:
    """A timespan as rules write it."""
    size, unit = next((s, u) for s, u in _UNITS if timespan % s == 0 or u == "s")
    return f"{timespan // size}{unit}"


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
