"""Indicators of compromise in the stream of OCSF events, and in what is stored of it.

A table of indicators is a file (`table`) that `app` maps and hands over; columns of a class that
hold observables are told from their names (`paths`); distinct values are looked up (`probing`) and
rows judged (`matching`). Nothing here reads a clock: an indicator holds or not at an event's time.
"""

from tocsin.detect.indicators.finding import Indicators, Looked
from tocsin.detect.indicators.known import KnownValues
from tocsin.detect.indicators.matching import known_columns
from tocsin.detect.indicators.table import Table, write_table

__all__ = ["Indicators", "KnownValues", "Looked", "Table", "known_columns", "write_table"]
