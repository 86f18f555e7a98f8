"""What a site knows of its machines, people and plans, dated; and what names in telemetry mean."""

from tocsin.enrich.context.checkouts import window_of_event
from tocsin.enrich.context.compilation import compile_index
from tocsin.enrich.context.description import describe, placed, placeholder_lists
from tocsin.enrich.context.index import ContextIndex

__all__ = [
    "ContextIndex",
    "compile_index",
    "describe",
    "placed",
    "placeholder_lists",
    "window_of_event",
]
