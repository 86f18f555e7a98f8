"""An Incident: findings that belong together, with the reasons why."""

from enum import StrEnum

import msgspec
import pyarrow as pa

from tocsin.model.findings import Entity, Level


class Link(msgspec.Struct, frozen=True):
    """Why a finding joined: the entity it shares and with which earlier finding."""

    finding_id: str
    joined_to: str
    reason: str


class RuleCount(msgspec.Struct, frozen=True):
    """How often one rule spoke in an incident. Times are microseconds UTC."""

    rule_id: str
    title: str
    level: Level
    techniques: tuple[str, ...]
    count: int
    first: int
    last: int
    finding_ids: tuple[str, ...]
    """The first few findings of this rule; `count` says how many there are."""


class Moment(msgspec.Struct, frozen=True):
    """One line of the timeline."""

    time: int
    title: str
    level: Level
    host: str
    detail: str
    count: int = 1


class Incident(msgspec.Struct, frozen=True):
    """Findings grouped into one thing to investigate. Times are microseconds UTC."""

    incident_id: str
    site: str
    title: str
    level: Level
    entities: tuple[Entity, ...]
    techniques: tuple[str, ...]
    tactics: tuple[str, ...]
    first: int
    last: int
    finding_count: int
    rules: tuple[RuleCount, ...]
    timeline: tuple[Moment, ...]
    links: tuple[Link, ...]
    story: str
    aliases: tuple[str, ...] = ()
    """Ids of incidents that turned out to be this one; they stay valid."""


class Grade(StrEnum):
    """What an incident or finding turned out to be, in a person's judgement."""

    TRUE_POSITIVE = "true-positive"
    BENIGN_POSITIVE = "benign-positive"
    FALSE_POSITIVE = "false-positive"
    UNDETERMINED = "undetermined"


class Verdict(msgspec.Struct, frozen=True):
    """A person's grade of an incident: the label that everything learned here starts from."""

    incident_id: str
    grade: Grade
    reason: str
    by: str
    at: int
    cause: str = ""
    """One of `writeback.Cause`: why it was that, where the person said so."""


INCIDENT_CHANGES = pa.schema(
    [
        pa.field("incident_id", pa.string(), nullable=False),
        pa.field("alias_of", pa.string()),
        pa.field("new_finding_ids", pa.list_(pa.string()), nullable=False),
        pa.field("body", pa.binary()),
        pa.field("moved_cells", pa.list_(pa.string())),
        pa.field("moved_from", pa.string()),
    ]
)
"""What correlation changed: an incident as it now stands (`body`, MessagePack, and findings that
joined it in this step) or, with `alias_of`, an id that became another name of another incident, or,
with `moved_from`, findings that this incident takes over: those of the named cells (see
`correlate.sides`) that were kept in that other incident."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Incident).decode


def incident_to_bytes(incident: Incident) -> bytes:
    """An incident in MessagePack."""
    return _encode(incident)


def incident_from_bytes(body: bytes) -> Incident:
    """The inverse of `incident_to_bytes`."""
    return _decode(body)
