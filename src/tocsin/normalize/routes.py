"""Which program maps a record of a shape, when it happened and what makes it itself."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

import orjson

from tocsin.model.records import Position
from tocsin.model.sources import ShapeSpec, SourceSpec
from tocsin.normalize.moments import TimeResolver
from tocsin.normalize.program import Program
from tocsin.normalize.scalars import ABSENT


class Router:
    """Chooses the program of a record of one shape.

    Of the values in `when:` an equal one counts first, then the longest that ends in `*` and with
    which the record's value begins.
    """

    def __init__(
        self,
        select: tuple[str, ...],
        programs: Sequence[
            tuple[Sequence[Any], Mapping[tuple[str, ...], tuple[str, ...]], Program]
        ],
        default: Program,
    ) -> None:
        self.select = select
        self.default = default
        self._plain: dict[str, Program] = {}
        self._conditional: dict[
            str, list[tuple[Mapping[tuple[str, ...], tuple[str, ...]], Program]]
        ] = {}
        for values, conditions, program in programs:
            for value in values:
                key = str(value).lower()
                if conditions:
                    self._conditional.setdefault(key, []).append((conditions, program))
                else:
                    self._plain.setdefault(key, program)
        self._starts = sorted(
            {key[:-1] for key in (*self._plain, *self._conditional) if key.endswith("*")},
            key=lambda start: (-len(start), start),
        )
        self._first = select[0]
        self._numbers = {
            int(key): program
            for key, program in self._plain.items()
            if key.isdigit() and key not in self._conditional
        }

    def choose(self, fields: dict[str, Any]) -> Program:
        """The program of the record's event type; the default when there is none."""
        value = fields.get(self._first)
        if type(value) is int:
            found = self._numbers.get(value)
            if found is not None:
                return found
        elif value is None:
            value = _first(fields, self.select)
        if type(value) is int:
            pass
        elif type(value) is not str:
            return self.default
        key = str(value).lower()
        found = self._of(key, fields)
        if found is None:
            starts = (start for start in self._starts if key.startswith(start))
            programs = (self._of(f"{start}*", fields) for start in starts)
            found = next((program for program in programs if program is not None), self.default)
        return found

    def _of(self, key: str, fields: dict[str, Any]) -> Program | None:
        """The program of one key of `when:`, those with further conditions first."""
        for conditions, program in self._conditional.get(key, ()):
            if all(_meets(_first(fields, names), wanted) for names, wanted in conditions.items()):
                return program
        return self._plain.get(key)


ANY = "*"
"""The end of a condition that takes every value which begins so; alone it takes any at all."""


def _meets(value: Any, wanted: tuple[str, ...]) -> bool:
    text = str(value).lower()
    if text in wanted:
        return True
    starts = tuple(choice[:-1] for choice in wanted if choice.endswith(ANY))
    return bool(starts) and value not in ABSENT and text.startswith(starts)


def _first(fields: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    for name in names:
        value = fields.get(name)
        if value is not None:
            return value
    return None


class CompiledShape:
    """All that belongs to one shape of one source."""

    def __init__(self, source: SourceSpec, shape: ShapeSpec, router: Router) -> None:
        self.source = source
        self.router = router
        self.times = TimeResolver(source, shape)
        self._identity = tuple(shape.aliases.get(name, (name,)) for name in source.identity.fields)
        self._names = tuple(names[0] for names in self._identity)
        self._otherwise = source.identity.otherwise
        self._window = source.identity.dedup_window * 1_000_000

    def uid(self, fields: Mapping[str, Any], position: Position, raw: bytes, time: int) -> str:
        """The record's identity: blake2b-128 over site, source and what makes it itself.

        Where the source says so (`dedup_window`) and a record has no identity of its own, records
        of equal content whose time (us) falls into the same window are one.

        The text that is hashed is two JSON lists, in which no part can take over bytes of another.
        Letter case of the fields does not count: one channel is written `Security` and `security`.
        """
        values = [fields.get(name) for name in self._names]
        if None in values:
            values = [_first(fields, names) for names in self._identity]
        if values and None not in values:
            try:
                identity = orjson.dumps(values).lower()
            except orjson.JSONEncodeError:  # nested deeper than JSON can be written
                identity = self._without_fields(position, raw, time)
        else:
            identity = self._without_fields(position, raw, time)
        whose = orjson.dumps((position.site, self.source.id))
        return blake2b(whose + identity, digest_size=16).hexdigest()

    def _without_fields(self, position: Position, raw: bytes, time: int) -> bytes:
        if self._window:
            content = blake2b(raw, digest_size=16).hexdigest()
            return orjson.dumps([None, None, None, content, time // self._window])
        return orjson.dumps(self._place(position))

    def _place(self, position: Position) -> list[Any]:
        if self._otherwise == "position":
            return [None, position.origin, position.position]
        return [None, None, position.partition, position.offset]
