"""The mapping language: from YAML to plain values, every one with its place.

This module knows the words of the language, not what OCSF allows: that is `compile`.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from tocsin.errors import ContentError
from tocsin.formats.located_yaml import LocatedDocument, Path
from tocsin.model.sources import ShapeSpec, SourceSpec

Scalar = str | int | float | bool


class FieldRule(msgspec.Struct, frozen=True):
    """One line of `map:`: where a value comes from and how it is converted.

    Out of a list of objects come, of those that `pick` names, the value at one of `key`, or with
    `each` (what becomes of the keys of one) all of them as objects. `of` makes a list of objects
    out of single fields, whose names are then `names`.
    """

    target: tuple[str, ...]
    names: tuple[str, ...]
    convert: str
    table: str
    default: Scalar | None
    where: str
    pick: dict[str, tuple[str, ...]] = {}
    key: tuple[str, ...] = ()
    each: "Part | None" = None
    of: "tuple[Objects, ...]" = ()


class ConstantRule(msgspec.Struct, frozen=True):
    """One line of `set:`."""

    target: tuple[str, ...]
    value: Any
    where: str


class Part(msgspec.Struct, frozen=True):
    """`set:` and `map:` lines that belong together."""

    constants: tuple[ConstantRule, ...] = ()
    fields: tuple[FieldRule, ...] = ()


class Objects(msgspec.Struct, frozen=True):
    """One entry of `of:`: one of the record's fields, or of each object in a list."""

    part: Part
    each: tuple[str, ...] = ()


class EventRule(msgspec.Struct, frozen=True):
    """What one kind of record becomes. `conditions` beyond the selector are compared as text.

    `also` is what such a record may state as a second thing, of another class; the first of them
    that it does state counts. `needs` are the paths without which it does not.
    """

    class_name: str
    activity: Scalar | None
    values: tuple[Scalar, ...]
    conditions: dict[str, tuple[str, ...]]
    part: Part
    where: str
    also: "tuple[EventRule, ...]" = ()
    needs: tuple[tuple[str, ...], ...] = ()


class MappingSpec(msgspec.Struct, frozen=True):
    """A whole mapping file. `select` is the field whose value chooses the event."""

    source_id: str
    select: str
    tables: dict[str, dict[str, Scalar]]
    events: tuple[EventRule, ...]
    default: EventRule
    where: str


