"""Raw telemetry to OCSF: sources are data, mappings are compiled, nothing is guessed or lost."""

from tocsin.normalize.check import accept_sources, check_sources
from tocsin.normalize.normalizer import Normalizer
from tocsin.normalize.ocsf.tables import class_names, class_schema
from tocsin.normalize.ocsf.validate import validate
from tocsin.normalize.sources import compile_sources

__all__ = [
    "Normalizer",
    "accept_sources",
    "check_sources",
    "class_names",
    "class_schema",
    "compile_sources",
    "validate",
]
