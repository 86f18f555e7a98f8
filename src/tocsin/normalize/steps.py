"""From a line of `map:` to a step that fills columns, checked against OCSF."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec

from tocsin.errors import ContentError
from tocsin.model.sources import ShapeSpec
from tocsin.normalize import picks
from tocsin.normalize.columns import Memo, Path, Step, memo_of
from tocsin.normalize.converters import CONVERTERS
from tocsin.normalize.fit import (
    constant_value,
    default_converter,
    enum_value,
    misfit,
    plain_table,
    table_function,
)
from tocsin.normalize.gathered import Gathered, maker_of
from tocsin.normalize.language import ConstantRule, FieldRule, Part
from tocsin.normalize.ocsf import OCSF_VERSION
from tocsin.normalize.ocsf.schema import Attribute, OcsfSchema
from tocsin.normalize.own import RESERVED
from tocsin.normalize.scalars import FAILED, text

_PLAIN = ("string_t", "process_name_t", "username_t", "hostname_t", "file_name_t")
"""Text of any form: what a table without an enumeration may make."""


def dots(path: Path) -> str:
    """A path as authors write it."""
    return ".".join(path)


def choices(attribute: Attribute) -> str:
    """The values of an enumeration, for an error."""
    return ", ".join(f"{key} {caption}" for key, caption in attribute.enum.items())


def attribute_of(schema: OcsfSchema, class_name: str, line: ConstantRule | FieldRule) -> Attribute:
    """What OCSF says of the target of a line; raises ContentError when it may not be set."""
    if line.target in RESERVED:
        raise ContentError(line.where, f"{dots(line.target)} is set by Tocsin itself")
    attribute = schema.attribute(class_name, line.target)
    if attribute is None:
        raise ContentError(
            line.where, f"OCSF {OCSF_VERSION} has no {dots(line.target)} in {class_name}"
        )
    for depth in range(1, len(line.target)):
        outer = schema.attribute(class_name, line.target[:depth])
        if outer and outer.is_array:
            place = dots(line.target[:depth])
            raise ContentError(line.where, f"{place} is a list: map the list itself")
    return attribute


class StepMaker:
    """Makes the steps of one source; steps and memos are shared by all of its programs."""

    def __init__(self, schema: OcsfSchema, tables: dict[str, dict[str, Any]]) -> None:
        self._schema = schema
        self._tables = tables
        self._memos: dict[Any, Memo] = {}
        self._made: dict[Any, tuple[FieldRule, Step]] = {}

    def steps(self, lines: tuple[FieldRule, ...], shape: ShapeSpec, class_name: str) -> list[Step]:
        """The steps of an event for one shape, one for each line; raises ContentError."""
        return _with_spares([self._known(line, shape, class_name) for line in lines])

    def _known(self, line: FieldRule, shape: ShapeSpec, class_name: str) -> Step:
        """The step of a line: most lines stand in many events and mean the same in many shapes."""
        names = tuple(shape.aliases.get(name, (name,)) for name in line.names)
        key = (id(line), class_name, names)
        if key not in self._made:
            self._made[key] = (line, self._step(line, shape, class_name))  # the line keeps its id
        return self._made[key][1]

    def _step(self, line: FieldRule, shape: ShapeSpec, class_name: str) -> Step:
        attribute = attribute_of(self._schema, class_name, line)
        names = _native(line.names, shape)
        if line.of:
            step = self._gathered(line, attribute, shape)
        elif line.each is not None:
            step = self._objects(line, line.each, attribute, names)
        elif line.table or attribute.enum:
            step = self._from_table(line, attribute, names)
        else:
            step = self._converted(line, attribute, names, class_name)
        return replace(step, takes_part=bool(line.each or line.key or line.of))

    def _gathered(self, line: FieldRule, attribute: Attribute, shape: ShapeSpec) -> Step:
        """A list of objects out of single fields, each valid by itself, or left out."""
        name = _listed(line, attribute)
        makers = []
        for objects in line.of:
            lists = _native(objects.each, shape)
            part = objects.part if lists else _in_shape(objects.part, shape)
            makers.append((maker_of(self._schema, self._tables, name, part), lists))
        names = tuple(dict.fromkeys(n for maker, lists in makers for n in lists or maker.keys))
        inner = tuple(path for maker, _ in makers for path in maker.inner)
        return Gathered(
            names, memo_of(text, 1), (line.target,), None, inner=inner, makers=tuple(makers)
        )

    def _objects(
        self, line: FieldRule, each: Part, attribute: Attribute, names: tuple[str, ...]
    ) -> Step:
        """A list of objects out of a list of objects; each is valid by itself, or left out."""
        if line.convert or line.table or line.default:
            raise ContentError(line.where, "`each:` makes a list of objects, not one value")
        maker = maker_of(self._schema, self._tables, _listed(line, attribute), each)
        function = picks.every(line.pick, maker.make)
        return Step(names, memo_of(function, 1), (line.target,), None, inner=tuple(maker.inner))

    def _converted(
        self, line: FieldRule, attribute: Attribute, names: tuple[str, ...], class_name: str
    ) -> Step:
        word = line.convert or default_converter(attribute)
        converter = CONVERTERS.get(word)
        if converter is None:
            known = ", ".join(sorted(CONVERTERS))
            raise ContentError(line.where, f"no converter {word!r}; known: {known}")
        problem = misfit(converter, attribute)
        if problem:
            raise ContentError(line.where, f"{dots(line.target)}: `{word}` {problem}")
        targets = tuple((*line.target, name) for name in converter.outputs) or (line.target,)
        for target in targets:
            if self._schema.attribute(class_name, target) is None:
                raise ContentError(line.where, f"`{word}` needs {dots(target)}, which OCSF lacks")
        extras = tuple(((*line.target, name), value) for name, value in converter.constants)
        memo = self._memo(line, word, lambda: converter.function, len(targets))
        default = self._default(line, attribute, targets)
        return Step(names, memo, targets, default, extras=extras)

    def _default(
        self, line: FieldRule, attribute: Attribute, targets: tuple[Path, ...]
    ) -> tuple[Any, ...] | None:
        if line.default is None:
            return None
        one = targets == (line.target,)
        value = constant_value(self._schema, attribute, line.default) if one else FAILED
        if value is FAILED:
            raise ContentError(line.where, f"the default {line.default!r} does not fit")
        return (value,)

    def _from_table(self, line: FieldRule, attribute: Attribute, names: tuple[str, ...]) -> Step:
        own = {key: key for key in attribute.enum}
        table = self._tables.get(line.table) if line.table else own
        if table is None:
            raise ContentError(line.where, f"no table {line.table!r} in this mapping")
        if line.convert or attribute.is_array:
            raise ContentError(line.where, "a table makes one value and needs no `as:`")
        key = ("table", line.table, attribute.type, tuple(attribute.enum.items()))
        if attribute.enum:
            return self._to_enum(line, attribute, names, table, key)
        if attribute.type not in _PLAIN:
            raise ContentError(line.where, f"a table cannot make {attribute.type}")
        memo = self._memo(line, key, lambda: plain_table(table), 1)
        return Step(names, memo, (line.target,), self._default(line, attribute, (line.target,)))

    def _to_enum(
        self,
        line: FieldRule,
        attribute: Attribute,
        names: tuple[str, ...],
        table: dict[str, Any],
        key: tuple[Any, ...],
    ) -> Step:
        wanted = [*table.values(), *([] if line.default is None else [line.default])]
        for value in wanted:
            if enum_value(attribute, value) is FAILED:
                known = choices(attribute)
                raise ContentError(
                    line.where, f"{dots(line.target)} has no value {value!r}; it has: {known}"
                )
        if not attribute.sibling:
            return self._to_word(line, attribute, names, table, key)
        default = None
        if line.default is not None:
            found = enum_value(attribute, line.default)
            default = (found, attribute.enum[str(found)])
        memo = self._memo(line, key, lambda: table_function(attribute, table), 2)
        sibling = (*line.target[:-1], attribute.sibling)
        return Step(names, memo, (line.target, sibling), default)

    def _to_word(
        self,
        line: FieldRule,
        attribute: Attribute,
        names: tuple[str, ...],
        table: dict[str, Any],
        key: tuple[Any, ...],
    ) -> Step:
        """An enumeration of words without numbers beside them, such as HTTP methods."""
        if attribute.type != "string_t":
            raise ContentError(line.where, f"{dots(line.target)} cannot be filled from a table")
        words = {word.lower(): enum_value(attribute, value) for word, value in table.items()}
        memo = self._memo(line, (*key, "word"), lambda: plain_table(words), 1)
        default = None if line.default is None else (enum_value(attribute, line.default),)
        return Step(names, memo, (line.target,), default)

    def _memo(
        self, line: FieldRule, key: Any, made: Callable[[], Callable[[Any], Any]], width: int
    ) -> Memo:
        if line.key:
            key = (key, tuple(line.pick.items()), line.key)
        if key not in self._memos:
            function = picks.one(line.pick, line.key, made()) if line.key else made()
            self._memos[key] = memo_of(function, width)
        return self._memos[key]


def _listed(line: FieldRule, attribute: Attribute) -> str:
    """The object of which the target is a list; raises ContentError when it is none."""
    if not attribute.is_array or not attribute.object_name:
        raise ContentError(line.where, f"this makes a list of objects, not {attribute.type}")
    return attribute.object_name


def _native(fields: tuple[str, ...], shape: ShapeSpec) -> tuple[str, ...]:
    """The native names of fields in a shape."""
    native = (name for field in fields for name in shape.aliases.get(field, (field,)))
    return tuple(dict.fromkeys(native))


def _in_shape(part: Part, shape: ShapeSpec) -> Part:
    """The same lines with the native fields of a shape."""
    fields = tuple(
        msgspec.structs.replace(rule, names=_native(rule.names, shape)) for rule in part.fields
    )
    return Part(part.constants, fields)


def _with_spares(steps: list[Step]) -> list[Step]:
    """Tell each step with several names which of them no other step reads."""
    readers: dict[str, int] = {}
    for step in steps:
        for name in step.names:
            readers[name] = readers.get(name, 0) + 1
    return [
        replace(step, spare=frozenset(name for name in step.names if readers[name] == 1))
        if len(step.names) > 1 and not isinstance(step, Gathered)
        else step
        for step in steps
    ]
