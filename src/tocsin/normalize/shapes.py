"""From raw bytes to native fields: which source a record is of is seen from its content.

A record is recognized or it is not; nothing is guessed. The outcome of a channel is remembered.
"""

import re
from typing import Any

import orjson

from tocsin.model.records import NativeRecord, Undecodable
from tocsin.model.sources import ShapeSpec, SourceSpec

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


def flat(document: dict[str, Any]) -> dict[str, Any]:
    """A record whose fields already stand at the top."""
    return document


def windows_event(document: dict[str, Any]) -> dict[str, Any] | None:
    """`{"Event": {"System": ..., "EventData" | "UserData": ...}}` with its fields lifted.

    Names of System are Provider_Name, Provider_Guid, TimeCreated, ExecutionProcessID, ThreadID,
    ActivityID, UserID, Computer and so on; event data of the same name becomes `EventData_<name>`.
    """
    event = document.get("Event")
    system = event.get("System") if type(event) is dict else None
    if type(system) is not dict or type(event) is not dict:
        return None
    fields: dict[str, Any] = {}
    for name, value in system.items():
        _system(fields, name, value)
    data = event.get("EventData")
    if type(data) is dict:
        _data(fields, data)
    elif data is not None:
        _put(fields, "Data", data)
    user_data = event.get("UserData")
    if type(user_data) is dict:
        for name, inner in user_data.items():
            if type(inner) is dict:
                _data(fields, inner)
            elif name != "#attributes":
                _put(fields, name, inner)
    return fields


_SYSTEM = {
    "Provider": {
        "Name": "Provider_Name",
        "Guid": "Provider_Guid",
        "EventSourceName": "EventSourceName",
    },
    "TimeCreated": {"SystemTime": "TimeCreated"},
    "Execution": {"ProcessID": "ExecutionProcessID", "ThreadID": "ThreadID"},
    "Correlation": {"ActivityID": "ActivityID", "RelatedActivityID": "RelatedActivityID"},
    "Security": {"UserID": "UserID"},
}


def _system(fields: dict[str, Any], name: str, value: Any) -> None:
    if value is None:
        return
    names = _SYSTEM.get(name)
    if type(value) is not dict:
        fields[next(iter(names.values())) if names else name] = value
        return
    attributes = value.get("#attributes", value)
    if "#text" in value:
        fields[name] = value["#text"]
    if type(attributes) is dict:
        for inner, found in attributes.items():
            if inner != "#text":
                key = names.get(inner) if names else None
                fields[key or f"{name}_{inner}"] = found


def _data(fields: dict[str, Any], data: dict[str, Any]) -> None:
    for name, value in data.items():
        if name == "#attributes":
            attribute = value.get("Name") if type(value) is dict else None
            if attribute is not None:
                _put(fields, "EventData_Name", attribute)
        elif type(value) is dict and "#text" in value:
            _put(fields, name, value["#text"])
        elif type(value) is dict and not value.keys() - {"#attributes"}:
            _put(fields, name, None)
        elif name == "Data" and type(value) is list:
            _put(fields, name, [v.get("#text") if type(v) is dict else v for v in value])
        else:
            _put(fields, name, value)


def _put(fields: dict[str, Any], name: str, value: Any) -> None:
    if name in fields:
        name = f"EventData_{name}"
    fields[name] = value
    if " " in name:
        fields.setdefault(name.replace(" ", ""), value)


def winlogbeat(document: dict[str, Any]) -> dict[str, Any] | None:
    """Winlogbeat before version 7: `event_data` holds the event's fields, its own stand beside."""
    fields = dict(document)
    for key in ("event_data", "user_data"):
        data = fields.pop(key, None)
        if type(data) is dict:
            for name, value in data.items():
                _put(fields, name, value)
        elif data is not None:
            return None
    user = fields.get("user")
    if type(user) is dict:
        fields.pop("user")
        fields.update({f"user_{name}": value for name, value in user.items()})
    return fields


