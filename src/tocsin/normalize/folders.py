"""The folder of a source: its two files, read and of one mind."""

from tocsin.errors import ContentError
from tocsin.formats.located_yaml import load_located
from tocsin.model.content import ContentFile, ContentSet
from tocsin.model.sources import SourceSpec
from tocsin.normalize.language import MappingSpec, read_mapping, read_source


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
