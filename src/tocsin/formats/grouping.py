"""Records that are more than one line of text, made of the lines that a `LineFramer` cuts.

- The Linux audit daemon writes an event as several lines with one `audit(TIME:SERIAL)`: lines that
  follow each other are one record, joined by LF. It ends with another serial, with PROCTITLE or EOE
  (which the kernel writes last), or where reading ends.
- A row of a Zeek log means nothing without its header: the record is the header's lines that say
  how to read it, LF, and the row (decision 0020). Comments alone are no records.

A record has the position of its first line of its own. Whether text is grouped is seen from its
first bytes; JSON never is. Every grouping keeps this: feeding the same lines from the start of a
record on gives the same records, so that a reader may go on at any line before `open_lines`.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from tocsin.formats.records import Block, Item, Rejected

MAX_LINES = 512
"""Lines of one audit event; the kernel writes some dozens."""
MAX_BYTES = 1024 * 1024
"""Bytes of one audit event: one that is larger goes on as another record."""
MAX_HEADER = 64 * 1024
"""Bytes of a Zeek header that rows carry with them."""
_AUDIT = re.compile(
    rb"\btype ?=(\S{1,64}) (?:msg=)?audit\((\d{1,12}\.\d{1,9}:\d{1,20})\) ?:([^\n]*)"
)
_MARK = b"audit("
_LAST = (b"PROCTITLE", b"1327")
_END = (b"EOE", b"1320")
_ZEEK = (b"#separator", b"#fields", b"#path", b"#set_separator")
_SEPARATOR = b"#separator"
_HEADER = (
    b"#separator", b"#set_separator", b"#empty_field", b"#unset_field", b"#path", b"#fields",
    b"#types",
)  # fmt: skip
_COMMENT = re.compile(rb"^#[^\n]*\n", re.MULTILINE)
_JSON = (b"{", b"[")
_BOM = b"\xef\xbb\xbf"


class Grouping(Protocol):
    """Makes records of lines."""

    def open_lines(self, line: int) -> int:
        """How many lines up to `line`, the last one fed, begin with a record not given yet."""
        ...

    def feed(self, items: Iterable[Item]) -> Iterator[Item]:
        """Give the records that are complete; what is no line passes through in its place."""
        ...

    def finish(self) -> Iterator[Item]:
        """Give the record that is still open."""
        ...


def grouping_of(head: bytes, header: Sequence[bytes] = ()) -> Grouping:
    """The grouping for text that begins with `head`.

    `header` are the header lines that hold where reading begins behind them (`ZeekRows.header`).
    """
    start = head.removeprefix(_BOM).lstrip()
    if start.startswith(_ZEEK):
        return ZeekRows(header)
    return Single() if start[:1] in _JSON else AuditEvents()


class Single:
    """Each line is a record."""

    def open_lines(self, _line: int) -> int:
        """None is ever open."""
        return 0

    def feed(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items as they are."""
        yield from items

    def finish(self) -> Iterator[Item]:
        """Nothing is ever open."""
        yield from ()