READERS = {"flat": flat, "windows_event": windows_event, "winlogbeat": winlogbeat}


class Recognizer:
    """Finds the source and shape of a document and reads it into native fields."""

    def __init__(self, sources: tuple[SourceSpec, ...]) -> None:
        self._families: list[_Family] = []
        for source in sources:
            for shape in source.shapes:
                required = [shape.aliases.get(name, (name,))[0] for name in source.required]
                self._family(shape).add(source.id, shape, tuple(required))

    def _family(self, shape: ShapeSpec) -> "_Family":
        for family in self._families:
            if family.fits(shape):
                return family
        family = _Family(shape)
        self._families.append(family)
        return family

    def decode(self, raw: bytes, source_id: str | None) -> NativeRecord | Undecodable:
        """The record in native fields, or why it cannot be read.

        An escape of half a UTF-16 pair, which a Windows string may hold, reads as U+FFFD: who
        chooses such a string must not hide its record from the rules.
        """
        try:
            document = orjson.loads(raw)
        except orjson.JSONDecodeError:
            try:
                document = orjson.loads(_without_unpaired(raw))
            except orjson.JSONDecodeError as error:
                return _unreadable(raw, str(error))
        if type(document) is not dict:
            return Undecodable("not-an-object", f"JSON, but a {type(document).__name__}")
        for family in self._families:
            record = family.read(document)
            if record is not None:
                if source_id is None or record.source_id == source_id:
                    return record
                detail = f"declared as {source_id}, but reads as {record.source_id}"
                return Undecodable("other-source", detail)
        shown = ", ".join(sorted(document)[:20])[:_MAX_SHOWN]
        return Undecodable("unrecognized", f"no source knows a record with these keys: {shown}")


class _Family:
    """Shapes that are told apart by the value of one field after the same reader."""

    def __init__(self, shape: ShapeSpec) -> None:
        self.reader_name = shape.reader
        self.has = shape.has
        self.field = next(iter(shape.where), "")
        self._reader = None if shape.reader == "flat" else READERS[shape.reader]
        self._first, self._rest = shape.has[0], shape.has[1:]
        self._by_value: dict[str, tuple[str, str]] = {}
        self._any: tuple[str, str] | None = None
        self._needs = ""
        self._memo: dict[str, tuple[str, str] | None] = {}

    def fits(self, shape: ShapeSpec) -> bool:
        """Whether `shape` is told from the others in the same way."""
        mine = (self.reader_name, self.has, self.field)
        return mine == (shape.reader, shape.has, next(iter(shape.where), ""))

    def add(self, source_id: str, shape: ShapeSpec, required: tuple[str, ...]) -> None:
        """One more shape; without values it takes whatever no other shape of the family names.

        A record without the field at all (a trace of an event provider has no channel) must then
        have the first of the source's `required` fields.
        """
        values = shape.where.get(self.field, ())
        for value in values:
            self._by_value.setdefault(value.lower(), (source_id, shape.id))
        if not values and self._any is None:
            self._any = (source_id, shape.id)
            self._needs = required[0] if required else ""

    def read(self, document: dict[str, Any]) -> NativeRecord | None:
        """The record, or None when it is not of this family."""
        if self._first not in document:
            return None
        for key in self._rest:
            if key not in document:
                return None
        fields = document
        if self._reader is not None:
            lifted = self._reader(document)
            if lifted is None:
                return None
            fields = lifted
        value = fields.get(self.field)
        if type(value) is not str:
            if value is not None or self._any is None or self._needs not in fields:
                return None
            return NativeRecord(self._any[0], self._any[1], fields)
        memo = self._memo
        found = memo[value] if value in memo else self._choose(value)
        return NativeRecord(found[0], found[1], fields) if found else None

    def _choose(self, value: str) -> tuple[str, str] | None:
        found = self._by_value.get(value.lower(), self._any)
        if len(self._memo) >= _MAX_REMEMBERED:
            self._memo.clear()
        self._memo[value] = found
        return found


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
