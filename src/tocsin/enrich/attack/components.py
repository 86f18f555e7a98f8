"""Data components: which a release asks for, technique by technique, and which events are which.

A release says it in one of three ways: by detection strategies whose analytics name log sources
(since release 18), by `detects` relationships of data components (10 to 17), or by the text
`x_mitre_data_sources` of a technique (`Process: Process Creation`; before 10).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

import msgspec

from tocsin.enrich.attack.bundle import MAX_NAME, TECHNIQUE_ID
from tocsin.errors import ContentError
from tocsin.formats.located_yaml import LocatedDocument, Path, load_located
from tocsin.model.content import ContentFile
from tocsin.model.text import visible

SUFFIX = "components.yaml"
"""How a file in `attack/` ends that says which events are which data component."""


class DataComponents(msgspec.Struct, frozen=True):
    """The data components of a release by technique id; those that are gone are left out."""

    of_technique: dict[str, tuple[str, ...]]

    @property
    def names(self) -> tuple[str, ...]:
        """Every component that some technique is detected by."""
        return tuple(sorted({name for names in self.of_technique.values() for name in names}))


class Delivers(msgspec.Struct, frozen=True):
    """Events that are a component: of a class, activities and sources (none: any), with fields."""

    class_name: str
    activities: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


class ComponentRule(msgspec.Struct, frozen=True):
    """A component and the events of which any kind is it."""

    component: str
    ways: tuple[Delivers, ...]


class _Reference(msgspec.Struct):
    source_name: str = ""
    external_id: str | None = None


class _LogSource(msgspec.Struct):
    x_mitre_data_component_ref: str = ""


class _Object(msgspec.Struct):
    type: str = ""
    id: str = ""
    name: str = ""
    revoked: bool = False
    x_mitre_deprecated: bool | None = False
    external_references: list[_Reference] = []
    relationship_type: str = ""
    source_ref: str = ""
    target_ref: str = ""
    x_mitre_analytic_refs: list[str] = []
    x_mitre_log_source_references: list[_LogSource] = []
    x_mitre_data_sources: list[str] = []

    @property
    def technique(self) -> str:
        """Its id when it is a technique of the enterprise matrix."""
        for one in self.external_references:
            found = one.external_id or ""
            if one.source_name == "mitre-attack" and TECHNIQUE_ID.fullmatch(found):
                return found
        return ""


class _Bundle(msgspec.Struct):
    objects: list[msgspec.Raw]


_bundle = msgspec.json.Decoder(_Bundle).decode
_object = msgspec.json.Decoder(_Object).decode


def read_data_components(data: bytes) -> DataComponents:
    """The data components in a bundle that `read_bundle` took; objects it cannot read stay out.

    Raises ContentError when the bytes are no bundle.
    """
    try:
        raws = _bundle(data.removeprefix(b"\xef\xbb\xbf")).objects
    except (msgspec.DecodeError, RecursionError) as error:
        raise ContentError("bundle", f"not a STIX bundle: {error}") from None
    objects = {one.id: one for one in _objects(raws)}
    techniques = {
        one.id: one.technique
        for one in objects.values()
        if one.type == "attack-pattern" and one.technique and not _gone(one)
    }
    found: dict[str, set[str]] = defaultdict(set)
    for stix, technique in techniques.items():
        for text in objects[stix].x_mitre_data_sources:
            found[technique].add(text.rpartition(": ")[2])
    for one in objects.values():
        target = techniques.get(one.target_ref, "")
        if one.relationship_type == "detects" and target and not _gone(one):
            found[target].update(_components(objects.get(one.source_ref), objects))
    return DataComponents(
        {
            technique: tuple(sorted({visible(name, MAX_NAME) for name in names if name}))
            for technique, names in sorted(found.items())
            if any(names)
        }
    )


def _objects(raws: Iterable[msgspec.Raw]) -> Iterator[_Object]:
    for raw in raws:
        try:
            yield _object(raw)
        except msgspec.DecodeError:
            continue


def _gone(one: _Object) -> bool:
    return one.revoked or bool(one.x_mitre_deprecated)


def _components(detector: _Object | None, objects: dict[str, _Object]) -> Iterator[str]:
    """The components that something which detects a technique looks at."""
    if detector is None or _gone(detector):
        return
    if detector.type == "x-mitre-data-component":
        yield detector.name
    for ref in detector.x_mitre_analytic_refs:
        analytic = objects.get(ref)
        if analytic is not None and not _gone(analytic):
            for source in analytic.x_mitre_log_source_references:
                component = objects.get(source.x_mitre_data_component_ref)
                if component is not None and not _gone(component):
                    yield component.name


def read_component_rules(files: Iterable[ContentFile]) -> tuple[ComponentRule, ...]:
    """Which events are which component; raises ContentError with `file:line`."""
    return tuple(rule for file in files if is_components(file) for rule in _rules(file))


def is_components(file: ContentFile) -> bool:
    """Whether a file of `attack/` is such a table."""
    return file.path.endswith(SUFFIX)


def component_errors(files: Iterable[ContentFile]) -> list[ContentError]:
    """What is wrong with these files, the first of each."""
    found = []
    for file in files:
        if is_components(file):
            try:
                list(_rules(file))
            except ContentError as error:
                found.append(error)
    return found


def _rules(file: ContentFile) -> Iterator[ComponentRule]:
    document = load_located(file.data, file.where)
    if not isinstance(document.value, list):
        raise document.error((), "a list of entries with `component` and `from`")
    for number, entry in enumerate(document.value):
        if not isinstance(entry, dict) or set(entry) != {"component", "from"}:
            raise document.error((number,), "an entry has exactly `component` and `from`")
        if not isinstance(entry["component"], str) or not isinstance(entry["from"], list):
            raise document.error((number,), "`component` is a text, `from` a list")
        ways = (
            _way(document, (number, "from", place), way) for place, way in enumerate(entry["from"])
        )
        yield ComponentRule(entry["component"], tuple(ways))


_KEYS = {"class": "class_name", "activities": "", "needs": "", "sources": ""}


def _way(document: LocatedDocument, path: Path, way: object) -> Delivers:
    if not isinstance(way, dict) or not set(way) <= set(_KEYS) or "class" not in way:
        raise document.error(path, f"it has a `class`, and perhaps {', '.join(list(_KEYS)[1:])}")
    try:
        return msgspec.convert({_KEYS[key] or key: value for key, value in way.items()}, Delivers)
    except msgspec.ValidationError as error:
        raise document.error(path, str(error)) from None