class _Reader:
    """Reads one document and remembers its places; `parts` are those of its family so far."""

    def __init__(self, document: LocatedDocument, parts: dict[str, Part] | None = None) -> None:
        self.document = document
        self.parts: dict[str, Part] = dict(parts or {})

    def fail(self, path: Path, message: str) -> ContentError:
        return self.document.error(path, message)

    def mapping(
        self, value: Any, path: Path, known: tuple[str, ...] | None = None
    ) -> dict[str, Any]:
        """`value` as a mapping with text keys, of which only `known` are allowed."""
        if not isinstance(value, dict):
            raise self.fail(path, "expected a mapping here")
        for key in value:
            if known is not None and key not in known:
                raise self.fail((*path, key), f"unknown key {key!r}; known: {', '.join(known)}")
        return value

    def text(self, value: Any, path: Path) -> str:
        if not isinstance(value, str) or not value:
            raise self.fail(path, f"expected a text, not {value!r}")
        return value

    def texts(self, value: Any, path: Path) -> tuple[str, ...]:
        """One text or a list of them."""
        items = value if isinstance(value, list) else [value]
        return tuple(self.text(item, path) for item in items)

    def scalars(self, value: Any, path: Path) -> tuple[Scalar, ...]:
        items = value if isinstance(value, list) else [value]
        for item in items:
            if not isinstance(item, str | int | float):
                raise self.fail(path, f"expected a text or number, not {item!r}")
        return tuple(items)

    def part(self, value: dict[str, Any], path: Path) -> Part:
        """The `use:`, `set:` and `map:` of a mapping; later lines win over earlier ones."""
        constants: dict[tuple[str, ...], ConstantRule] = {}
        fields: dict[tuple[str, ...], FieldRule] = {}
        for name in self.texts(value["use"], (*path, "use")) if "use" in value else ():
            used = self.parts.get(name)
            if used is None:
                raise self.fail((*path, "use"), f"no part named {name!r}")
            _merge(constants, fields, used)
        own_constants = self.rules(value, path, "set", self.constant)
        own_fields = self.rules(value, path, "map", self.field)
        _merge(constants, fields, Part(own_constants, own_fields))
        return Part(tuple(constants.values()), tuple(fields.values()))

    def rules(
        self, value: dict[str, Any], path: Path, key: str, read: Callable[[str, Any, Path], Any]
    ) -> tuple[Any, ...]:
        lines = self.mapping(value.get(key) or {}, (*path, key))
        return tuple(read(target, line, (*path, key, target)) for target, line in lines.items())

    def constant(self, target: str, value: Any, path: Path) -> ConstantRule:
        return ConstantRule(self.target(target, path), value, self.document.at(path))

    def target(self, text: Any, path: Path) -> tuple[str, ...]:
        steps = tuple(self.text(text, path).split("."))
        if not all(steps):
            raise self.fail(path, f"{text!r} is no path; write it like src_endpoint.ip")
        return steps

    def field(self, target: str, value: Any, path: Path) -> FieldRule:
        if not isinstance(value, dict):
            value = {"from": value}
        known = ("from", "as", "table", "default", "pick", "key", "each", "set", "of")
        self.mapping(value, path, known)
        if "of" in value:
            return self._gathered(target, value, path)
        if "from" not in value:
            raise self.fail(path, "say where the value comes from: `from: FieldName`")
        if ("pick" in value and not value.keys() & {"key", "each"}) or {"key", "each"} <= set(
            value
        ):
            raise self.fail(path, "of a list of objects say the `key:` of one, or `each:` for all")
        default = value.get("default")
        if not isinstance(default, str | int | float | None):
            raise self.fail(path, "a default is a text or a number")
        return FieldRule(
            target=self.target(target, path),
            names=self.texts(value["from"], path),
            convert=self.text(value["as"], path) if "as" in value else "",
            table=self.text(value["table"], path) if "table" in value else "",
            default=default,
            where=self.document.at(path),
            pick=self._pick(value.get("pick") or {}, (*path, "pick")),
            key=self.texts(value["key"], path) if "key" in value else (),
            each=self._each(value, path) if "each" in value else None,
        )

    def _each(self, value: dict[str, Any], path: Path) -> Part:
        """`each:` maps the keys of an object, `set:` beside it is the same for all."""
        constants = self.rules(value, path, "set", self.constant)
        return Part(constants, self.rules(value, path, "each", self.field))

    def _gathered(self, target: str, value: dict[str, Any], path: Path) -> FieldRule:
        """`of:` lists the `set:` and `map:` of each object."""
        self.mapping(value, path, ("of",))
        items = value["of"] if isinstance(value["of"], list) else [value["of"]]
        made = []
        for index, item in enumerate(items):
            here = (*path, "of", index) if isinstance(value["of"], list) else (*path, "of")
            self.mapping(item, here, ("use", "set", "map", "each"))
            each = self.texts(item["each"], (*here, "each")) if "each" in item else ()
            made.append(Objects(self.part(item, here), each))
        fields = (
            name
            for objects in made
            for name in objects.each or (n for rule in objects.part.fields for n in rule.names)
        )
        return FieldRule(
            target=self.target(target, path),
            names=tuple(dict.fromkeys(fields)),
            convert="",
            table="",
            default=None,
            where=self.document.at(path),
            of=tuple(made),
        )

    def _pick(self, value: Any, path: Path) -> dict[str, tuple[str, ...]]:
        return {
            key: tuple(str(item).lower() for item in self.scalars(wanted, (*path, key)))
            for key, wanted in self.mapping(value, path).items()
        }


def _merge(
    constants: dict[tuple[str, ...], ConstantRule],
    fields: dict[tuple[str, ...], FieldRule],
    part: Part,
) -> None:
    """Add `part`; what it says of a path replaces what was said before."""
    for constant in part.constants:
        fields.pop(constant.target, None)
        constants[constant.target] = constant
    for rule in part.fields:
        constants.pop(rule.target, None)
        fields[rule.target] = rule


_SAYS = ("class", "activity", "use", "set", "map")
_EVENT_KEYS = ("when", *_SAYS, "also")


