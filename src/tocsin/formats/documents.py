"""Framing of JSON values that span lines: arrays, pretty-printed and concatenated documents.

A scanner follows strings and brackets only; it never parses, so its time is linear and its memory
is one record. Values one level inside a top-level array are records, and so are the elements of
`{"Records": [...]}` and its kin. A record that is too large or too deep is dropped while it streams
past. A line end inside a string is no JSON: there the scanner gives up the record and starts anew
on the next line, so that a missing quote costs one record. A record that is over a limit also ends
where a line begins with a brace, so that it cannot swallow what others wrote.
"""

import re
from collections.abc import Iterator

from tocsin.formats.limits import Limits
from tocsin.formats.records import Block, Item, Rejected

_PLAIN = re.compile(rb'[^"{}\[\]]*(?:"[^"\\\n]*(?:\\[^\n][^"\\\n]*)*"[^"{}\[\]]*)*')
"""Anything that does not change the depth, whole strings included. Nothing follows the outer group,
so the only way back is out of one unfinished string: the time is linear."""
_STRING_REST = re.compile(rb'[^"\\\n]*(?:\\[^\n][^"\\\n]*)*')
_GAP = re.compile(rb"[\s,]*")
_SCALAR = re.compile(rb'"[^"\\\n]*(?:\\[^\n][^"\\\n]*)*"?|[^\s,\[\]{}"]+|}+|.', re.DOTALL)
"""A value between the records of an array that is none."""
_JUNK = re.compile(rb'"[^"\\\n]*(?:\\[^\n][^"\\\n]*)*"?|[^{\["\n]+|\n')
"""The same outside of arrays, up to where a record may begin."""
WRAPPER = re.compile(
    rb'\{\s*(?:"@odata\.[\w.]+"\s*:\s*"[^"\\]*"\s*,\s*){0,3}'
    rb'"(?:Records|records|Events|events|value)"\s*:\s*\[\s*(?=[{\]])'
)
"""How cloud services begin a file of records; an array of no objects belongs to a record."""
_WRAPPER_ROOM = 1024


class DocumentFramer:
    """Cuts a stream of JSON text into records; `position` counts them from 1."""

    def __init__(self, origin: str, limits: Limits) -> None:
        self.origin = origin
        self.position = 0
        self._limits = limits
        self._text = b""
        """What may still be needed; while in a record it begins with that record."""
        self._at = 0
        self._start = 0
        self._depth = 0
        """Brackets open within the record; 0 between records."""
        self._array = self._wrapper = self._after_wrapper = False
        self._in_string = self._too_deep = False
        self._kept = b""
        self._dropped = 0
        """Bytes of an oversized record that were let go, and its first part."""
        self._out: list[Item] = []
        self._raws: list[bytes] = []

    @property
    def held(self) -> int:
        """Bytes kept in memory."""
        return len(self._text)

    def feed(self, chunk: bytes, *, last: bool = False) -> Iterator[Item]:
        """Give the records that `chunk` completes; `last` says that no more follows."""
        self._text += chunk
        while self._at < len(self._text):
            step = self._in_record if self._depth else self._between
            if not step(last=last):
                break
        if last and self._depth and not self._after_wrapper:
            self._at = len(self._text)
            self._refuse("truncated", "the document is not closed")
        self._shed()
        self._flush()
        out, self._out = self._out, []
        yield from out

    def _between(self, *, last: bool) -> bool:
        """Move to the next record; False when more text is needed."""
        text = self._text
        self._at = at = _GAP.match(text, self._at).end()  # type: ignore[union-attr]  # matches always
        character = text[at : at + 1]
        if character in (b"{", b"["):
            return self._open(character, last=last)
        if character == b"]" and self._array:
            self._array = False
            if self._wrapper:
                self._wrapper, self._after_wrapper = False, True
                self._start, self._depth = at, 1
            self._at += 1
            return True
        return bool(character) and self._stray(last=last)

    def _open(self, character: bytes, *, last: bool) -> bool:
        at = self._at
        if not self._array:
            if character == b"[":
                self._array = True
                self._at += 1
                return True
            if len(self._text) - at < _WRAPPER_ROOM and not last:
                return False
            if wrapper := WRAPPER.match(self._text, at):
                self._array = self._wrapper = True
                self._at = wrapper.end()
                return True
        self._start, self._depth = at, 1
        self._at += 1
        return True

    def _stray(self, *, last: bool) -> bool:
        """Something between records that is no object: it is refused, not lost."""
        stray = _SCALAR if self._array else _JUNK
        end = stray.match(self._text, self._at).end()  # type: ignore[union-attr]  # matches always
        # One byte more may be a backslash whose character is still to come.
        cut = end + 1 >= len(self._text) and not last
        if cut and end - self._at <= self._limits.max_record:
            return False
        self._start, self._at = self._at, end
        self._refuse("not-an-object", "a value that is no JSON object")
        return True

    def _in_record(self, *, last: bool) -> bool:
        """Move to the next place where something changes; False when more text is needed."""
        skip = _STRING_REST if self._in_string else _PLAIN
        self._at = at = skip.match(self._text, self._at).end()  # type: ignore[union-attr]  # matches always
        character = self._text[at : at + 1]
        if not character or (character == b"\\" and at + 1 == len(self._text) and not last):
            return False
        self._at += 1
        if character == b'"':
            self._in_string = not self._in_string
        elif self._in_string:
            self._refuse("malformed", "a line ends inside a string")
        elif character == b"{" and self._may_begin_anew(at):
            self._at = at
            self._refuse(*self._why())
        elif character in (b"{", b"["):
            self._depth += 1
            self._too_deep |= self._depth > self._limits.max_depth
        else:
            self._depth -= 1
            if not self._depth:
                self._close()
        return True

    def _may_begin_anew(self, at: int) -> bool:
        """Whether a record that is refused anyway should not swallow the line that begins here."""
        lost = self._too_deep or self._dropped
        return bool(lost) and at > 0 and self._text[at - 1 : at] == b"\n"

    def _why(self) -> tuple[str, str]:
        """Reason and detail of a record that is over a limit; empty when it is not."""
        size = self._dropped + self._at - self._start
        if self._too_deep:
            return "too-deep", "nests too deeply"
        return ("too-large", f"{size} bytes") if size > self._limits.max_record else ("", "")

    def _close(self) -> None:
        reason, detail = self._why()
        if self._after_wrapper:
            self._after_wrapper = False
        elif reason:
            self._refuse(reason, detail)
        else:
            self._raws.append(self._text[self._start : self._at])

    def _refuse(self, reason: str, detail: str) -> None:
        self._flush()
        self.position += 1
        raw = (self._kept + self._text[self._start : self._at])[: self._limits.kept_of_rejected]
        self._out.append(Rejected(self.origin, self.position, reason, detail, raw))
        self._kept, self._dropped, self._depth = b"", 0, 0
        self._in_string = self._too_deep = self._after_wrapper = False

    def _flush(self) -> None:
        if self._raws:
            first = self.position + 1
            self.position += len(self._raws)
            self._out.append(Block(self.origin, range(first, self.position + 1), self._raws))
            self._raws = []

    def _shed(self) -> None:
        """Let go of text that is not needed any more."""
        begin = self._start if self._depth else self._at
        if self._depth and self._at - begin > self._limits.max_record:
            room = self._limits.kept_of_rejected - len(self._kept)
            self._kept += self._text[begin : begin + max(room, 0)]
            self._dropped += self._at - begin
            begin = self._at
        self._text = self._text[begin:]
        self._at -= begin
        self._start = 0
