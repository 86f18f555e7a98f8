"""Exceptions: findings that a site has decided not to be told of, for a reason and a time.

An exception is content (docs/reference/exceptions.md). It never keeps anything from being
detected: it changes what becomes of a finding, and only while the dates in it say so.
"""

from tocsin.detect.exceptions.entry import Effect, Entry
from tocsin.detect.exceptions.reading import read_entry
from tocsin.detect.exceptions.standings import (
    OUTSIDE,
    STAGED,
    Exceptions,
    Standings,
    compile_exceptions,
    compile_standings,
    staged_rules,
)

__all__ = [
    "OUTSIDE",
    "STAGED",
    "Effect",
    "Entry",
    "Exceptions",
    "Standings",
    "compile_exceptions",
    "compile_standings",
    "read_entry",
    "staged_rules",
]
