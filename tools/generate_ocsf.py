"""Write the committed OCSF data: `shipped/ocsf/schema.json` and `shipped/ocsf/tables.json`.

Run it after a change of a shipped mapping or of the pinned OCSF version:

    python tools/generate_ocsf.py            # writes both files
    python tools/generate_ocsf.py --check    # says whether they are up to date

`schema.json` is the OCSF schema without its prose: what the mapping compiler checks against.

`tables.json` is the fixed Arrow layout of each class. A whole class has thousands of leaves, and an
all-null column costs time and bytes in every file, so a table keeps

- required and recommended attributes down to `DEPTH` levels, recursion of an object cut at 2;
- scalars of the class itself whatever their requirement;
- every path that a shipped mapping sets, and in every class those that all of them set;
- none of the attributes of a profile other than `PROFILES`, unless a mapping sets them.

Lists of objects keep the scalars of the object, and of what is deeper what a mapping makes.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from ocsf_json_schema import get_ocsf_schema

from tocsin.model.content import ContentFile, ContentSet
from tocsin.normalize.ocsf import OCSF_VERSION
from tocsin.normalize.ocsf.schema import OcsfSchema, ocsf_schema
from tocsin.normalize.ocsf.tables import leaves

ROOT = Path(__file__).resolve().parents[1] / "src" / "tocsin" / "shipped"
CATEGORIES = {0, 1, 3, 4, 6}
"""Base, system, identity, network and application: what telemetry maps to."""
ALSO = {"detection_finding", "vulnerability_finding", "compliance_finding", "data_security_finding"}
PROFILES = {"", "host", "security_control"}
DEPTH = 3
RECURSION = 2
KEPT = ("required", "recommended")
WIDTHS = {
    "string_t": "string",
    "integer_t": "int64",
    "long_t": "int64",
    "float_t": "double",
    "boolean_t": "bool",
    "json_t": "json",
}


def attribute(raw: dict[str, Any], name: str) -> list[Any]:
    """One attribute in the array form of `schema.Attribute`."""
    kind = raw["type"]
    if kind == "object_t":
        kind = f"object_t:{raw['object_type']}"
    profiles = raw.get("profiles") or []
    enum = raw.get("enum") if name != "type_uid" else None
    captions = {k: v["caption"] for k, v in sorted((enum or {}).items())}
    sibling = raw.get("sibling") or ""
    requirement = raw["requirement"]
    array = bool(raw.get("is_array"))
    return [kind, requirement, array, profiles[0] if profiles else "", sibling, captions]


def node(raw: dict[str, Any]) -> dict[str, Any]:
    """A class or object in the form of `schema.Node`."""
    constraints = raw.get("constraints") or {}
    plain = [n for n in constraints.get("at_least_one", []) if "." not in n]
    return {
        "attributes": {n: attribute(a, n) for n, a in sorted(raw["attributes"].items())},
        "at_least_one": plain,
        "just_one": constraints.get("just_one", []),
    }


def reached(schema: dict[str, Any], classes: dict[str, Any]) -> set[str]:
    """The objects that the classes reach."""
    todo = list(classes.values())
    seen: set[str] = set()
    while todo:
        for raw in todo.pop()["attributes"].values():
            name = raw.get("object_type")
            if name and name not in seen:
                seen.add(name)
                todo.append(schema["objects"][name])
    return seen


def compact(schema: dict[str, Any]) -> dict[str, Any]:
    """`schema.json`."""
    chosen = {
        key: raw
        for key, raw in schema["classes"].items()
        if raw.get("category_uid", 0) in CATEGORIES or raw["name"] in ALSO
    }
    classes = {}
    for key, raw in sorted(chosen.items(), key=lambda item: item[1]["name"]):
        about = {
            "name": raw["name"],
            "uid": raw["uid"],
            "caption": raw["caption"],
            "category_uid": raw.get("category_uid", 0),
            "category": raw.get("category_name", "Uncategorized"),
            "key": key,
        }
        classes[raw["name"]] = {**about, **node(raw)}
    objects = {name: node(schema["objects"][name]) for name in sorted(reached(schema, chosen))}
    types = {}
    for name, raw in sorted(schema["dictionary"]["types"]["attributes"].items()):
        facts = {k: raw[k] for k in ("range", "max_len") if k in raw}
        types[name] = {"primitive": raw.get("type", name), **facts}
    return {"version": schema["version"], "classes": classes, "objects": objects, "types": types}


def width(schema: OcsfSchema, kind: str, *, enum: bool) -> str:
    """The column type of a scalar; ids of an enumeration and ports fit 32 bits."""
    if kind == "port_t" or (enum and kind == "integer_t"):
        return "int32"
    if kind.startswith("object_t:"):
        return "json"
    return WIDTHS[schema.types[kind]["primitive"]]


class Pruner:
    """Builds the tree of one class."""

    def __init__(self, schema: OcsfSchema, wanted: set[tuple[str, ...]]) -> None:
        self.schema = schema
        self.wanted = wanted | {p[:i] for p in wanted for i in range(1, len(p))}

    def tree(self, attributes: dict[str, Any], path: tuple[str, ...], stack: list[str]) -> Any:
        """The kept attributes of an object at `path`, inside the objects of `stack`."""
        found: dict[str, Any] = {}
        for name, about in sorted(attributes.items()):
            here = (*path, name)
            asked = here in self.wanted
            if not asked and not self.keeps(about, here):
                continue
            kind = self.kind(about, here, stack, asked=asked)
            if kind:
                found[name] = kind
        return found

    def keeps(self, about: Any, path: tuple[str, ...]) -> bool:
        """Whether an attribute is kept that no mapping asks for."""
        if about.profile not in PROFILES:
            return False
        if about.requirement in KEPT:
            return len(path) <= DEPTH
        return len(path) == 1 and not about.object_name and not about.profile

    def kind(self, about: Any, path: tuple[str, ...], stack: list[str], *, asked: bool) -> Any:
        """The entry of one attribute; empty when recursion ends here."""
        name = about.object_name
        if not name:
            kind = width(self.schema, about.type, enum=bool(about.enum))
            return [kind] if about.is_array else kind
        inner = self.schema.objects[name].attributes
        if about.is_array:
            scalars = {
                n: width(self.schema, a.type, enum=bool(a.enum))
                for n, a in sorted(inner.items())
                if not a.object_name and not a.is_array and a.profile in PROFILES
            }
            return [scalars | self.asked(inner, path)]
        if stack.count(name) >= RECURSION and not asked:
            return None
        return self.tree(inner, path, [*stack, name])

    def asked(self, attributes: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
        """What mappings ask for inside the objects of a list, and no more."""
        found: dict[str, Any] = {}
        for name, about in sorted(attributes.items()):
            here = (*path, name)
            if here not in self.wanted:
                continue
            inner = about.object_name and self.schema.objects[about.object_name].attributes
            if not inner:
                kind = width(self.schema, about.type, enum=bool(about.enum))
                found[name] = [kind] if about.is_array else kind
            elif not about.is_array:
                found[name] = self.asked(inner, here)
        return found


def layout(schema: OcsfSchema, wanted: dict[str, set[tuple[str, ...]]]) -> dict[str, Any]:
    """`tables.json`."""
    everywhere = set.intersection(*wanted.values())
    made = {}
    for name, about in schema.classes.items():
        paths = {path for path in everywhere if schema.attribute(name, path)}
        paths |= wanted.get(name, set())
        made[name] = Pruner(schema, paths).tree(about.attributes, (), [])
        made[name]["unmapped"] = "json"
    return made


def shipped_paths() -> dict[str, set[tuple[str, ...]]]:
    """The paths that the shipped mappings set, by class."""
    from tocsin.normalize.compile import mapped_paths  # noqa: PLC0415 (needs schema.json first)

    files = [
        ContentFile(str(path.relative_to(ROOT)), path.read_bytes(), "shipped")
        for path in sorted((ROOT / "sources").rglob("*.yaml"))
    ]
    return mapped_paths(ContentSet.of(files))


def main() -> int:
    """Write or check both files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    folder = ROOT / "ocsf"
    made = {"schema.json": json.dumps(compact(get_ocsf_schema(OCSF_VERSION)), indent=None)}
    if not check:
        (folder / "schema.json").write_text(made["schema.json"] + "\n")
    trees = layout(ocsf_schema(), shipped_paths())
    made["tables.json"] = json.dumps(trees, indent=1)
    if check:
        stale = [name for name, text in made.items() if (folder / name).read_text() != text + "\n"]
        sys.stderr.writelines(f"{name} is not up to date\n" for name in stale)
        return 1 if stale else 0
    (folder / "tables.json").write_text(made["tables.json"] + "\n")
    sizes = (f"{name}: {sum(1 for _ in leaves(tree))} leaves\n" for name, tree in trees.items())
    sys.stdout.writelines(sizes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
