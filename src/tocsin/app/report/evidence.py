"""Why a rule spoke: the predicates that held, the fields of the record, the record as it came."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from tocsin.app.report import words
from tocsin.app.report.matrix import LabelView, label_view
from tocsin.app.vendors import vendor_says
from tocsin.enrich.attack import Labels
from tocsin.model.findings import Finding

MAX_MATCHES = 20
MAX_FIELDS = 60
MAX_VALUE = 400
MAX_RAW = 3_000
MAX_FILES = 5
_PARSED = 256 * 1024
"""A record of more bytes is shown as text only."""
_DEPTH = 3

_json = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class MatchView:
    """A predicate that held and the value that made it hold."""

    field: str
    predicate: str
    value: str


@dataclass(frozen=True, slots=True)
class FieldView:
    """A field of the record; `matched` ones are among those that the rule asked about."""

    name: str
    value: str
    matched: bool


@dataclass(frozen=True, slots=True)
class EvidenceView:
    """One finding with its first event. `raw_cut` says how much of the original is not shown.

    `vendor` is what another tool says of its alert, `link` where that is opened, as text.
    """

    finding_id: str
    rule_id: str
    title: str
    level: str
    time: str
    iso: str
    host: str
    labels: tuple[LabelView, ...]
    matches: tuple[MatchView, ...]
    matches_left: int
    fields: tuple[FieldView, ...]
    fields_left: int
    raw: str
    raw_cut: str
    place: str
    also_in: str
    repeats: int
    vendor: str
    link: str
    size: int


def evidence_of(
    finding: Finding, labels: Labels, *, host: str, repeats: int, also_in: list[str]
) -> EvidenceView:
    """What one finding rests on; `repeats` is how many more its rule has in the incident."""
    event = finding.events[0] if finding.events else None
    raw = event.raw if event else ""
    asked = {match.field for match in finding.matched}
    found = list(_fields(raw))
    shown = sorted(found, key=lambda item: item[0].rpartition(".")[2] not in asked)[:MAX_FIELDS]
    fields = tuple(
        FieldView(words.text(name, 120), words.block(value, MAX_VALUE), _leaf(name) in asked)
        for name, value in shown
    )
    matches = tuple(
        MatchView(
            words.text(match.field, 120) or "any field",
            words.text(match.predicate, MAX_VALUE),
            words.text(match.value, MAX_VALUE),
        )
        for match in finding.matched[:MAX_MATCHES]
    )
    text = words.block(raw, MAX_RAW)
    cut = f"the first {MAX_RAW:,} of {len(raw):,} characters" if len(raw) > MAX_RAW else ""
    return EvidenceView(
        finding_id=finding.finding_id[:16],
        rule_id=words.text(finding.rule_id, 60),
        title=words.text(finding.title),
        level=finding.level.value,
        time=words.stamp(finding.time),
        iso=words.iso(finding.time),
        host=words.text(host, 80),
        labels=tuple(label_view(labels.judge(one)) for one in finding.techniques[:12]),
        matches=matches,
        matches_left=len(finding.matched) - len(matches),
        fields=fields,
        fields_left=len(found) - len(fields),
        raw=text,
        raw_cut=cut,
        place=words.text(f"{event.origin}:{event.position}", 240) if event else "",
        also_in=words.text(words.listed(also_in, MAX_FILES), 600),
        repeats=repeats,
        vendor=words.text(vendor_says(finding.vendor), 800) if finding.vendor else "",
        link=words.text(finding.vendor.link, 1_000) if finding.vendor else "",
        size=len(text) + sum(len(one.name) + len(one.value) for one in fields),
    )


def _leaf(name: str) -> str:
    return name.rpartition(".")[2]


def _fields(raw: str) -> Iterator[tuple[str, str]]:
    """Names and values of a JSON record, nested ones with dots; nothing for other texts."""
    if len(raw) > _PARSED or not raw.lstrip().startswith("{"):
        return
    try:
        document = _json(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return
    yield from _flat("", document, 0)


def _flat(prefix: str, value: Any, depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and depth < _DEPTH:
        for key, inner in value.items():
            yield from _flat(f"{prefix}.{key}" if prefix else str(key), inner, depth + 1)
    elif isinstance(value, str):
        yield prefix, value
    else:
        yield prefix, msgspec.json.encode(value).decode("utf-8", "replace")


def within(views: Iterable[EvidenceView], budget: int) -> tuple[list[EvidenceView], int, int]:
    """As many as fit `budget` characters; with what is left of it and how many did not fit."""
    kept, refused = [], 0
    for view in views:
        if view.size <= budget:
            budget -= view.size
            kept.append(view)
        else:
            refused += 1
    return kept, budget, refused
