"""Tables as text: CSV and its relatives, each row with its line, within limits."""

import csv
import io
from collections.abc import Iterator
from typing import Any, NamedTuple

from tocsin.errors import InputError

MAX_BYTES = 512 * 1024 * 1024
MAX_ROWS = 4_000_000
MAX_COLUMNS = 1_000
_DELIMITERS = ",;\t|"


class Row(NamedTuple):
    """One row: the line it ends on (from 1) and its values by header."""

    line: int
    values: dict[str, str]


class BadRow(NamedTuple):
    """A row that cannot be used, and why."""

    line: int
    reason: str


def read_table(name: str, data: bytes) -> tuple[tuple[str, ...], Iterator[Row | BadRow]]:
    """The headers of a table, and its rows as they are asked for.

    Takes UTF-8 (with or without a mark) and UTF-16 with one; commas, semicolons, tabs or bars, by
    which of them the header has most of. Raises InputError when there is no header at all.
    """
    if len(data) > MAX_BYTES:
        raise InputError("too-large", f"{name}: a table has at most {MAX_BYTES:,} bytes")
    text, bad = _decoded(data)
    first = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    headers: list[str] = []
    while not any(one.strip() for one in headers):
        try:
            headers = next(reader)
        except (StopIteration, csv.Error) as error:
            raise InputError("empty", f"{name}: there is no line with headers") from error
    names = tuple(one.strip() for one in headers)
    if len(names) > MAX_COLUMNS:
        raise InputError("too-large", f"{name}: a table has at most {MAX_COLUMNS:,} columns")
    return names, _rows(reader, names, bad)


def _rows(reader: Any, names: tuple[str, ...], bad: set[int]) -> Iterator[Row | BadRow]:
    for _ in range(MAX_ROWS):
        before = reader.line_num
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield BadRow(reader.line_num, str(error))
            continue
        if not any(value.strip() for value in values):
            continue
        if any(line in bad for line in range(before + 1, reader.line_num + 1)):
            yield BadRow(reader.line_num, "not UTF-8: save the table as UTF-8")
        elif len(values) != len(names):
            yield BadRow(reader.line_num, f"{len(values)} values under {len(names)} headers")
        else:
            plain = (value.strip() for value in values)
            yield Row(reader.line_num, dict(zip(names, plain, strict=True)))
    yield BadRow(reader.line_num, f"a table has at most {MAX_ROWS:,} rows: the rest is left out")


def _decoded(data: bytes) -> tuple[str, set[int]]:
    """The text, and the lines (from 1) that are not in its encoding."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace"), set()
    try:
        return data.decode("utf-8-sig"), set()
    except UnicodeDecodeError:
        text = data.decode("utf-8-sig", "replace")
    bad = set()
    for number, line in enumerate(data.split(b"\n"), 1):
        try:
            line.decode()
        except UnicodeDecodeError:
            bad.add(number)
    return text, bad
