"""From the words of a mapping to a program, or to what is wrong with it at file:line.

The compiler proves that a program cannot emit an invalid event: every path exists in the class,
every converter makes what its attribute holds, every enumeration has the value, and whatever OCSF
requires is either always there or decides at run time whether its object or its class is used.
"""

from typing import Any, NamedTuple

from tocsin.errors import ContentError
from tocsin.model.content import ContentSet
from tocsin.model.sources import ShapeSpec, SourceSpec
from tocsin.normalize.columns import Path, Step
from tocsin.normalize.fit import constant_value, enum_value
from tocsin.normalize.folders import load_source, source_files
from tocsin.normalize.language import ConstantRule, EventRule, MappingSpec
from tocsin.normalize.objects import Tree, object_rules, required_rule
from tocsin.normalize.ocsf import OCSF_VERSION
from tocsin.normalize.ocsf.schema import Attribute, OcsfSchema, ocsf_schema
from tocsin.normalize.ocsf.tables import columns_of
from tocsin.normalize.own import ALWAYS, ENGINE, PROFILES
from tocsin.normalize.program import ObjectRule, Program
from tocsin.normalize.scalars import FAILED
from tocsin.normalize.steps import StepMaker, attribute_of, choices, dots


def mapped_paths(content: ContentSet) -> dict[str, set[Path]]:
    """Every path that the mappings of `content` can set, by class; raises ContentError."""
    found: dict[str, set[Path]] = {}
    for files in source_files(content).values():
        source, mapping = load_source(files)
        compiler = MappingCompiler(source, mapping, check_tables=False)
        events = [*mapping.events, mapping.default]
        events += [also for rule in events for also in rule.also]
        for shape in source.shapes:
            for rule in events:
                program = compiler.program(rule, shape)
                paths = found.setdefault(program.class_name, set())
                paths.update(program.constants, ENGINE, [PROFILES])
                paths.update(target for step in program.steps for target in step.targets)
                paths.update(
                    (*step.targets[0], *path) for step in program.steps for path in step.inner
                )
                paths.update(leaf for rule_ in program.objects for leaf, _ in rule_.constants)
    return found


class _Frame(NamedTuple):
    """What of a program does not depend on the shape."""

    constants: dict[Path, Any]
    objects: tuple[ObjectRule, ...]
    required: ObjectRule


class MappingCompiler:
    """Compiles the events of one source; what programs have in common is made once."""

    def __init__(
        self, source: SourceSpec, mapping: MappingSpec, *, check_tables: bool = True
    ) -> None:
        self.source = source
        self.mapping = mapping
        self.schema: OcsfSchema = ocsf_schema()
        self._check_tables = check_tables
        self._maker = StepMaker(self.schema, mapping.tables)
        self._frames: dict[int, _Frame] = {}

    def program(self, rule: EventRule, shape: ShapeSpec) -> Program:
        """One event of one shape; raises ContentError."""
        frame = self._frames.get(id(rule))  # the mapping keeps its rules, and so their ids
        if frame is None:
            frame = self._frames[id(rule)] = self._frame(rule, shape)
        name = rule.class_name
        steps = self._maker.steps(rule.part.fields, shape, name)
        return Program(
            source_id=self.source.id,
            class_name=name,
            class_uid=self.schema.classes[name].uid,
            steps=tuple(steps),
            constants=dict(frame.constants),
            objects=frame.objects,
            required=frame.required,
            reads=tuple(dict.fromkeys(n for step in steps for n in step.names)),
            used=frozenset(n for step in steps if not step.takes_part for n in step.names),
            names={target: step.names for step in steps for target in step.targets},
            also=tuple(self.program(also, shape) for also in rule.also),
        )

    def _frame(self, rule: EventRule, shape: ShapeSpec) -> _Frame:
        """What OCSF asks of an event, which is the same in every shape; raises ContentError."""
        name = rule.class_name
        if name not in self.schema.classes:
            raise ContentError(rule.where, f"OCSF {OCSF_VERSION} has no class {name!r}")
        tree = Tree(self.schema, name, rule.where)
        constants = self._constants(rule, tree)
        steps = self._maker.steps(rule.part.fields, shape, name)
        for line, step in zip(rule.part.fields, steps, strict=True):
            for path, value in step.extras:
                tree.add_extra(path, value)
            for target in step.targets:
                tree.add_field(target, line.where, always=step.default is not None)
        _refuse_both(tree, constants, rule)
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
        required = required_rule(tree, is_default=rule is self.mapping.default, wanted=rule.needs)
        self._check_table(steps, constants, rule)
        return _Frame({p: v for p, v in constants.items() if p not in held}, rules, required)

    def _constants(self, rule: EventRule, tree: Tree) -> dict[Path, Any]:
        constants: dict[Path, Any] = {}
        for line in rule.part.constants:
            attribute = attribute_of(self.schema, rule.class_name, line)
            value = constant_value(self.schema, attribute, line.value)
            if value is FAILED:
                raise ContentError(line.where, _unfit(line, attribute))
            constants[line.target] = value
            tree.places[line.target] = line.where
            if attribute.sibling and attribute.enum and not attribute.is_array:
                sibling = (*line.target[:-1], attribute.sibling)
                constants.setdefault(sibling, attribute.enum[str(value)])
        return constants

    def _activity(self, rule: EventRule, constants: dict[Path, Any], steps: list[Step]) -> None:
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
            constants[PROFILES] = sorted(profiles)
            tree.add_constant(PROFILES)

    def _check_table(self, steps: list[Step], constants: dict[Path, Any], rule: EventRule) -> None:
        if not self._check_tables:
            return
        known = columns_of(rule.class_name)
        for path in (*constants, *(t for step in steps for t in step.targets)):
            if path not in known:
                place = next(
                    (f.where for f in rule.part.fields if path[: len(f.target)] == f.target),
                    rule.where,
                )
                raise ContentError(
                    place,
                    f"{dots(path)} has no column in the lake's table of {rule.class_name}: "
                    "leave the field in unmapped",
                )


def _refuse_both(tree: Tree, constants: dict[Path, Any], rule: EventRule) -> None:
    """A path has one origin: two would make it depend on which is looked at first."""
    for path in constants:
        if path in tree.fields:
            place = tree.places.get(path, rule.where)
            raise ContentError(place, f"{dots(path)} is both set and mapped: choose one")


def _unfit(line: ConstantRule, attribute: Attribute) -> str:
    if attribute.enum:
        return f"{dots(line.target)} has no value {line.value!r}; it has: {choices(attribute)}"
    return f"{line.value!r} is not a {attribute.type}, which {dots(line.target)} holds"
