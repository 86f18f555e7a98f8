"""From raw bytes to native fields: which source a record is of is seen from its content.

A record is recognized or it is not; nothing is guessed. Shapes that demand more are tried before
those that demand less. The outcome of a channel is remembered.
"""

import re
from collections.abc import Iterable
from typing import Any

import orjson

from tocsin.model.records import NativeRecord, Undecodable
from tocsin.model.sources import ShapeSpec, SourceSpec
from tocsin.normalize.patterns import Patterns
from tocsin.normalize.readers import DOCUMENTS, LINES
from tocsin.normalize.wrapped import Wrapped, fields_with, meant, unwrap

_MAX_REMEMBERED = 4_096
_MAX_SHOWN = 200
_BOM = b"\xef\xbb\xbf"
_UNPAIRED = re.compile(
    rb"""(?: [^\\]+                                                       # no escape
           | \\ (?: [^u] | u (?! [Dd][89A-Fa-f][0-9A-Fa-f]{2} ) )           # of something else
           | \\u[Dd][89ABab][0-9A-Fa-f]{2} \\u[Dd][C-Fc-f][0-9A-Fa-f]{2}    # of a pair
         ){1,100}
       | (\\u[Dd][89A-Fa-f][0-9A-Fa-f]{2})""",
    re.VERBOSE,
)
"""Tells unpaired surrogate escapes (group 1) from all else, and never looks at a byte again."""
_ZEEK_ROW = re.compile(r"\d{9,10}\.\d{6}\t[\w\-]+\t")
_JSON_STARTS = (b"{", b"")
"""How a record begins that is meant to be JSON, or is empty."""


class Recognizer:
    """Finds the source and shape of a record and reads it into native fields."""

    def __init__(self, sources: tuple[SourceSpec, ...], *, declared: bool = False) -> None:
        families: list[_Family] = []
        for source in sources:
            for shape in source.shapes:
                required = [shape.aliases.get(name, (name,))[0] for name in source.required]
                _family(families, shape).add(source.id, shape, tuple(required), insist=not declared)
        families.sort(key=lambda family: -family.demands)
        self._documents = [
            (family.first_key, family.read)
            for family in families
            if family.reader_name in DOCUMENTS
        ]
        self._lines = [
            (LINES[name], [family for family in families if family.reader_name == name])
            for name in LINES
        ]
        self._lines = [(reader, found) for reader, found in self._lines if found]
        self._sources = {source.id: source for source in sources}
        self._declared = (
            {} if declared else {s.id: Recognizer((s,), declared=True) for s in sources}
        )

    def decode(self, raw: bytes, source_id: str | None) -> NativeRecord | Undecodable:
        """The record in native fields, or why it cannot be read.

        An escape of half a UTF-16 pair, which a Windows string may hold, reads as U+FFFD: who
        chooses such a string must not hide its record from the rules. A record of a declared
        source is read as that source's, or not at all.
        """
        if source_id is not None:
            return self._as_declared(raw, source_id)
        document = self._read(raw)
        if type(document) is dict:
            found = self._known(document)
            if isinstance(found, NativeRecord):
                return found
            wrapped = unwrap(document)
            return found if wrapped is None else self._inside(wrapped)
        if isinstance(document, NativeRecord | Undecodable):
            return document
        return Undecodable("not-an-object", f"JSON, but a {type(document).__name__}")

    def _read(self, raw: bytes) -> Any:
        """What bytes say: a JSON value, the record of a line, or why they cannot be read."""
        try:
            return orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            return self._repaired(raw, error)

    def _known(self, document: Any) -> NativeRecord | Undecodable:
        """The record of a JSON value that is not wrapped in anything."""
        if type(document) is dict:
            for key, read in self._documents:
                if key is None or key in document:
                    record = read(document)
                    if record is not None:
                        return record
            shown = ", ".join(sorted(document)[:20])[:_MAX_SHOWN]
            return Undecodable("unrecognized", f"no source knows a record with these keys: {shown}")
        if isinstance(document, NativeRecord | Undecodable):
            return document
        return Undecodable("not-an-object", f"JSON, but a {type(document).__name__}")

    def _inside(self, wrapped: Wrapped) -> NativeRecord | Undecodable:
        """The record that a forwarder wrapped, with what stands around it."""
        first = self._unwrapped(wrapped.inside)
        others = iter(wrapped.others)
        found = first
        while isinstance(found, Undecodable) and (other := next(others, None)) is not None:
            found = self._unwrapped(other)
        for source_id in meant(wrapped.kind) if isinstance(found, Undecodable) else ():
            if isinstance(found, Undecodable) and (own := self._declared.get(source_id)):
                found = own._unwrapped(wrapped.inside)  # noqa: SLF001 - another of this class
        if isinstance(found, Undecodable):
            return first
        source = self._sources[found.source_id]
        return found._replace(fields=fields_with(found.fields, wrapped, source, found.shape))

    def _unwrapped(self, inside: str | dict[str, Any]) -> NativeRecord | Undecodable:
        document = self._read(inside.encode("utf-8", "replace")) if type(inside) is str else inside
        return self._known(document)

    def _as_declared(self, raw: bytes, source_id: str) -> NativeRecord | Undecodable:
        own = self._declared.get(source_id)
        found = own.decode(raw, None) if own else Undecodable("unrecognized", "")
        if isinstance(found, Undecodable):
            other = self.decode(raw, None)
            if isinstance(other, NativeRecord):
                detail = f"declared as {source_id}, but reads as {other.source_id}"
                return Undecodable("other-source", detail)
            if own is None:
                return Undecodable("unknown-source", f"there is no source {source_id}")
        return found

    def _repaired(self, raw: bytes, error: orjson.JSONDecodeError) -> Any:
        """What is no JSON as it stands: JSON with a torn escape, a line of text, or unreadable."""
        if raw.lstrip()[:1] in _JSON_STARTS:
            try:
                return orjson.loads(_without_unpaired(raw))
            except orjson.JSONDecodeError:
                return _unreadable(raw, str(error))
        text = raw.removeprefix(_BOM).decode("utf-8", "backslashreplace")
        if _ZEEK_ROW.match(text):
            detail = "a row of a Zeek log without its header (#fields): send it too, or send JSON"
            return Undecodable("no-header", detail)
        for reader, families in self._lines:
            fields = reader(text)
            if fields is None:
                continue
            for family in families:
                record = family.of_line(fields)
                if record is not None:
                    return record
        return _unreadable(raw, str(error))


