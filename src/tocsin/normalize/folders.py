"""The folder of a source: its two files, read and of one mind.

Sources that have much in common belong to a family: `sources/<name>.family/` holds a source.yaml
and a mapping.yaml with what is the same in all of them.
"""

from tocsin.errors import ContentError
from tocsin.formats.located_yaml import LocatedDocument, load_located
from tocsin.model.content import ContentFile, ContentSet
from tocsin.model.sources import SourceSpec
from tocsin.normalize.language import MappingSpec, read_mapping, read_source

_FAMILY = ".family"


def source_files(content: ContentSet) -> dict[str, dict[str, ContentFile]]:
    """`sources/<id>/<name>` as {id: {name: file}}, whole folders only.

    Every source also has the files of all families, as `<family>.family/<name>`.
    """
    folders: dict[str, dict[str, ContentFile]] = {}
    families: dict[str, ContentFile] = {}
    for file in content.under("sources/"):
        parts = file.path.split("/", 2)
        if len(parts) < 3:  # noqa: PLR2004 (sources, id, name)
            continue
        if parts[1].endswith(_FAMILY):
            families[f"{parts[1]}/{parts[2]}"] = file
        else:
            folders.setdefault(parts[1], {})[parts[2]] = file
    return {source_id: files | families for source_id, files in folders.items()}


def load_source(files: dict[str, ContentFile]) -> tuple[SourceSpec, MappingSpec]:
    """The two files of one source; raises ContentError."""
    own = next(file for name, file in files.items() if _FAMILY not in name)
    for name in ("source.yaml", "mapping.yaml"):
        if name not in files:
            raise ContentError(own.where.rpartition("/")[0], f"{name} is missing in this folder")
    source_file, mapping_file = files["source.yaml"], files["mapping.yaml"]
    document = load_located(source_file.data, source_file.where)
    family = _family(document, files)
    source = read_source(document, family.get("source.yaml"))
    mapping = read_mapping(
        load_located(mapping_file.data, mapping_file.where), family.get("mapping.yaml")
    )
    folder = source_file.path.split("/")[1]
    if not source.id == mapping.source_id == folder:
        raise ContentError(
            mapping_file.where,
            f"the folder says {folder!r}, source.yaml {source.id!r}, "
            f"mapping.yaml {mapping.source_id!r}: all three must be the same",
        )
    return source, mapping


def _family(document: LocatedDocument, files: dict[str, ContentFile]) -> dict[str, LocatedDocument]:
    """The files of the family that a source says it belongs to; none without one."""
    name = document.value.get("family") if isinstance(document.value, dict) else None
    if name is None:
        return {}
    prefix = f"{name}{_FAMILY}/"
    found = {
        path.removeprefix(prefix): load_located(file.data, file.where)
        for path, file in files.items()
        if path.startswith(prefix)
    }
    if not found:
        raise document.error(("family",), f"there is no folder sources/{prefix}")
    return found


def declared_sources(content: ContentSet) -> list[SourceSpec]:
    """What every source of a content set declares, by id; raises ContentError."""
    return [load_source(files)[0] for _, files in sorted(source_files(content).items())]
