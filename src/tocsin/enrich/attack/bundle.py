"""Read a STIX 2.0 or 2.1 bundle of enterprise ATT&CK; only what labels need is kept.

Nothing in a bundle is believed that a label could be judged wrongly by: an object of use that
cannot be read is named and left out, and a bundle that leaves no tactics or techniques is refused.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

from tocsin.errors import ContentError
from tocsin.formats.depth import too_deep
from tocsin.model.attack import TACTICS, Release, Tactic, Technique
from tocsin.model.content import Problem
from tocsin.model.text import visible

MAX_BYTES = 512 * 1024 * 1024
"""The bundle of release 18 has about 50 MB."""
MAX_DEPTH = 64
MAX_OBJECTS = 1_000_000
MAX_PROBLEMS = 100
MAX_NAME = 200

TECHNIQUE_ID = re.compile(r"T[0-9]{4}(\.[0-9]{3})?")
_TACTIC_ID = re.compile(r"TA[0-9]{4}")
_SHORTNAME = re.compile(r"[a-z][a-z-]{0,60}")
_SOURCE = "mitre-attack"
"""The enterprise matrix; the others are `mitre-mobile-attack` and `mitre-ics-attack`."""
_DOMAIN = "enterprise-attack"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Head(msgspec.Struct):
    type: str
    objects: list[msgspec.Raw]


class _Kind(msgspec.Struct):
    type: str = ""


class _Reference(msgspec.Struct):
    source_name: str = ""
    external_id: str | None = None


class _Phase(msgspec.Struct):
    kill_chain_name: str = ""
    phase_name: str = ""


class _Object(msgspec.Struct):
    """The fields of any object that matter here; all others are passed over."""

    type: str
    id: str
    name: str = ""
    modified: str = ""
    created: str = ""
    revoked: bool = False
    x_mitre_deprecated: bool | None = False
    x_mitre_version: str | None = None
    x_mitre_shortname: str = ""
    external_references: list[_Reference] = []
    kill_chain_phases: list[_Phase] = []
    tactic_refs: list[str] = []
    relationship_type: str = ""
    source_ref: str = ""
    target_ref: str = ""

    @property
    def gone(self) -> bool:
        return self.revoked or bool(self.x_mitre_deprecated)

    @property
    def moment(self) -> str:
        return self.modified or self.created

    def external(self, pattern: re.Pattern[str]) -> str:
        """Its id in the enterprise matrix, or nothing."""
        for reference in self.external_references:
            found = reference.external_id or ""
            if reference.source_name == _SOURCE and pattern.fullmatch(found):
                return found
        return ""


_KEPT = frozenset(
    {"attack-pattern", "x-mitre-tactic", "x-mitre-matrix", "x-mitre-collection", "relationship"}
)
_head = msgspec.json.Decoder(_Head).decode
_kind = msgspec.json.Decoder(_Kind).decode
_object = msgspec.json.Decoder(_Object).decode


class _Parts(NamedTuple):
    techniques: list[_Object]
    tactics: list[_Object]
    matrices: list[_Object]
    collections: list[_Object]
    moves: list[_Object]


def read_bundle(data: bytes, where: str) -> tuple[Release, list[Problem]]:
    """The release in a bundle, and a warning for each object that was left out (at most 100).

    Raises ContentError when it is no bundle, not of the enterprise matrix, or has nothing of use.
    """
    problems: list[Problem] = []
    parts = _parted(_newest(_objects(data, where, problems)))
    by_stix = _technique_ids(parts.techniques)
    if not by_stix:
        raise ContentError(where, _nothing(parts.techniques))
    tactics = _tactics(parts, where, problems)
    techniques = _techniques(parts, by_stix)
    release = Release(_version(parts.collections), _modified(parts), tactics, techniques, "")
    digest = sha256(msgspec.msgpack.encode(release)).hexdigest()
    return msgspec.structs.replace(release, digest=digest), problems[:MAX_PROBLEMS]


def _objects(data: bytes, where: str, problems: list[Problem]) -> Iterator[_Object]:
    for number, raw in enumerate(_whole(data, where).objects):
        try:
            if _kind(raw).type in _KEPT:
                yield _object(raw)
        except msgspec.DecodeError as error:
            if len(problems) < MAX_PROBLEMS:
                message = f"left out: {visible(str(error), MAX_NAME)}"
                problems.append(Problem(f"{where}: objects[{number}]", message, "warning"))


def _whole(data: bytes, where: str) -> _Head:
    if len(data) > MAX_BYTES:
        raise ContentError(where, f"{len(data):,} bytes; a bundle has at most {MAX_BYTES:,}")
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise ContentError(where, f"not UTF-8: byte {error.start} is no text") from None
    if too_deep(data, MAX_DEPTH):
        raise ContentError(where, f"nests deeper than {MAX_DEPTH}: no STIX bundle does")
    try:
        head = _head(data)
    except msgspec.ValidationError as error:
        raise ContentError(where, f"not a STIX bundle: {error}") from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise ContentError(where, f"not JSON, or not all of it: {error}") from None
    if head.type != "bundle":
        raise ContentError(where, f"not a STIX bundle: its type is {visible(head.type, 60)}")
    if len(head.objects) > MAX_OBJECTS:
        raise ContentError(where, f"{len(head.objects):,} objects; at most {MAX_OBJECTS:,}")
    return head


def _newest(objects: Iterable[_Object]) -> list[_Object]:
    """Each STIX object once, in its newest version: a bundle may hold several."""
    found: dict[str, _Object] = {}
    for one in objects:
        known = found.get(one.id)
        if known is None or one.moment > known.moment:
            found[one.id] = one
    return list(found.values())


def _parted(objects: Iterable[_Object]) -> _Parts:
    parts = _Parts([], [], [], [], [])
    kinds = {
        "attack-pattern": parts.techniques,
        "x-mitre-tactic": parts.tactics,
        "x-mitre-matrix": parts.matrices,
        "x-mitre-collection": parts.collections,
    }
    for one in objects:
        if one.type in kinds:
            kinds[one.type].append(one)
        elif one.relationship_type == "revoked-by" and not one.gone:
            parts.moves.append(one)
    return parts


def _technique_ids(techniques: Iterable[_Object]) -> dict[str, str]:
    """STIX id -> technique id, for all that have one in the enterprise matrix."""
    pairs = ((one.id, one.external(TECHNIQUE_ID)) for one in techniques)
    return {stix: technique for stix, technique in pairs if technique}


def _nothing(techniques: Sequence[_Object]) -> str:
    chains = {phase.kill_chain_name for one in techniques for phase in one.kill_chain_phases}
    others = sorted(visible(name, 40) for name in chains - {"", _SOURCE})[:3]
    if others:
        return f"techniques of {', '.join(others)} only; the enterprise bundle is what is wanted"
    return "no ATT&CK technique in it; the enterprise bundle (enterprise-attack.json) is wanted"


def _tactics(parts: _Parts, where: str, problems: list[Problem]) -> tuple[Tactic, ...]:
    """The tactics in use, in the matrix's order; by the known order where there is no matrix."""
    found: dict[str, Tactic] = {}
    for one in parts.tactics:
        tactic_id, short = one.external(_TACTIC_ID), one.x_mitre_shortname
        if tactic_id and not one.gone and _SHORTNAME.fullmatch(short):
            found[one.id] = Tactic(tactic_id, short, visible(one.name, MAX_NAME) or short)
    if not found:
        raise ContentError(where, "no tactic in it: the bundle is not whole")
    order = [ref for ref in dict.fromkeys(_matrix_order(parts.matrices)) if ref in found]
    rest = sorted(found.keys() - set(order), key=lambda ref: _known_place(found[ref]))
    if rest:
        names = ", ".join(found[ref].shortname for ref in rest)
        text = f"no matrix says where in the kill chain these stand: {names}"
        problems.append(Problem(where, text, "warning"))
    ordered = (found[ref] for ref in [*order, *rest])
    return tuple({tactic.shortname: tactic for tactic in ordered}.values())


