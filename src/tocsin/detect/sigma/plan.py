"""The plan: rules, predicates, scopes and compiled databases, in a form that can be stored."""

import platform
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from typing import Protocol

import msgspec

from tocsin.detect.sigma.automata import hyperscan_version
from tocsin.detect.sigma.ir import Node, Predicate, Rule
from tocsin.detect.sigma.windows.correlation import Correlation
from tocsin.errors import StorageError
from tocsin.model.findings import Standing
from tocsin.model.logsources import LogsourceBinding
from tocsin.model.rules import RuleStatus

FORMAT = 5
"""Version of the stored plan; a plan of another version is compiled anew, never upgraded."""


class Database(msgspec.Struct, frozen=True, array_like=True):
    """A compiled hyperscan database for one field over lower-cased or original text."""

    field: str
    folded: bool
    members: tuple[int, ...]
    approximate: tuple[int, ...]
    data: bytes


class Scope(msgspec.Struct, frozen=True, array_like=True):
    """Rules that apply to the same records and read them through the same names.

    `rules` are numbers of `Plan.rules`, rising; `condition` decides, on fields that route, whether
    a record is of this scope at all.
    """

    shape: str
    sources: tuple[str, ...]
    condition: Node
    fields: dict[str, tuple[str, ...]]
    values: dict[str, dict[str, str]]
    rules: tuple[int, ...]

    def serves(self, source_id: str, shape: str) -> bool:
        """True when records of this source and shape can be of this scope."""
        return shape == self.shape and (not self.sources or source_id in self.sources)

    def holds(self, rule: int) -> bool:
        """True when the rule of this number applies here."""
        place = bisect_left(self.rules, rule)
        return place < len(self.rules) and self.rules[place] == rule

    def natives(self, field: str) -> tuple[str, ...]:
        """The native keys that carry a field of rules."""
        return self.fields.get(field, (field,))


class Plan(msgspec.Struct, frozen=True):
    """Everything a Matcher needs. `rules` are the active ones; `trees` run parallel to them."""

    format: int
    engine: str
    rules: tuple[Rule, ...]
    trees: tuple[Node, ...]
    predicates: tuple[Predicate, ...]
    scopes: tuple[Scope, ...]
    databases: tuple[Database, ...]
    statuses: tuple[RuleStatus, ...]
    correlations: tuple[Correlation, ...] = ()
    feeding: dict[int, tuple[str, ...]] = {}
    """Rule number -> fields whose values its findings must carry for correlations."""
    building: frozenset[str] = frozenset()
    """Ids of rules and correlations whose findings only feed correlations."""

    def standing_of(self, rule_id: str) -> Standing:
        """`building` for a rule that is only material for correlations (ADR 0013)."""
        return Standing.BUILDING if rule_id in self.building else Standing.OPEN

    def dump(self) -> bytes:
        """The plan in MessagePack, bound to this CPU's hyperscan databases."""
        return _encode(self)

    @classmethod
    def load(cls, data: bytes) -> "Plan":
        """The inverse of `dump`; raises StorageError when it was made elsewhere or is damaged."""
        try:
            plan = _decode(data)
        except msgspec.DecodeError as error:
            raise StorageError(f"the stored detection plan is damaged: {error}") from error
        if plan.format != FORMAT or plan.engine not in ("", hyperscan_version()):
            raise StorageError("the stored detection plan was made by another version or CPU")
        return plan


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Plan).decode


def plan_key(files: Iterable[tuple[str, bytes]], logsources: Sequence[LogsourceBinding]) -> str:
    """Name under which a plan may be cached: it changes with whatever the plan depends on."""
    digest = sha256()
    for part in (
        str(FORMAT),
        _version("tocsin"),
        _version("pysigma"),
        _version("hyperscan"),
        hyperscan_version(),
        platform.machine(),
    ):
        _add(digest, part.encode())
    _add(digest, msgspec.json.encode(tuple(logsources)))
    for where, data in files:
        _add(digest, where.encode("utf-8", "replace"))
        _add(digest, data)
    return digest.hexdigest()[:32]


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...


def _add(digest: _Digest, part: bytes) -> None:
    digest.update(len(part).to_bytes(8, "big"))
    digest.update(part)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
