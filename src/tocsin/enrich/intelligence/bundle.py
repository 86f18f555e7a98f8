"""STIX 2.0 and 2.1 objects out of bundles and TAXII envelopes; only what is used is kept.

An object that cannot be read is named and left out, and the others are used all the same.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from tocsin.errors import InputError
from tocsin.formats.depth import too_deep

MAX_DEPTH = 32
MAX_OBJECT = 256 * 1024
"""Bytes of one object; a longer one is refused."""
MAX_TEXT = 300
MAX_LIST = 50
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

INDICATOR = "indicator"
RELATIONSHIP = "relationship"
SIGHTING = "sighting"
MARKING = "marking-definition"
THREATS = frozenset(
    {"malware", "tool", "threat-actor", "intrusion-set", "campaign", "infrastructure"}
)
USED = THREATS | {
    INDICATOR, RELATIONSHIP, SIGHTING, MARKING, "attack-pattern", "identity", "vulnerability",
}  # fmt: skip
"""Types of objects that are kept; others are counted."""


class Reference(msgspec.Struct, frozen=True):
    """An external reference."""

    source_name: str = ""
    external_id: str | None = None


class Phase(msgspec.Struct, frozen=True):
    """A phase of a kill chain."""

    kill_chain_name: str = ""
    phase_name: str = ""


class StixObject(msgspec.Struct, frozen=True, omit_defaults=True):
    """The fields of any STIX object that are used; texts and times as published."""

    type: str
    id: str
    created: str = ""
    modified: str = ""
    revoked: bool = False
    name: str = ""
    pattern: str = ""
    pattern_type: str = ""
    valid_from: str = ""
    valid_until: str | None = None
    confidence: int | str | None = None
    created_by_ref: str = ""
    object_marking_refs: tuple[str, ...] = ()
    kill_chain_phases: tuple[Phase, ...] = ()
    external_references: tuple[Reference, ...] = ()
    relationship_type: str = ""
    source_ref: str = ""
    target_ref: str = ""
    sighting_of_ref: str = ""
    last_seen: str | None = None
    definition_type: str = ""
    definition: dict[str, Any] = {}
    extensions: dict[str, Any] = {}

    @property
    def version(self) -> int:
        """When this version was made (us UTC); 0 when it does not say."""
        return moment(self.modified) or moment(self.created)


class Refused(msgspec.Struct, frozen=True):
    """An object that could not be read, by its place in the bundle."""

    place: str
    reason: str


class Bundle(msgspec.Struct, frozen=True):
    """What a bundle or envelope holds; `passed` counts objects of types that are not used."""

    objects: tuple[StixObject, ...]
    refused: tuple[Refused, ...] = ()
    passed: int = 0
    more: bool = False
    next: str = ""


class _Head(msgspec.Struct):
    type: str = ""
    objects: list[msgspec.Raw] | None = None
    more: bool = False
    next: str | None = None


class _Kind(msgspec.Struct):
    type: str = ""
    id: str = ""


_head = msgspec.json.Decoder(_Head)
_kind = msgspec.json.Decoder(_Kind)
_object = msgspec.json.Decoder(StixObject)
_list = msgspec.json.Decoder(list[msgspec.Raw])
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(StixObject).decode


def read_bundle(data: bytes) -> Bundle:
    """A bundle, a TAXII envelope, a list of objects, or one. Raises InputError for no JSON."""
    if too_deep(data, MAX_DEPTH):
        raise InputError("not-stix", f"a bundle nests deeper than {MAX_DEPTH} levels")
    try:
        head = (
            _Head(objects=_list.decode(data)) if data.lstrip()[:1] == b"[" else _head.decode(data)
        )
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError("not-stix", f"no STIX bundle: {error}") from None
    if head.objects is None:
        head.objects = [msgspec.Raw(data)] if head.type not in ("", "bundle") else []
    found: list[StixObject] = []
    refused: list[Refused] = []
    passed = 0
    for number, raw in enumerate(head.objects):
        read = _read(number, raw)
        if isinstance(read, StixObject):
            found.append(read)
        elif read is None:
            passed += 1
        else:
            refused.append(read)
    return Bundle(tuple(found), tuple(refused), passed, head.more, head.next or "")


def _read(number: int, raw: msgspec.Raw) -> StixObject | Refused | None:
    place = f"object {number + 1}"
    if len(memoryview(raw)) > MAX_OBJECT:
        return Refused(place, f"longer than {MAX_OBJECT:,} bytes")
    try:
        kind = _kind.decode(raw)
        place = f"{place} ({kind.id[:120]})" if kind.id else place
        if kind.type not in USED:
            return None
        return _checked(_object.decode(raw))
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        return Refused(place, str(error)[:300])


def _checked(one: StixObject) -> StixObject:
    """An object that can be kept; raises ValueError for one without an id of its type or times."""
    if not one.id.startswith(one.type + "--") or len(one.id) > MAX_TEXT:
        raise ValueError(f"the id {one.id[:80]!r} is none of a {one.type}")
    for name in ("created", "modified", "valid_from", "valid_until", "last_seen"):
        text = getattr(one, name)
        if text and not moment(text):
            raise ValueError(f"{name} is no time: {text[:60]!r}")
    if one.type == INDICATOR and not one.pattern:
        raise ValueError("an indicator without pattern")
    if one.type == RELATIONSHIP and not (one.source_ref and one.target_ref):
        raise ValueError("a relationship of nothing")
    return msgspec.structs.replace(
        one,
        name=one.name[:MAX_TEXT],
        object_marking_refs=one.object_marking_refs[:MAX_LIST],
        kill_chain_phases=one.kill_chain_phases[:MAX_LIST],
        external_references=tuple(r for r in one.external_references if r.external_id)[:MAX_LIST],
        definition=_small(one.definition),
        extensions=_small(one.extensions),
    )


def _small(tree: dict[str, Any]) -> dict[str, Any]:
    """Of free-form fields only what says a TLP level."""
    kept: dict[str, Any] = {}
    for key, value in list(tree.items())[:MAX_LIST]:
        if key == "tlp" and isinstance(value, str):
            kept[key] = value[:MAX_TEXT]
        elif isinstance(value, dict) and isinstance(value.get("tlp_2_0"), str):
            kept[key] = {"tlp_2_0": value["tlp_2_0"][:MAX_TEXT]}
    return kept


def moment(text: str | None) -> int:
    """An RFC 3339 time as microseconds UTC; 0 when it is none."""
    try:
        parsed = datetime.fromisoformat(text or "")
    except ValueError:
        return 0
    aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    return max(0, (aware - _EPOCH) // _MICROSECOND)


def packed(one: StixObject) -> bytes:
    """An object as it is kept."""
    return _pack(one)


def unpacked(body: bytes) -> StixObject:
    """The inverse of `packed`."""
    return _unpack(body)


def technique_ids(one: StixObject) -> Iterator[str]:
    """ATT&CK ids of an attack pattern."""
    for reference in one.external_references:
        if reference.source_name.startswith("mitre-") and reference.external_id:
            yield reference.external_id