def read_mapping(document: LocatedDocument, family: LocatedDocument | None = None) -> MappingSpec:
    """A mapping file; raises ContentError at the line of the first thing that is wrong.

    Of a family come `tables`, `parts` and `every`; what the file itself says of a name or path
    counts more.
    """
    common = _common(_Reader(family), ("tables", "parts", "every")) if family else _Common()
    reader = _Reader(document, common.parts)
    known = ("source", "select", "tables", "parts", "every", "events", "default")
    top = reader.mapping(document.value, (), known)
    for key in ("source", "select", "default"):
        if key not in top:
            raise reader.fail((), f"`{key}:` is missing")
    own = _common(reader, known)
    constants = {rule.target: rule for rule in common.every.constants}
    fields = {rule.target: rule for rule in common.every.fields}
    _merge(constants, fields, own.every)
    every = Part(tuple(constants.values()), tuple(fields.values()))
    select = reader.text(top["select"], ("select",))
    events = top.get("events") or []
    if not isinstance(events, list):
        raise reader.fail(("events",), "`events:` is a list")
    return MappingSpec(
        source_id=reader.text(top["source"], ("source",)),
        select=select,
        tables=common.tables | own.tables,
        events=tuple(
            _event(reader, event, ("events", index), select, every)
            for index, event in enumerate(events)
        ),
        default=_event(reader, top["default"], ("default",), "", every),
        where=document.at(()),
    )


class _Common(msgspec.Struct, frozen=True):
    """What events share."""

    tables: dict[str, dict[str, Scalar]] = {}
    parts: dict[str, Part] = {}
    every: Part = Part()


def _common(reader: _Reader, known: tuple[str, ...]) -> _Common:
    top = reader.mapping(reader.document.value, (), known)
    for name, value in reader.mapping(top.get("parts") or {}, ("parts",)).items():
        path: Path = ("parts", name)
        reader.parts[name] = reader.part(reader.mapping(value, path, ("use", "set", "map")), path)
    every = reader.part(
        reader.mapping(top.get("every") or {}, ("every",), ("use", "set", "map")), ("every",)
    )
    return _Common(_tables(reader, top.get("tables") or {}), reader.parts, every)


def _tables(reader: _Reader, value: Any) -> dict[str, dict[str, Scalar]]:
    tables = {}
    for name, rows in reader.mapping(value, ("tables",)).items():
        path: Path = ("tables", name)
        found = {}
        for key, target in reader.mapping(rows, path).items():
            if not isinstance(target, str | int | float):
                raise reader.fail((*path, key), "a table maps a value to a text or number")
            found[str(key).lower()] = target
        tables[name] = found
    return tables


def _event(reader: _Reader, value: Any, path: Path, select: str, every: Part) -> EventRule:
    keys = _EVENT_KEYS if select else _EVENT_KEYS[1:]
    event = reader.mapping(value, path, keys)
    made = _says(reader, event, path, every)
    chosen, conditions = _when(reader, event, path, select) if select else ((), {})
    also = _alsos(reader, event, path, every, made)
    return msgspec.structs.replace(made, values=chosen, conditions=conditions, also=also)


def _alsos(
    reader: _Reader, event: dict[str, Any], path: Path, every: Part, first: EventRule
) -> tuple[EventRule, ...]:
    """The `also:` of an event: one, or a list of which the first that is stated counts."""
    value, here = event.get("also", []), (*path, "also")
    if isinstance(value, list):
        places = [(one, (*here, index)) for index, one in enumerate(value)]
    else:
        places = [(value, here)]
    return tuple(_also(reader, one, place, every, first) for one, place in places)


def _also(reader: _Reader, value: Any, here: Path, every: Part, first: EventRule) -> EventRule:
    event = reader.mapping(value, here, (*_SAYS, "needs"))
    also = _says(reader, event, here, every)
    if also.class_name == first.class_name:
        raise reader.fail((*here, "class"), f"the event itself is {also.class_name}: say another")
    place = (*here, "needs")
    needs = reader.texts(event["needs"], place) if "needs" in event else ()
    return msgspec.structs.replace(also, needs=tuple(reader.target(n, place) for n in needs))


