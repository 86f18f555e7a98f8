"""A Finding: what a detector saw, with the events that made it say so."""

from enum import StrEnum
from hashlib import blake2b

import msgspec
import pyarrow as pa

from tocsin.model.context import ContextNote

MAX_EVENT_COPIES = 20
MAX_COPY_BYTES = 256 * 1024
"""A finding carries at most so many copies of its events, and bytes of each."""


FieldValue = str | int | float | bool | None
"""A value of a record's field that can stand alone."""


class Level(StrEnum):
    """Severity in the words of the Sigma specification, rising."""

    INFORMATIONAL = "informational"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for informational up to 4 for critical."""
        return _RANKS[self]


_RANKS = {level: rank for rank, level in enumerate(Level)}


class Standing(StrEnum):
    """What may become of a finding.

    `open` findings make incidents. `staged` ones come from a rule on trial and `hidden` ones from
    what an exception covers: both are kept and counted, and no incident has them. `building` ones
    exist only to feed correlation rules that were told not to show their parts. `history` ones were
    found in backfilled records: they count, and never page anybody or lead to an action.
    """

    OPEN = "open"
    STAGED = "staged"
    HIDDEN = "hidden"
    BUILDING = "building"
    HISTORY = "history"


class Entity(msgspec.Struct, frozen=True, order=True):
    """Something that findings can share.

    `kind` is one of host, user, process, session, address, file, hash, case. `key` is what is
    compared (folded, scoped to the host where the name means nothing elsewhere), `name` what a
    person reads. `role` is the part it plays in the event: subject, parent, target, source,
    destination or related.
    """

    kind: str
    key: str
    name: str
    role: str = "subject"


SAME_IN_ALL = "the same in all events"
"""Predicate of a Match that is part of the group of a correlation's finding."""


class Match(msgspec.Struct, frozen=True):
    """One predicate of a rule that held, and the value that made it hold."""

    field: str
    predicate: str
    value: str


class EventCopy(msgspec.Struct, frozen=True):
    """A matched event as it was stored: its identity, its own time (us) and its original text."""

    event_uid: str
    time: int
    class_name: str
    raw: str
    origin: str
    position: int


class VendorAlert(msgspec.Struct, frozen=True):
    """The alert of another tool that a finding repeats, as that tool names and grades it.

    `product` is the source's id here, `uid` the alert's id there and `link` where a person opens
    it. `status` and `severity` are the vendor's own words: they are told, and never believed.
    `incident_uid` is the incident or case there that it belongs to, if any, `updated` when the
    alert was last changed there (us UTC), and `over` whether it is closed there.
    """

    product: str
    uid: str
    link: str = ""
    status: str = ""
    severity: str = ""
    incident_uid: str = ""
    updated: int = 0
    over: bool = False


class IndicatorMatch(msgspec.Struct, frozen=True):
    """The intelligence behind a finding.

    `value` is what the indicator names and `seen` what the event held; `confidence` (0 to 100) is
    after decay, at the event's time. `source` is who published it, `tlp` how far it may go, and
    `listed` are warning lists that know the value as mostly harmless. `threats` are the malware,
    actors and campaigns that it indicates.
    """

    feed: str
    indicator_id: str
    name: str
    kind: str
    value: str
    seen: str
    confidence: int
    source: str = ""
    tlp: str = ""
    listed: tuple[str, ...] = ()
    threats: tuple[str, ...] = ()


class Finding(msgspec.Struct, frozen=True):
    """One detector's statement about one or more events. Times are microseconds UTC."""

    finding_id: str
    rule_id: str
    rule_digest: str
    title: str
    level: Level
    techniques: tuple[str, ...]
    time: int
    event_uids: tuple[str, ...]
    matched: tuple[Match, ...]
    entities: tuple[Entity, ...]
    events: tuple[EventCopy, ...]
    site: str
    source_id: str
    content_id: str
    tactics: tuple[str, ...] = ()
    received_at: int = 0
    standing: Standing = Standing.OPEN
    exception: str = ""
    """Id of the exception that hid or lowered it."""
    rule_level: Level | None = None
    """The level that the rule gave it, where an exception lowered `level`."""
    values: tuple[tuple[str, FieldValue], ...] = ()
    """What the fields hold that correlation rules over this rule group by or compute with."""
    vendor: VendorAlert | None = None
    unit: str = ""
    """The business unit that the event was of on its day; empty when context does not tell."""
    segment: str = ""
    """The network segment, likewise."""
    indicator: IndicatorMatch | None = None
    cves: tuple[str, ...] = ()
    """The CVE ids that the rule's tags or the vendor's alert name."""
    context: tuple[ContextNote, ...] = ()
    """What the site knew on the event's day of the entities that it is about."""


def finding_id(rule_id: str, rule_digest: str, event_uids: tuple[str, ...]) -> str:
    """Identity of a finding: the same rule text over the same events is the same finding."""
    digest = blake2b(digest_size=16)
    for part in (rule_id, rule_digest, *sorted(event_uids)):
        digest.update(part.encode())
        digest.update(b"\0")
    return digest.hexdigest()


FINDINGS = pa.schema(
    [
        pa.field("finding_id", pa.string(), nullable=False),
        pa.field("rule_id", pa.string(), nullable=False),
        pa.field("time", pa.int64(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("standing", pa.string(), nullable=False),
        pa.field("body", pa.binary(), nullable=False),
    ]
)
"""Findings between stages. `body` is the Finding in MessagePack; `offset` the spool offset of the
event that completed it."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Finding).decode


def findings_to_arrow(findings: list[tuple[int, Finding]]) -> pa.RecordBatch:
    """(spool offset, Finding) pairs as one batch of `FINDINGS`."""
    return pa.RecordBatch.from_arrays(
        [
            pa.array([f.finding_id for _, f in findings], pa.string()),
            pa.array([f.rule_id for _, f in findings], pa.string()),
            pa.array([f.time for _, f in findings], pa.int64()),
            pa.array([offset for offset, _ in findings], pa.int64()),
            pa.array([f.standing.value for _, f in findings], pa.string()),
            pa.array([_encode(f) for _, f in findings], pa.binary()),
        ],
        schema=FINDINGS,
    )


def findings_from_arrow(rows: pa.RecordBatch) -> list[Finding]:
    """The inverse of `findings_to_arrow`, without the offsets."""
    return [_decode(body) for body in rows.column("body").to_pylist()]