class AuditEvents:
    """Audit lines of one event as one record; every other line is a record of its own."""

    def __init__(self) -> None:
        self._serial = b""
        self._lines: list[bytes] = []
        self._size = 0
        self._first = self._next = 0
        """The numbers of the open event's first line and of the line that would go on with it."""
        self._origin = ""

    def open_lines(self, line: int) -> int:
        """Lines of the event that is still open, with blank ones behind it."""
        return line - self._first + 1 if self._lines else 0

    def feed(self, items: Iterable[Item]) -> Iterator[Item]:
        """Give complete events and other lines, in order."""
        for item in items:
            if isinstance(item, Block) and (self._lines or any(_MARK in raw for raw in item.raws)):
                yield from self._block(item)
            elif isinstance(item, Block):
                yield item
            else:
                yield from self.finish()
                yield item

    def finish(self) -> Iterator[Block]:
        """Give the event that is still open."""
        if self._lines:
            raw = b"\n".join(self._lines)
            self._lines, self._size, self._serial = [], 0, b""
            yield Block(self._origin, [self._first], [raw])

    def _block(self, block: Block) -> Iterator[Item]:
        self._origin = block.origin
        positions: list[int] = []
        raws: list[bytes] = []
        for number, line in zip(block.positions, block.raws, strict=True):
            found = _AUDIT.search(line) if _MARK in line and line[:1] not in _JSON else None
            kind, serial, rest = found.groups() if found else (b"", b"", b"")
            if not self._goes_on(serial, number, len(line)):
                for item in self.finish():
                    positions += item.positions
                    raws += item.raws
            if not serial:
                positions.append(number)
                raws.append(line)
            elif self._lines or kind not in _END or rest.strip():
                self._take(serial, number, line)
            if kind in _LAST or kind in _END:
                for item in self.finish():
                    positions += item.positions
                    raws += item.raws
        if raws:
            yield Block(block.origin, positions, raws)

    def _goes_on(self, serial: bytes, number: int, size: int) -> bool:
        return (
            serial == self._serial
            and number == self._next
            and len(self._lines) < MAX_LINES
            and self._size + size < MAX_BYTES
        )

    def _take(self, serial: bytes, number: int, line: bytes) -> None:
        if not self._lines:
            self._first, self._serial = number, serial
        self._lines.append(line)
        self._size += len(line) + 1
        self._next = number + 1


class ZeekRows:
    """Rows of a Zeek log in tab-separated form, each behind its header."""

    def __init__(self, header: Sequence[bytes] = ()) -> None:
        self.header: tuple[bytes, ...] = tuple(header)
        """The header lines that hold for the next row."""

    def open_lines(self, _line: int) -> int:
        """A row is given at once."""
        return 0

    def feed(self, items: Iterable[Item]) -> Iterator[Item]:
        """Give the rows; a row without a header is refused."""
        for item in items:
            if isinstance(item, Block):
                yield from self._block(item)
            else:
                yield item

    def finish(self) -> Iterator[Item]:
        """A row is complete as it stands."""
        yield from ()

    def take(self, line: bytes) -> None:
        """A header line: it replaces what the header said; `#separator` begins a new one."""
        word = line.split(None, 1)[0]
        if word not in _HEADER:
            return
        if word == _SEPARATOR:
            self.header = ()
        kept = [other for other in self.header if other.split(None, 1)[0] != word]
        if sum(map(len, kept)) + len(line) <= MAX_HEADER:
            self.header = (*kept, line)

    def _block(self, block: Block) -> Iterator[Item]:
        positions: list[int] = []
        raws: list[bytes] = []
        prefix = self._prefix()
        for number, line in zip(block.positions, block.raws, strict=True):
            if line.startswith(b"#"):
                self.take(line)
                prefix = self._prefix()
            elif prefix:
                positions.append(number)
                raws.append(prefix + line)
            else:
                if raws:
                    yield Block(block.origin, positions, raws)
                    positions, raws = [], []
                detail = "a row of a Zeek log before its header: #fields is missing"
                yield Rejected(block.origin, number, "no-header", detail, line)
        if raws:
            yield Block(block.origin, positions, raws)

    def _prefix(self) -> bytes:
        """What stands before each row; empty while the columns are not known."""
        if not any(line.startswith(b"#fields") for line in self.header):
            return b""
        return b"\n".join(self.header) + b"\n"


def header_before(chunks: Iterable[bytes]) -> tuple[bytes, ...]:
    """The Zeek header lines that hold behind `chunks`, which begin with the file's first byte."""
    rows = ZeekRows()
    rest = b""
    for chunk in chunks:
        text = rest + chunk
        end = text.rfind(b"\n") + 1
        for line in _COMMENT.finditer(text, 0, end):
            rows.take(line[0].rstrip())
        rest = text[end:][:MAX_HEADER]
    return rows.header
