"""Objects of a list, made one by one: out of the objects of another list, or out of fields.

An OCSF list of objects (`observables`, `finding_info.attacks`) has its own `set:` and `map:` lines
for each object. An object is made when at least one of its lines says something, and is left out
when it then lacks what OCSF requires of it; so is an object inside it. Nothing here raises on data.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from tocsin.errors import ContentError
from tocsin.normalize.columns import Fields, Lost, Path, Step
from tocsin.normalize.converters import CONVERTERS
from tocsin.normalize.fit import (
    constant_value,
    default_converter,
    enum_value,
    misfit,
    plain_table,
    table_function,
)
from tocsin.normalize.language import ConstantRule, FieldRule, Part
from tocsin.normalize.ocsf.schema import Attribute, OcsfSchema
from tocsin.normalize.picks import at, objects, one
from tocsin.normalize.scalars import ABSENT, FAILED

MAX_MADE = 100
"""Objects of one list; senders choose how many there are."""

Look = Callable[[str], Any]
"""The value of a field or key."""

_TEXTS = ("string_t", "process_name_t", "username_t", "hostname_t", "file_name_t")


@dataclass(frozen=True, slots=True)
class _Line:
    """One value of an object: `targets` are where the parts of what `convert` makes go."""

    targets: tuple[Path, ...]
    keys: tuple[str, ...]
    convert: Callable[[Any], Any]
    default: tuple[Any, ...] | None

    def run(self, look: Look) -> tuple[Any, ...] | None:
        """The values of the first key that says something, else the default."""
        for key in self.keys:
            value = look(key)
            if type(value) not in (list, dict) and value in ABSENT:
                continue
            found = self.convert(value)
            if found is not None and found is not FAILED:
                return found if len(self.targets) > 1 else (found,)
        return None


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes objects of one kind, valid by themselves.

    `needs` are the objects inside it, deepest first and itself last, with the attributes that each
    must have and those of which it must have one.
    """

    constants: tuple[tuple[Path, Any], ...]
    lines: tuple[_Line, ...]
    needs: tuple[tuple[Path, tuple[str, ...], tuple[str, ...]], ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """Every field or key that is looked at."""
        return tuple(dict.fromkeys(key for line in self.lines for key in line.keys))

    @property
    def inner(self) -> Iterator[Path]:
        """Every path inside the object that can be set."""
        yield from (path for path, _ in self.constants)
        yield from (path for line in self.lines for path in line.targets)

    def make(self, look: Look) -> dict[str, Any] | None:
        """The object, or None when it says nothing or is not whole."""
        said = [(line, line.run(look)) for line in self.lines]
        if all(values is None for _, values in said):
            return None
        made: dict[str, Any] = {}
        for line, values in said:
            found = line.default if values is None else values
            for target, value in zip(line.targets, found or (), strict=False):
                if value is not None:
                    _put(made, target, value)
        for path, value in self.constants:
            if _at(made, path[:-1]) is not None:
                _put(made, path, value)
        for prefix, required, one_of in self.needs:
            node = _at(made, prefix)
            if node is not None and not _is_whole(node, required, one_of):
                if not prefix:
                    return None
                del _at(made, prefix[:-1])[prefix[-1]]
        return made


def _put(made: dict[str, Any], path: Path, value: Any) -> None:
    for step in path[:-1]:
        made = made.setdefault(step, {})
    made[path[-1]] = value


def _at(made: dict[str, Any], path: Path) -> Any:
    found: Any = made
    for step in path:
        found = found.get(step) if found is not None else None
    return found


def _is_whole(node: Mapping[str, Any], required: tuple[str, ...], one_of: tuple[str, ...]) -> bool:
    return all(name in node for name in required) and (
        not one_of or any(name in node for name in one_of)
    )


def maker_of(
    schema: OcsfSchema, tables: Mapping[str, dict[str, Any]], name: str, part: Part
) -> Maker:
    """The maker of an object from its lines; raises ContentError at the line that is wrong."""
    rules: tuple[ConstantRule | FieldRule, ...] = (*part.constants, *part.fields)
    where = rules[0].where if rules else ""
    constants: list[tuple[Path, Any]] = []
    for rule in part.constants:
        about = _attribute(schema, name, rule)
        value = constant_value(schema, about, rule.value)
        if value is FAILED:
            raise ContentError(rule.where, f"{rule.value!r} does not fit {'.'.join(rule.target)}")
        constants.append((rule.target, value))
        if about.sibling and about.enum and not about.is_array:
            constants.append(((*rule.target[:-1], about.sibling), about.enum[str(value)]))
    lines = [_line(schema, tables, name, rule) for rule in part.fields]
    paths = {path for path, _ in constants} | {p for line in lines for p in line.targets}
    return Maker(tuple(constants), tuple(lines), tuple(_needs(schema, name, paths, where)))


def _attribute(schema: OcsfSchema, name: str, rule: ConstantRule | FieldRule) -> Attribute:
    node, found = schema.objects.get(name), None
    for depth, step in enumerate(rule.target, 1):
        found = node.attributes.get(step) if node else None
        if found is None or (found.is_array and depth < len(rule.target)):
            raise ContentError(rule.where, f"a list of {name} cannot make {'.'.join(rule.target)}")
        node = schema.objects.get(found.object_name)
    if found is None:
        raise ContentError(rule.where, f"name an attribute of {name}")
    return found


def _line(
    schema: OcsfSchema, tables: Mapping[str, dict[str, Any]], name: str, rule: FieldRule
) -> _Line:
    about = _attribute(schema, name, rule)
    if rule.each is not None or rule.of:
        raise ContentError(rule.where, "a list inside an object of a list cannot be made")
    if rule.table or about.enum:
        targets, function = _from_table(tables, about, rule)
    else:
        targets, function = _converted(about, rule)
    default = _default(schema, about, rule)
    if rule.key:
        function = one(rule.pick, rule.key, function)
    return _Line(targets, rule.names, function, default)


def _from_table(
    tables: Mapping[str, dict[str, Any]], about: Attribute, rule: FieldRule
) -> tuple[tuple[Path, ...], Callable[[Any], Any]]:
    table = tables.get(rule.table) if rule.table else {key: key for key in about.enum}
    if table is None:
        raise ContentError(rule.where, f"no table {rule.table!r} in this mapping")
    if not about.enum and (about.type not in _TEXTS or about.is_array):
        raise ContentError(rule.where, f"a table cannot make {about.type}")
    if not about.enum:
        return (rule.target,), plain_table(table)
    if about.is_array or not about.sibling:
        raise ContentError(rule.where, f"{'.'.join(rule.target)} cannot be filled from a table")
    if any(enum_value(about, value) is FAILED for value in table.values()):
        raise ContentError(rule.where, f"table {rule.table!r} has a value that does not fit")
    sibling = (*rule.target[:-1], about.sibling)
    return (rule.target, sibling), table_function(about, table)


def _converted(about: Attribute, rule: FieldRule) -> tuple[tuple[Path, ...], Callable[[Any], Any]]:
    word = rule.convert or default_converter(about)
    converter = CONVERTERS.get(word)
    problem = misfit(converter, about) if converter else f"there is no converter {word!r}"
    if converter is None or problem:
        raise ContentError(rule.where, f"{'.'.join(rule.target)}: `{word}` {problem}")
    if converter.outputs:
        raise ContentError(rule.where, f"`{word}` makes several values: name one attribute")
    return (rule.target,), converter.function


def _default(schema: OcsfSchema, about: Attribute, rule: FieldRule) -> tuple[Any, ...] | None:
    if rule.default is None:
        return None
    value = constant_value(schema, about, rule.default)
    if value is FAILED:
        raise ContentError(rule.where, f"the default {rule.default!r} does not fit")
    return (value, about.enum[str(value)]) if about.enum and about.sibling else (value,)


def _needs(
    schema: OcsfSchema, name: str, paths: set[Path], where: str
) -> Iterator[tuple[Path, tuple[str, ...], tuple[str, ...]]]:
    """What OCSF requires of the object and of those inside it, of which one can be made at all."""
    prefixes = {path[:depth] for path in paths for depth in range(len(path))} | {()}
    for prefix in sorted(prefixes, key=lambda path: (-len(path), path)):
        node = schema.objects[name]
        for step in prefix:
            node = schema.objects[node.attributes[step].object_name]
        there = {path[len(prefix)] for path in paths if path[: len(prefix)] == prefix}
        required = tuple(
            n for n, a in node.attributes.items() if a.requirement == "required" and not a.profile
        )
        one_of = node.at_least_one or node.just_one
        whose = ".".join((name, *prefix))
        if not there.issuperset(required):
            raise ContentError(where, f"{whose} needs {', '.join(required)}: OCSF requires it")
        if one_of and not there & set(one_of):
            raise ContentError(where, f"{whose} needs one of {', '.join(one_of)}: OCSF requires it")
        if node.just_one and len(there & set(node.just_one)) > 1:
            raise ContentError(where, f"{whose} may have only one of {', '.join(node.just_one)}")
        if required or one_of:
            yield prefix, required, tuple(one_of)


@dataclass(frozen=True, slots=True)
class Gathered(Step):
    """A list of objects out of single fields: what `of:` makes. The fields stay unmapped too.

    A field that holds a list of plain values gives an object for each of them when it is the only
    one that an object is made of.
    """

    makers: tuple[tuple[Maker, tuple[str, ...]], ...] = ()
    """How objects are made, and the lists of objects that they are made of, if any."""

    def run(self, fields: Fields, into: dict[Path, list[Any]], lost: Lost) -> None:  # noqa: ARG002 (a step's)
        """Fill the column of the list; one that is empty throughout is left out."""
        column = [self._made(record) for record in fields.records]
        if any(column):
            into[self.targets[0]] = [made or None for made in column]

    def _made(self, record: Mapping[str, Any]) -> list[dict[str, Any]]:
        made: list[dict[str, Any]] = []
        for maker, lists in self.makers:
            for found in _of_lists(maker, lists, record) if lists else _objects(maker, record):
                if found is not None and found not in made:
                    made.append(found)
        return made[:MAX_MADE]


def _of_lists(
    maker: Maker, lists: tuple[str, ...], record: Mapping[str, Any]
) -> Iterator[dict[str, Any] | None]:
    """What a maker makes of each object in the lists of a record."""
    for name in lists:
        for item in objects(record.get(name), {}):
            yield maker.make(partial(at, item))


def _objects(maker: Maker, record: Mapping[str, Any]) -> Iterator[dict[str, Any] | None]:
    """What a maker makes of a record: one object, or one for each value of its only field."""
    keys = [key for key in maker.keys if record.get(key) is not None]
    values = record[keys[0]] if len(keys) == 1 else None
    if type(values) is list and values and type(values[0]) is not dict:
        for value in values[:MAX_MADE]:
            yield maker.make({keys[0]: value}.get)
    elif keys:
        yield maker.make(record.get)