def _family(families: list["_Family"], shape: ShapeSpec) -> "_Family":
    """The family that `shape` belongs to; a new one when there is none yet."""
    for family in families:
        if family.fits(shape):
            return family
    families.append(_Family(shape))
    return families[-1]


_Kind = tuple[str, str, Patterns | None]
"""Source, shape, and what is taken out of its text."""


class _Family:
    """Shapes that are told apart by the values of the same fields after the same reader."""

    def __init__(self, shape: ShapeSpec) -> None:
        self.reader_name = shape.reader
        self.has = shape.has
        self.names = tuple(shape.where)
        self._reader = DOCUMENTS.get(shape.reader) if shape.reader != "flat" else None
        self._keys = tuple(name for name in shape.has if "." not in name)
        self._paths = tuple((name, tuple(name.split("."))) for name in shape.has if "." in name)
        self._kinds: list[tuple[tuple[tuple[str, ...], ...], _Kind]] = []
        self._any: tuple[_Kind, ...] = ()
        self._needs = ""
        self._memo: dict[str | tuple[str | None, ...], tuple[_Kind, ...]] = {}
        self._name = self.names[0] if len(self.names) == 1 else ""

    @property
    def first_key(self) -> str | None:
        """A key without which a record is not of this family: most are told apart by it alone."""
        return self._keys[0] if self._keys else None

    @property
    def demands(self) -> int:
        """How much a record must have to be of this family."""
        return len(self.has) + len(self.names)

    def fits(self, shape: ShapeSpec) -> bool:
        """Whether `shape` is told from the others in the same way."""
        mine = (self.reader_name, self.has, self.names)
        return mine == (shape.reader, shape.has, tuple(shape.where))

    def add(
        self, source_id: str, shape: ShapeSpec, required: tuple[str, ...], *, insist: bool
    ) -> None:
        """One more shape; without values it takes whatever no other shape of the family names.

        Where several shapes fit, the first counts whose patterns take the record. A record without
        the field at all (a trace of an event provider has no channel) must then have the first of
        the source's `required` fields.
        """
        patterns = Patterns(shape.patterns, insist=insist) if shape.patterns else None
        kind = (source_id, shape.id, patterns)
        wanted = tuple(tuple(v.lower() for v in values) for values in shape.where.values())
        if any(wanted):
            self._kinds.append((wanted, kind))
        elif patterns is not None and patterns.required:
            self._any = (kind, *self._any)
        elif not any(found is None or not found.required for *_, found in self._any):
            self._any = (*self._any, kind)
            self._needs = required[0] if required else ""

    def read(self, document: dict[str, Any]) -> NativeRecord | None:
        """The record, or None when it is not of this family."""
        for key in self._keys:
            if key not in document:
                return None
        for name, path in self._paths:
            if name not in document and not _reaches(document, path):
                return None
        if self._reader is None:
            return self.take(document)
        fields = self._reader(document)
        return None if fields is None else self.take(fields)

    def of_line(self, fields: dict[str, Any]) -> NativeRecord | None:
        """The record of the fields of a line, or None when it is not of this family."""
        for key in self.has:
            if key not in fields:
                return None
        return self.take(fields)

    def take(self, fields: dict[str, Any]) -> NativeRecord | None:
        """The record of fields that were read, or None when it is not of this family."""
        key: Any = fields.get(self._name) if self._name else tuple(map(fields.get, self.names))
        if type(key) is str or self._all_texts(key):
            memo = self._memo
            found = memo[key] if key in memo else self._choose(key)
        elif key is None and self._any and self._needs in fields:
            found = self._any
        else:
            return None
        for source_id, shape_id, patterns in found:
            known = fields if patterns is None else patterns.extract(fields)
            if known is not None:
                return NativeRecord(source_id, shape_id, known)
        return None

    def _all_texts(self, key: object) -> bool:
        return not self._name and all(v is None or type(v) is str for v in key)  # type: ignore[attr-defined]  # several names give a tuple

    def _choose(self, key: str | tuple[str | None, ...]) -> tuple[_Kind, ...]:
        values = (key,) if isinstance(key, str) else key
        named = tuple(kind for wanted, kind in self._kinds if _meets(values, wanted))
        found = named or self._any
        if len(self._memo) >= _MAX_REMEMBERED:
            self._memo.clear()
        self._memo[key] = found
        return found


