"""Does a value fit an OCSF attribute? Asked when a mapping is compiled."""

from collections.abc import Callable, Iterable
from typing import Any

from tocsin.normalize.converters import CONVERTERS, Converter
from tocsin.normalize.ocsf.schema import Attribute, OcsfSchema
from tocsin.normalize.scalars import FAILED, text

_BY_TYPE = {
    "ip_t": "ip",
    "mac_t": "mac",
    "email_t": "email",
    "uuid_t": "guid",
    "port_t": "port",
    "timestamp_t": "time",
    "boolean_t": "bool",
    "float_t": "float",
    "integer_t": "int",
    "long_t": "int",
}
"""The converter of a type when the mapping names none; every other scalar takes text."""

_PATTERNED = ("bytestring_t", "datetime_t", "subnet_t", "json_t")
"""Types for which no converter vouches: a pattern, or JSON of any form."""

_KINDS = {
    "ip_t": ("ip",),
    "mac_t": ("mac",),
    "email_t": ("email",),
    "uuid_t": ("uuid",),
    "port_t": ("port",),
    "timestamp_t": ("timestamp",),
    "boolean_t": ("boolean",),
    "float_t": ("float", "integer"),
    "integer_t": ("integer", "port"),
    "long_t": ("integer", "port", "timestamp"),
}
_ARRAYS = {
    "strings": "string_t",
    "emails": "email_t",
    "fingerprint": "object_t:fingerprint",
    "dns_answer": "object_t:dns_answer",
    "observable": "object_t:observable",
    "resource": "object_t:resource_details",
}


def default_converter(attribute: Attribute) -> str:
    """The converter of an attribute for which the mapping names none."""
    if attribute.is_array:
        return {v: k for k, v in (("hashes", "object_t:fingerprint"),)}.get(attribute.type, "words")
    return _BY_TYPE.get(attribute.type, "text")


def misfit(converter: Converter, attribute: Attribute) -> str:
    """Why what the converter makes is not what the attribute holds; empty when it fits."""
    kind = converter.kind
    if kind == "object":
        return "" if attribute.object_name else f"makes an object, but this is {attribute.type}"
    if kind in _ARRAYS:
        wanted = attribute.type if attribute.is_array else f"one {attribute.type}"
        return "" if wanted == _ARRAYS[kind] else f"makes a list of {_ARRAYS[kind]}, not {wanted}"
    if attribute.is_array or attribute.type.startswith("object_t"):
        return f"makes one {kind}, but this is {_name(attribute)}: name an attribute inside it"
    if attribute.type in _PATTERNED:
        return f"cannot vouch for {attribute.type}"
    allowed = _KINDS.get(attribute.type, ("string", "uuid", "ip", "mac"))
    return "" if kind in allowed else f"makes {kind}, but this is {attribute.type}"


def _name(attribute: Attribute) -> str:
    return f"a list of {attribute.type}" if attribute.is_array else attribute.type


def enum_value(attribute: Attribute, value: Any) -> Any:
    """The value of an enumeration from its number or its caption; FAILED when it has none."""
    if str(value) in attribute.enum:
        found = str(value)
    else:
        by_caption = {caption.lower(): key for key, caption in attribute.enum.items()}
        found = by_caption.get(str(value).lower(), "")
    if not found:
        return FAILED
    return int(found) if attribute.type != "string_t" else found


def constant_value(schema: OcsfSchema, attribute: Attribute, value: Any) -> Any:
    """A constant as it goes into the event; FAILED when it does not fit."""
    if attribute.is_array:
        items = value if isinstance(value, list) else [value]
        single = Attribute(attribute.type, attribute.requirement, enum=attribute.enum)
        made = [constant_value(schema, single, item) for item in items]
        return FAILED if FAILED in made else made
    if attribute.enum:
        return enum_value(attribute, value)
    if attribute.type not in schema.types or attribute.type in _PATTERNED:
        return FAILED
    if value is None or isinstance(value, dict | list):
        return FAILED
    return CONVERTERS[default_converter(attribute)].function(value)


class _Table:
    """A table of values.

    Equal keys count first, then those that end in `*` (they take what begins so), then those that
    begin with it, then those with one at both ends (they take what has it inside); of two that fit
    the longer one.
    """

    def __init__(self, rows: dict[str, Any]) -> None:
        self._rows = {key: value for key, value in rows.items() if key != "else"}
        self._rest = rows.get("else", FAILED)
        inside = {key for key in self._rows if len(key) > 1 and key[0] == key[-1] == "*"}
        ends = self._rows.keys() - inside
        self._starts = _longest_first(key[:-1] for key in ends if key.endswith("*"))
        self._ends = _longest_first(key[1:] for key in ends if key.startswith("*"))
        self._inside = _longest_first(key[1:-1] for key in inside)

    def of(self, word: str) -> Any:
        """What stands for `word`; FAILED where nothing does."""
        word = word.lower()
        if word in self._rows:
            return self._rows[word]
        for start in self._starts:
            if word.startswith(start):
                return self._rows[f"{start}*"]
        for end in self._ends:
            if word.endswith(end):
                return self._rows[f"*{end}"]
        for part in self._inside:
            if part in word:
                return self._rows[f"*{part}*"]
        return self._rest


def _longest_first(parts: Iterable[str]) -> list[str]:
    return sorted(parts, key=lambda part: (-len(part), part))


def table_function(attribute: Attribute, table: dict[str, Any]) -> Callable[[Any], Any]:
    """value -> (id, caption). `else` catches the rest; Other (99) keeps the source's word."""
    made = _Table({key: enum_value(attribute, target) for key, target in table.items()})
    other = 99

    def look(value: Any) -> Any:
        word = text(value)
        if word is FAILED:
            return FAILED
        found = made.of(word)
        if found is FAILED:
            return FAILED
        return (found, word if found == other else attribute.enum[str(found)])

    return look


def plain_table(table: dict[str, Any]) -> Callable[[Any], Any]:
    """value -> text, for an attribute without an enumeration."""
    made = _Table(table)

    def look(value: Any) -> Any:
        word = text(value)
        return FAILED if word is FAILED else made.of(word)

    return look
