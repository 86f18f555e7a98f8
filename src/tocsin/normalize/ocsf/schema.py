"""The part of the OCSF schema that mappings are checked against, read from committed data."""

import pkgutil
from functools import cache
from typing import Any

import msgspec

SCHEMA_FILE = "shipped/ocsf/schema.json"


class Attribute(msgspec.Struct, frozen=True, array_like=True):
    """One attribute of a class or object.

    `type` is an OCSF scalar type, `object_t:<name>` or `object_t:object` (free form); `profile` is
    empty when the attribute always belongs to the class; `enum` maps values to their captions.
    """

    type: str
    requirement: str
    is_array: bool = False
    profile: str = ""
    sibling: str = ""
    enum: dict[str, str] = {}

    @property
    def object_name(self) -> str:
        """The object this attribute holds, or an empty string for a scalar and free-form JSON."""
        name = self.type.removeprefix("object_t:") if self.type.startswith("object_t:") else ""
        return "" if name == "object" else name


class Node(msgspec.Struct, frozen=True):
    """A class or object: its attributes and which of them must be there."""

    attributes: dict[str, Attribute]
    at_least_one: tuple[str, ...] = ()
    just_one: tuple[str, ...] = ()


class OcsfClass(Node, frozen=True):
    """An event class."""

    name: str = ""
    uid: int = 0
    caption: str = ""
    category_uid: int = 0
    category: str = ""
    key: str = ""


class OcsfSchema(msgspec.Struct, frozen=True):
    """Classes and the objects that they reach."""

    version: str
    classes: dict[str, OcsfClass]
    objects: dict[str, Node]
    types: dict[str, Any]

    def attribute(self, class_name: str, path: tuple[str, ...]) -> Attribute | None:
        """The attribute at `path` of a class, or None when OCSF has no such path."""
        if self is ocsf_schema():
            return _known(class_name, path)
        return self._look_up(class_name, path)

    def _look_up(self, class_name: str, path: tuple[str, ...]) -> Attribute | None:
        node: Node | None = self.classes[class_name]
        found: Attribute | None = None
        for step in path:
            found = node.attributes.get(step) if node else None
            if found is None:
                return None
            node = self.objects.get(found.object_name)
        return found


@cache
def ocsf_schema() -> OcsfSchema:
    """The committed schema; it is package data, read once like code."""
    data = pkgutil.get_data("tocsin", SCHEMA_FILE)
    return msgspec.json.decode(data or b"", type=OcsfSchema)


@cache
def _known(class_name: str, path: tuple[str, ...]) -> Attribute | None:
    """`attribute` of the committed schema: mappings ask for the same few paths again and again."""
    return ocsf_schema()._look_up(class_name, path)  # noqa: SLF001  # the same class
