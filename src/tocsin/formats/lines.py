"""Framing of records that are one line each, as blocks of whole lines.

A line keeps its bytes exactly, without LF or CRLF. Blank lines are no records but are counted, so
that a position is the line number. A line over the limit is dropped while it streams past; only its
first part is kept for the dead letter.
"""

from collections.abc import Iterator
from operator import methodcaller

from tocsin.formats.depth import openings_by_line, too_deep
from tocsin.formats.limits import Limits
from tocsin.formats.records import Block, Rejected

_BLANK = b"!"
"""Sorts after every line that is empty or begins with white space."""
_ends_in_return = methodcaller("endswith", b"\r")


class LineFramer:
    """Cuts a stream of chunks into lines; `line` is the number of the last finished line."""

    def __init__(self, origin: str, limits: Limits, line: int = 0) -> None:
        self.origin = origin
        self.line = line
        self._limits = limits
        self._tail = b""
        self._openings = 0
        """The most brackets that one line of this chunk, or the tail before it, can open."""
        self._dropped = 0
        """Bytes of an oversized line that were let go; 0 when the tail is a normal one."""

    @property
    def tail(self) -> bytes:
        """The text after the last finished line; its first part only, when it is oversized."""
        return self._tail

    @property
    def pending(self) -> int:
        """Bytes after the last finished line."""
        return len(self._tail) + self._dropped

    def feed(self, chunk: bytes) -> Iterator[Block | Rejected]:
        """Give the lines that `chunk` completes."""
        self._openings += max(map(len, openings_by_line(chunk)))
        lines = chunk.split(b"\n")
        if len(lines) == 1:
            self._hold(chunk)
            return
        lines[0] = self._tail + lines[0]
        self._tail = lines.pop()
        if self._dropped:
            yield self._oversized(lines[0], self._dropped + len(lines[0]))
            self._dropped = 0
            del lines[0]
        yield from self._cut(lines)
        self._openings = len(openings_by_line(self._tail)[0])
        self._hold(b"")

    def finish(self) -> Iterator[Block | Rejected]:
        """Give the last line when no line end follows it."""
        tail, self._tail = self._tail, b""
        if self._dropped:
            yield self._oversized(tail, self._dropped + len(tail))
            self._dropped = 0
        elif tail:
            yield from self._cut([tail])

    def _hold(self, chunk: bytes) -> None:
        self._tail += chunk
        if len(self._tail) > self._limits.max_record:
            keep = min(self._limits.kept_of_rejected, self._limits.max_record)
            self._dropped += len(self._tail) - keep
            self._tail = self._tail[:keep]

    def _cut(self, lines: list[bytes]) -> Iterator[Block | Rejected]:
        """Blocks of good lines between the bad ones."""
        start = 0
        for index, reason in self._bad(lines):
            yield from self._block(lines[start:index])
            start = index + 1
            if reason == "too-large":
                yield self._oversized(lines[index], len(lines[index]))
            else:
                yield self._refuse(reason, "nests too deeply", lines[index])
        yield from self._block(lines[start:] if start else lines)

    def _oversized(self, head: bytes, size: int) -> Rejected:
        return self._refuse("too-large", f"{size} bytes", head)

    def _refuse(self, reason: str, detail: str, line: bytes) -> Rejected:
        self.line += 1
        kept = line[: self._limits.kept_of_rejected]
        return Rejected(self.origin, self.line, reason, detail, kept)

    def _bad(self, lines: list[bytes]) -> list[tuple[int, str]]:
        """Index and reason of each line over a limit.

        One pass over the whole chunk usually shows that no line in it can be deep.
        """
        largest, deepest = self._limits.max_record, self._limits.max_depth
        if self._openings <= deepest and max(map(len, lines), default=0) <= largest:
            return []
        return [
            (index, "too-large" if len(line) > largest else "too-deep")
            for index, line in enumerate(lines)
            if len(line) > largest or (len(line) > deepest and too_deep(line, deepest))
        ]

    def _block(self, lines: list[bytes]) -> Iterator[Block]:
        if not lines:
            return
        first = self.line + 1
        self.line += len(lines)
        if any(map(_ends_in_return, lines)):
            lines = [line.removesuffix(b"\r") for line in lines]
        if min(lines) > _BLANK:
            yield Block(self.origin, range(first, first + len(lines)), lines)
            return
        kept = [(first + i, line) for i, line in enumerate(lines) if line and not line.isspace()]
        if kept:
            yield Block(self.origin, [at for at, _ in kept], [line for _, line in kept])