def _matrix_order(matrices: Iterable[_Object]) -> Iterator[str]:
    for matrix in sorted(matrices, key=lambda one: one.moment, reverse=True):
        domains = {reference.external_id for reference in matrix.external_references}
        if not matrix.gone and _DOMAIN in domains:
            yield from matrix.tactic_refs


def _known_place(tactic: Tactic) -> tuple[int, str]:
    known = tactic.shortname in TACTICS
    return (TACTICS.index(tactic.shortname) if known else len(TACTICS), tactic.shortname)


def _techniques(parts: _Parts, by_stix: dict[str, str]) -> tuple[Technique, ...]:
    """Each id once: an active object before one that is gone, the newest of equals."""
    successors: dict[str, list[str]] = {}
    for move in parts.moves:
        if move.target_ref in by_stix:
            successors.setdefault(move.source_ref, []).append(by_stix[move.target_ref])
    best: dict[str, _Object] = {}
    for one in sorted(parts.techniques, key=lambda one: (not one.gone, one.moment, one.id)):
        if one.id in by_stix:
            best[by_stix[one.id]] = one
    return tuple(
        Technique(
            technique_id,
            visible(one.name, MAX_NAME) or technique_id,
            _phases(one),
            one.revoked,
            bool(one.x_mitre_deprecated),
            tuple(sorted({new for new in successors.get(one.id, ()) if new != technique_id})),
        )
        for technique_id, one in sorted(best.items())
    )


def _phases(one: _Object) -> tuple[str, ...]:
    names = (p.phase_name for p in one.kill_chain_phases if p.kill_chain_name == _SOURCE)
    return tuple(dict.fromkeys(name for name in names if _SHORTNAME.fullmatch(name)))


def _version(collections: Iterable[_Object]) -> str:
    newest = max(collections, key=lambda one: one.moment, default=None)
    return visible(newest.x_mitre_version or "", 20) if newest else ""


def _modified(parts: _Parts) -> int:
    """The newest change (us UTC) of anything kept; 0 where no object is dated."""
    return max((_moment(one) for group in parts for one in group), default=0)


def _moment(one: Any) -> int:
    try:
        moment = datetime.fromisoformat(one.moment)
    except ValueError:
        return 0
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(microseconds=1)
