"""Which objects an event has, what OCSF requires of them, and when they may be there."""

from typing import Any

from tocsin.errors import ContentError
from tocsin.normalize.columns import Path
from tocsin.normalize.ocsf.schema import Node, OcsfSchema
from tocsin.normalize.program import ObjectRule, Presence


class Tree:
    """The leaves that one event rule can set."""

    def __init__(self, schema: OcsfSchema, class_name: str, where: str) -> None:
        self.schema = schema
        self.class_name = class_name
        self.where = where
        self.fields: dict[Path, bool] = {}
        """Leaf -> whether every row has it."""
        self.constants: set[Path] = set()
        self._set_below: set[Path] = set()
        """Every leaf, and every object around one."""
        self.extras: dict[Path, Any] = {}
        """Constants that a converter brings along."""
        self.places: dict[Path, str] = {}
        self.always: set[Path] = set()
        """Objects that every row has; known after `object_rules`."""

    def _set(self, path: Path) -> None:
        self._set_below.update(path[:depth] for depth in range(1, len(path) + 1))

    def add_field(self, path: Path, where: str, *, always: bool) -> None:
        """A leaf that is filled row by row."""
        self.fields[path] = always
        self._set(path)
        if where:
            self.places[path] = where

    def add_constant(self, path: Path) -> None:
        """A leaf that is the same in every row in which its object is there."""
        self.constants.add(path)
        self._set(path)

    def add_extra(self, path: Path, value: Any) -> None:
        """A constant that comes with a converter."""
        self.extras[path] = value
        self.add_constant(path)

    def paths(self) -> set[Path]:
        """Every leaf."""
        return {*self.fields, *self.constants}

    def under(self, prefix: Path) -> list[Path]:
        """The row-by-row leaves below `prefix`."""
        return [path for path in self.fields if path[: len(prefix)] == prefix]

    def has(self, prefix: Path) -> bool:
        """Whether anything is set at or below `prefix`."""
        return prefix in self._set_below

    def objects(self) -> list[Path]:
        """The prefixes that are objects, deepest first."""
        found = {path[:depth] for path in self.paths() for depth in range(1, len(path))}
        return sorted(found, key=lambda path: (-len(path), path))

    def node(self, prefix: Path) -> Node:
        """What OCSF says of the object at `prefix`."""
        if not prefix:
            return self.schema.classes[self.class_name]
        attribute = self.schema.attribute(self.class_name, prefix)
        name = attribute.object_name if attribute else ""
        return self.schema.objects[name]

    def place(self, prefix: Path) -> str:
        """Where the author wrote something below `prefix`."""
        for path, where in self.places.items() if prefix else ():
            if path[: len(prefix)] == prefix:
                return where
        return self.where

    def needs(self, prefix: Path) -> tuple[list[str], list[str]]:
        """(required attributes, set attributes of which one must be there) of an object."""
        node = self.node(prefix)
        required = [
            name
            for name, about in node.attributes.items()
            if about.requirement == "required" and not about.profile
        ]
        for name in required:
            if not self.has((*prefix, name)):
                whose = ".".join(prefix) or self.class_name
                raise ContentError(
                    self.place(prefix), f"{whose} needs {name}: OCSF requires it, so map it too"
                )
        return required, self._one_of(prefix, node)

    def _one_of(self, prefix: Path, node: Node) -> list[str]:
        wanted = node.at_least_one or node.just_one
        there = [name for name in wanted if self.has((*prefix, name))]
        whose = ".".join(prefix) or self.class_name
        if wanted and not there:
            raise ContentError(
                self.place(prefix), f"{whose} needs one of {', '.join(wanted)}: map one of them"
            )
        if node.just_one and len(there) > 1:
            raise ContentError(self.place(prefix), f"{whose} may have only one of {there}")
        return there


def _is_always(tree: Tree, path: Path, always: set[Path]) -> bool:
    if path in tree.fields:
        return tree.fields[path]
    return path in always or path in tree.constants


def _presence(tree: Tree, path: Path) -> Presence:
    return Presence(path, is_object=path not in tree.fields)


def object_rules(tree: Tree, constants: dict[Path, Any]) -> tuple[ObjectRule, ...]:
    """A rule for every object that some row may lack; deepest first."""
    always = tree.always
    rules: list[ObjectRule] = []
    held: set[Path] = set()
    for prefix in tree.objects():
        required, one_of = tree.needs(prefix)
        dynamic = tree.under(prefix)
        needs = [p for n in required if not _is_always(tree, p := (*prefix, n), always)]
        any_of = [(*prefix, n) for n in one_of]
        if any(_is_always(tree, path, always) for path in any_of):
            any_of = []
        anchored = any(tree.fields[path] for path in dynamic) or any(
            path[:-1] == prefix and path not in tree.extras for path in tree.constants
        )
        if not dynamic or (anchored and not needs and not any_of):
            always.add(prefix)
            continue
        below = {p for p in constants if p[: len(prefix)] == prefix}
        own = below - held
        if not needs and not any_of:
            any_of = _members(tree, prefix, always)
        rules.append(
            ObjectRule(
                path=prefix,
                needs=tuple(_presence(tree, path) for path in needs),
                any_of=tuple(_presence(tree, path) for path in any_of),
                leaves=(*dynamic, *sorted(below & held)),
                constants=tuple((path, constants[path]) for path in sorted(own)),
            )
        )
        held |= own
    return tuple(rules)


def _members(tree: Tree, prefix: Path, always: set[Path]) -> list[Path]:
    """The direct attributes of an object that are filled row by row."""
    found = {path[: len(prefix) + 1] for path in tree.under(prefix)}
    return sorted(path for path in found if path not in always)


def required_rule(tree: Tree, *, is_default: bool, wanted: tuple[Path, ...] = ()) -> ObjectRule:
    """What a row must have for its class, and `wanted`; the default of a source may need nothing.

    Raises ContentError for what is wanted and never filled.
    """
    always = tree.always
    required, one_of = tree.needs(())
    needs: list[Path] = [(name,) for name in required if not _is_always(tree, (name,), always)]
    any_of = [(name,) for name in one_of]
    if any(_is_always(tree, path, always) for path in any_of):
        any_of = []
    for path in wanted:
        if path not in tree.fields and path not in tree.objects():
            raise ContentError(
                tree.where, f"needs {'.'.join(path)}, which no line of `map:` fills here"
            )
    needs += [path for path in wanted if not _is_always(tree, path, always)]
    if is_default and (needs or any_of):
        names = ", ".join(path[0] for path in (*needs, *any_of))
        raise ContentError(tree.where, f"the default must always be valid, but may lack: {names}")
    return ObjectRule(
        path=(),
        needs=tuple(_presence(tree, path) for path in needs),
        any_of=tuple(_presence(tree, path) for path in any_of),
        leaves=(),
        constants=(),
    )
