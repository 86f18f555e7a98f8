"""Compile every source of a content set into one Normalizer."""

from tocsin.errors import ContentError
from tocsin.model.content import ContentSet, Problem
from tocsin.model.sources import SourceSpec
from tocsin.normalize.compile import MappingCompiler
from tocsin.normalize.folders import load_source, source_files
from tocsin.normalize.language import MappingSpec
from tocsin.normalize.moments import zone_offset
from tocsin.normalize.normalizer import Normalizer
from tocsin.normalize.patterns import Patterns
from tocsin.normalize.readers import LINES, READERS
from tocsin.normalize.routes import CompiledShape, Router
from tocsin.normalize.times import FORMATS


def compile_sources(content: ContentSet) -> tuple[Normalizer | None, list[Problem]]:
    """All sources of `content`, or None with what is wrong with them."""
    specs: list[SourceSpec] = []
    shapes: dict[tuple[str, str], CompiledShape] = {}
    problems: list[Problem] = []
    for _, files in sorted(source_files(content).items()):
        try:
            source, mapping = load_source(files)
            _check_source(source)
            shapes.update(compile_shapes(source, mapping))
        except ContentError as error:
            problems.append(Problem(error.where, error.message))
            continue
        specs.append(source)
    if problems:
        return None, problems
    return Normalizer(tuple(specs), shapes), []


def _check_source(source: SourceSpec) -> None:
    try:
        zone_offset(source.time_zone)
    except ValueError as error:
        raise ContentError(source.where, str(error)) from None
    for shape in source.shapes:
        if shape.reader not in READERS:
            known = ", ".join(READERS)
            raise ContentError(
                source.where, f"shape {shape.id}: no reader {shape.reader!r}; known: {known}"
            )
        if not shape.time:
            raise ContentError(
                source.where, f"shape {shape.id}: name at least one field in `time:`"
            )
        if shape.reader not in LINES and not shape.has:
            raise ContentError(source.where, f"shape {shape.id}: name the keys in `has:`")
        for time in shape.time:
            if time.format not in FORMATS:
                known = ", ".join(FORMATS)
                raise ContentError(
                    source.where,
                    f"shape {shape.id}: no time format {time.format!r}; known: {known}",
                )
        if shape.patterns is not None:
            try:
                Patterns(shape.patterns, insist=True)
            except ValueError as error:
                raise ContentError(source.where, f"shape {shape.id}: {error}") from None


def compile_shapes(
    source: SourceSpec, mapping: MappingSpec
) -> dict[tuple[str, str], CompiledShape]:
    """The programs of every shape of a source; raises ContentError."""
    compiler = MappingCompiler(source, mapping)
    made = {}
    for shape in source.shapes:
        programs = [
            (
                rule.values,
                {shape.aliases.get(n, (n,)): wanted for n, wanted in rule.conditions.items()},
                compiler.program(rule, shape),
            )
            for rule in mapping.events
        ]
        default = compiler.program(mapping.default, shape)
        select = shape.aliases.get(mapping.select, (mapping.select,))
        made[source.id, shape.id] = CompiledShape(source, shape, Router(select, programs, default))
    return made