def _says(reader: _Reader, event: dict[str, Any], path: Path, every: Part) -> EventRule:
    """Class, activity and lines of an event, whatever chooses it."""
    if "class" not in event:
        raise reader.fail(path, "`class:` is missing")
    constants = {rule.target: rule for rule in every.constants}
    fields = {rule.target: rule for rule in every.fields}
    _merge(constants, fields, reader.part(event, path))
    activity = event.get("activity")
    if not isinstance(activity, str | int | None):
        raise reader.fail((*path, "activity"), "an activity is a caption or a number")
    return EventRule(
        class_name=reader.text(event["class"], (*path, "class")),
        activity=activity,
        values=(),
        conditions={},
        part=Part(tuple(constants.values()), tuple(fields.values())),
        where=reader.document.at(path),
    )


def _when(
    reader: _Reader, event: dict[str, Any], path: Path, select: str
) -> tuple[tuple[Scalar, ...], dict[str, tuple[str, ...]]]:
    here = (*path, "when")
    when = reader.mapping(event.get("when"), here)
    if select not in when:
        raise reader.fail(here, f"`when:` must name {select}, the field of `select:`")
    conditions = {
        name: tuple(str(item).lower() for item in reader.scalars(value, (*here, name)))
        for name, value in when.items()
        if name != select
    }
    return reader.scalars(when[select], (*here, select)), conditions


def read_source(document: LocatedDocument, family: LocatedDocument | None = None) -> SourceSpec:
    """A source file; raises ContentError at the line of what is wrong.

    Of a family come the keys that the file does not have, and its shapes; `values` then names what
    the one field in `where:` of each shape may be.
    """
    reader = _Reader(document)
    known = (
        *(f.name for f in msgspec.structs.fields(SourceSpec) if f.name != "where"),
        *_OF_FAMILY,
    )
    value = dict(reader.mapping(document.value, (), known))
    values = reader.texts(value.pop("values"), ("values",)) if value.get("values") else ()
    value.pop("values", None)
    value.pop("family", None)
    shapes: list[dict[str, Any]] = []
    if family is not None:
        of_family = _Reader(family).mapping(family.value, (), known)
        shapes = _shapes(_Reader(family))
        for shape in shapes:
            shape["where"] = {name: own or values for name, own in shape["where"].items()}
        value = {k: v for k, v in of_family.items() if k != "shapes"} | value
    if "shapes" in value or family is None:
        shapes += _shapes(reader)
    value["shapes"] = shapes
    value["where"] = document.at(())
    try:
        spec = msgspec.convert(value, SourceSpec)
    except msgspec.ValidationError as error:
        raise document.error(_place(str(error), [s["id"] for s in shapes]), str(error)) from None
    if spec.identity.otherwise not in ("position", "none"):
        raise reader.fail(("identity", "otherwise"), "otherwise is `position` or `none`")
    return spec


_OF_FAMILY = ("family", "values")


def _shapes(reader: _Reader) -> list[dict[str, Any]]:
    shapes = reader.mapping(reader.document.value.get("shapes"), ("shapes",))
    return [_shape(reader, name, shape) for name, shape in shapes.items()]


def _shape(reader: _Reader, name: str, value: Any) -> dict[str, Any]:
    path: Path = ("shapes", name)
    known = tuple(f.name for f in msgspec.structs.fields(ShapeSpec) if f.name != "id")
    shape = dict(reader.mapping(value, path, known))
    shape["id"] = name
    aliases = reader.mapping(shape.get("aliases") or {}, (*path, "aliases"))
    shape["aliases"] = {k: reader.texts(v, (*path, "aliases", k)) for k, v in aliases.items()}
    where = reader.mapping(shape.get("where") or {}, (*path, "where"))
    shape["where"] = {
        k: reader.texts(v, (*path, "where", k)) if v else () for k, v in where.items()
    }
    times = shape.get("time") or []
    shape["time"] = [{"field": t} if isinstance(t, str) else t for t in times]
    for index, time in enumerate(shape["time"]):
        if isinstance(time, dict) and time.get("zone", "utc") not in ("utc", "local"):
            raise reader.fail((*path, "time", index), "zone is `utc` or `local`")
    return shape


def _place(message: str, shapes: list[str]) -> Path:
    """The path that a msgspec message names (`... - at $.a[0].b`), for its line."""
    _, _, where = message.rpartition("at `$")
    path: list[str | int] = []
    for step in where.rstrip("`").replace("[", ".[").split("."):
        if step.startswith("[") and step[1:-1].isdigit():
            index = int(step[1:-1])
            path.append(shapes[index] if path == ["shapes"] else index)
        elif step:
            path.append(step)
    return tuple(path)
