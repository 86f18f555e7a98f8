"""From the words of a mapping to a program, or to what is wrong with it at file:line.

The compiler proves that a program cannot emit an invalid event: every path exists in the class,
every converter makes what its attribute holds, every enumeration has the value, and whatever OCSF
requires is either always there or decides at run time whether its object or its class is used.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from tocsin.errors import ContentError
from tocsin.formats.located_yaml import load_located
from tocsin.model.content import ContentFile, ContentSet
from tocsin.model.sources import ShapeSpec, SourceSpec
from tocsin.normalize.columns import Memo, Path, Step, memo_of
from tocsin.normalize.converters import CONVERTERS, FAILED
from tocsin.normalize.fit import (
    constant_value,
    default_converter,
    enum_value,
    misfit,
    plain_table,
    table_function,
)
from tocsin.normalize.language import (
    ConstantRule,
    EventRule,
    FieldRule,
    MappingSpec,
    read_mapping,
    read_source,
)
from tocsin.normalize.objects import Tree, object_rules, required_rule
from tocsin.normalize.ocsf import OCSF_VERSION
from tocsin.normalize.ocsf.schema import Attribute, OcsfSchema, ocsf_schema
from tocsin.normalize.ocsf.tables import leaves, tables
from tocsin.normalize.program import Program

ENGINE: tuple[Path, ...] = (
    ("time",),
    ("raw_data",),
    ("unmapped",),
    ("metadata", "uid"),
    ("metadata", "logged_time"),
    ("metadata", "original_time"),
    ("metadata", "labels"),
)
"""What the normalizer fills itself, row by row."""

ALWAYS: tuple[Path, ...] = (
    ("time",),
    ("raw_data",),
    ("metadata", "uid"),
    ("metadata", "logged_time"),
)
"""Those of them that every row has."""

_PROFILES: Path = ("metadata", "profiles")

_RESERVED = {
    *ENGINE,
    ("class_uid",),
    ("class_name",),
    ("category_uid",),
    ("category_name",),
    ("type_uid",),
    ("type_name",),
    ("activity_name",),
    ("metadata", "version"),
    _PROFILES,
    ("metadata", "product", "name"),
    ("metadata", "product", "vendor_name"),
}


def source_files(content: ContentSet) -> dict[str, dict[str, ContentFile]]:
    """`sources/<id>/<name>` as {id: {name: file}}, whole folders only."""
    folders: dict[str, dict[str, ContentFile]] = {}
    for file in content.under("sources/"):
        parts = file.path.split("/", 2)
        if len(parts) == 3:  # noqa: PLR2004 (sources, id, name)
            folders.setdefault(parts[1], {})[parts[2]] = file
    return folders


def load_source(files: dict[str, ContentFile]) -> tuple[SourceSpec, MappingSpec]:
    """The two files of one source; raises ContentError."""
    for name in ("source.yaml", "mapping.yaml"):
        if name not in files:
            place = next(iter(files.values())).where.rpartition("/")[0]
            raise ContentError(place, f"{name} is missing in this folder")
    source_file, mapping_file = files["source.yaml"], files["mapping.yaml"]
    source = read_source(load_located(source_file.data, source_file.where))
    mapping = read_mapping(load_located(mapping_file.data, mapping_file.where))
    folder = source_file.path.split("/")[1]
    if not source.id == mapping.source_id == folder:
        raise ContentError(
            mapping_file.where,
            f"the folder says {folder!r}, source.yaml {source.id!r}, "
            f"mapping.yaml {mapping.source_id!r}: all three must be the same",
        )
    return source, mapping


def mapped_paths(content: ContentSet) -> dict[str, set[Path]]:
    """Every path that the mappings of `content` can set, by class; raises ContentError."""
    found: dict[str, set[Path]] = {}
    for files in source_files(content).values():
        source, mapping = load_source(files)
        compiler = MappingCompiler(source, mapping, check_tables=False)
        for shape in source.shapes:
            for rule in (*mapping.events, mapping.default):
                program = compiler.program(rule, shape)
                paths = found.setdefault(program.class_name, set())
                paths.update(program.constants, ENGINE, [_PROFILES])
                paths.update(target for step in program.steps for target in step.targets)
                paths.update(leaf for rule_ in program.objects for leaf, _ in rule_.constants)
    return found


class MappingCompiler:
    """Compiles the events of one source; memos are shared by all programs of the source."""

    def __init__(
        self, source: SourceSpec, mapping: MappingSpec, *, check_tables: bool = True
    ) -> None:
        self.source = source
        self.mapping = mapping
        self.schema: OcsfSchema = ocsf_schema()
        self._check_tables = check_tables
        self._memos: dict[tuple[Any, ...], Memo] = {}

    def program(self, rule: EventRule, shape: ShapeSpec) -> Program:
        """One event of one shape; raises ContentError."""
        name = rule.class_name
        if name not in self.schema.classes:
            raise ContentError(rule.where, f"OCSF {OCSF_VERSION} has no class {name!r}")
        tree = Tree(self.schema, name, rule.where)
        constants = self._constants(rule, tree)
        steps = [self._step(field, name, shape, tree) for field in rule.part.fields]
        steps = _with_spares(steps)
        self._activity(rule, constants, steps)
        self._classify(name, constants)
        for path in ENGINE:
            tree.add_field(path, "", always=path in ALWAYS)
        if ("type_uid",) not in constants:
            tree.add_field(("type_uid",), "", always=True)
        for path in constants:
            tree.add_constant(path)
        self._profiles(tree, name, constants)
        rules = object_rules(tree, constants)
        held = {leaf for found in rules for leaf, _ in found.constants}
        program = Program(
            source_id=self.source.id,
            class_name=name,
            class_uid=self.schema.classes[name].uid,
            steps=tuple(steps),
            constants={p: v for p, v in constants.items() if p not in held},
            objects=rules,
            required=required_rule(tree, is_default=rule is self.mapping.default),
            reads=tuple(dict.fromkeys(n for step in steps for n in step.names)),
            used=frozenset(n for step in steps for n in step.names),
            names={target: step.names for step in steps for target in step.targets},
        )
        self._check_table(program, constants, rule)
        return program

    def _constants(self, rule: EventRule, tree: Tree) -> dict[Path, Any]:
        constants: dict[Path, Any] = {}
        for line in rule.part.constants:
            attribute = self._attribute(rule.class_name, line)
            value = constant_value(self.schema, attribute, line.value)
            if value is FAILED:
                raise ContentError(line.where, _unfit(line, attribute))
            constants[line.target] = value
            tree.places[line.target] = line.where
            if attribute.sibling and attribute.enum and not attribute.is_array:
                sibling = (*line.target[:-1], attribute.sibling)
                constants.setdefault(sibling, attribute.enum[str(value)])
        return constants

    def _attribute(self, class_name: str, line: ConstantRule | FieldRule) -> Attribute:
        if line.target in _RESERVED:
            raise ContentError(line.where, f"{_dots(line.target)} is set by Tocsin itself")
        attribute = self.schema.attribute(class_name, line.target)
        if attribute is None:
            raise ContentError(
                line.where, f"OCSF {OCSF_VERSION} has no {_dots(line.target)} in {class_name}"
            )
        for depth in range(1, len(line.target)):
            outer = self.schema.attribute(class_name, line.target[:depth])
            if outer and outer.is_array:
                raise ContentError(
                    line.where, f"{_dots(line.target[:depth])} is a list: map the list itself"
                )
        return attribute

    def _step(self, line: FieldRule, class_name: str, shape: ShapeSpec, tree: Tree) -> Step:
        attribute = self._attribute(class_name, line)
        names = tuple(
            dict.fromkeys(n for name in line.names for n in shape.aliases.get(name, (name,)))
        )
        if line.table or attribute.enum:
            return self._table_step(line, attribute, names, tree)
        word = line.convert or default_converter(attribute)
        converter = CONVERTERS.get(word)
        if converter is None:
            known = ", ".join(sorted(CONVERTERS))
            raise ContentError(line.where, f"no converter {word!r}; known: {known}")
        problem = misfit(converter, attribute)
        if problem:
            raise ContentError(line.where, f"{_dots(line.target)}: `{word}` {problem}")
        targets = tuple((*line.target, name) for name in converter.outputs) or (line.target,)
        for target in targets:
            if self.schema.attribute(class_name, target) is None:
                raise ContentError(line.where, f"`{word}` needs {_dots(target)}, which OCSF lacks")
        for name, value in converter.constants:
            tree.add_extra((*line.target, name), value)
        default = self._default(line, attribute, converter.outputs)
        return self._made(
            line,
            tree,
            Step(names, self._memo(word, converter.function, len(targets)), targets, default),
        )

    def _default(
        self, line: FieldRule, attribute: Attribute, outputs: tuple[str, ...]
    ) -> tuple[Any, ...] | None:
        if line.default is None:
            return None
        value = FAILED if outputs else constant_value(self.schema, attribute, line.default)
        if value is FAILED:
            raise ContentError(line.where, f"the default {line.default!r} does not fit")
        return (value,)

    def _table_step(
        self, line: FieldRule, attribute: Attribute, names: tuple[str, ...], tree: Tree
    ) -> Step:
        table = (
            self.mapping.tables.get(line.table) if line.table else {k: k for k in attribute.enum}
        )
        if table is None:
            raise ContentError(line.where, f"no table {line.table!r} in this mapping")
        if line.convert or attribute.is_array:
            raise ContentError(line.where, "a table makes one value and needs no `as:`")
        key = ("table", line.table, line.target[-1], attribute.type)
        if not attribute.enum:
            if attribute.type in _PATTERN_FREE:
                return self._made(
                    line,
                    tree,
                    Step(
                        names,
                        self._memo(key, plain_table(table), 1),
                        (line.target,),
                        self._default(line, attribute, ()),
                    ),
                )
            raise ContentError(line.where, f"a table cannot make {attribute.type}")
        for value in table.values():
            if enum_value(attribute, value) is FAILED:
                known = ", ".join(f"{k} {v}" for k, v in attribute.enum.items())
                raise ContentError(
                    line.where, f"{_dots(line.target)} has no value {value!r}; it has: {known}"
                )
        if not attribute.sibling:
            raise ContentError(line.where, f"{_dots(line.target)} cannot be filled from a table")
        memo = self._memo((*key, tuple(attribute.enum)), table_function(attribute, table), 2)
        sibling = (*line.target[:-1], attribute.sibling)
        default = None
        if line.default is not None:
            value = enum_value(attribute, line.default)
            if value is FAILED:
                raise ContentError(line.where, f"the default {line.default!r} is not in the list")
            default = (value, attribute.enum[str(value)])
        return self._made(line, tree, Step(names, memo, (line.target, sibling), default))

    def _made(self, line: FieldRule, tree: Tree, step: Step) -> Step:
        for target in step.targets:
            tree.add_field(target, line.where, always=step.default is not None)
        return step

    def _memo(self, key: Any, function: Any, width: int) -> Memo:
        if key not in self._memos:
            self._memos[key] = memo_of(function, width)
        return self._memos[key]

    def _activity(self, rule: EventRule, constants: dict[Path, Any], steps: Iterable[Step]) -> None:
        """`activity:` as a constant, unless a table makes `activity_id` row by row."""
        dynamic = any(("activity_id",) in step.targets for step in steps)
        if dynamic:
            if rule.activity is not None:
                raise ContentError(rule.where, "activity is given and mapped: choose one")
            if not any(step.targets[0] == ("activity_id",) and step.default for step in steps):
                raise ContentError(rule.where, "a mapped activity_id needs a `default:`")
            return
        about = self.schema.classes[rule.class_name]
        attribute = about.attributes["activity_id"]
        value = enum_value(attribute, 0 if rule.activity is None else rule.activity)
        if value is FAILED:
            known = ", ".join(attribute.enum.values())
            raise ContentError(
                rule.where, f"{rule.class_name} has no activity {rule.activity!r}; it has: {known}"
            )
        caption = attribute.enum[str(value)]
        constants["activity_id",] = value
        constants["activity_name",] = caption
        constants["type_uid",] = about.uid * 100 + value
        constants["type_name",] = f"{about.caption}: {caption}"

    def _classify(self, name: str, constants: dict[Path, Any]) -> None:
        about = self.schema.classes[name]
        constants["class_uid",] = about.uid
        constants["class_name",] = about.caption
        constants["category_uid",] = about.category_uid
        constants["category_name",] = about.category
        constants["metadata", "version"] = OCSF_VERSION
        constants["metadata", "product", "name"] = self.source.product.name
        constants["metadata", "product", "vendor_name"] = self.source.product.vendor

    def _profiles(self, tree: Tree, name: str, constants: dict[Path, Any]) -> None:
        """Name the profiles whose attributes the event uses, as OCSF asks."""
        profiles = set()
        for path in tree.paths():
            for depth in range(1, len(path) + 1):
                attribute = self.schema.attribute(name, path[:depth])
                if attribute and attribute.profile:
                    profiles.add(attribute.profile)
        for path, value in tree.extras.items():
            if path not in tree.fields:
                constants.setdefault(path, value)
        if profiles:
            constants[_PROFILES] = sorted(profiles)
            tree.add_constant(_PROFILES)

    def _check_table(self, program: Program, constants: dict[Path, Any], rule: EventRule) -> None:
        if not self._check_tables:
            return
        known = {path for path, _ in leaves(tables()[program.class_name])}
        for path in (*constants, *(t for step in program.steps for t in step.targets)):
            if path not in known:
                place = next(
                    (f.where for f in rule.part.fields if path[: len(f.target)] == f.target),
                    rule.where,
                )
                raise ContentError(
                    place,
                    f"{_dots(path)} has no column in the lake's table of {program.class_name}: "
                    "leave the field in unmapped",
                )


def _with_spares(steps: list[Step]) -> list[Step]:
    """Tell each step with several names which of them no other step reads."""
    readers: dict[str, int] = {}
    for step in steps:
        for name in step.names:
            readers[name] = readers.get(name, 0) + 1
    return [
        replace(step, spare=frozenset(name for name in step.names if readers[name] == 1))
        if len(step.names) > 1
        else step
        for step in steps
    ]


_PATTERN_FREE = ("string_t", "process_name_t", "username_t", "hostname_t", "file_name_t")


def _dots(path: Path) -> str:
    return ".".join(path)


def _unfit(line: ConstantRule, attribute: Attribute) -> str:
    if attribute.enum:
        known = ", ".join(f"{k} {v}" for k, v in attribute.enum.items())
        return f"{_dots(line.target)} has no value {line.value!r}; it has: {known}"
    return f"{line.value!r} is not a {attribute.type}, which {_dots(line.target)} holds"