def _reaches(document: dict[str, Any], path: Iterable[str]) -> bool:
    value: Any = document
    for step in path:
        if type(value) is not dict or step not in value:
            return False
        value = value[step]
    return True


def _meets(values: tuple[str | None, ...], wanted: tuple[tuple[str, ...], ...]) -> bool:
    return all(
        not choices or (value is not None and any(_is_like(value.lower(), c) for c in choices))
        for value, choices in zip(values, wanted, strict=True)
    )


def _is_like(value: str, wanted: str) -> bool:
    """Equal, with `*` at either end of `wanted` for anything."""
    if wanted[:1] == "*":
        return (wanted[1:-1] in value) if wanted[-1:] == "*" else value.endswith(wanted[1:])
    return value.startswith(wanted[:-1]) if wanted[-1:] == "*" else value == wanted


def _without_unpaired(raw: bytes) -> bytes:
    r"""The same JSON, in as many bytes, with every unpaired surrogate escape made `\ufffd`."""
    return _UNPAIRED.sub(lambda found: rb"\ufffd" if found[1] else found[0], raw)


def _unreadable(raw: bytes, message: str) -> Undecodable:
    """Why bytes are not JSON, in words that tell the sender what to change."""
    if not raw.strip():
        return Undecodable("empty", "an empty record")
    if raw.startswith(_BOM):
        return Undecodable("byte-order-mark", "a byte order mark stands before the record")
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return Undecodable("not-utf-8", f"byte {error.start} is not UTF-8")
    return Undecodable("not-json", message[:_MAX_SHOWN])
