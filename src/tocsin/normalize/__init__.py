"""Raw telemetry to OCSF: sources are data, mappings are compiled, nothing is guessed or lost."""

from tocsin.normalize.normalizer import Normalizer
from tocsin.normalize.sources import compile_sources

__all__ = ["Normalizer", "compile_sources"]
