"""What kind of log a file that is no archive holds, and its records.

JSON and EVTX are recognized by content. Plain text cannot be: its records are lines, or groups of
them (see `grouping`), unless its name says that it is something else (a licence, a script).
"""

import codecs
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

import msgspec

from tocsin.formats import evtx
from tocsin.formats.containers import ZIP_MAGIC, Leaf
from tocsin.formats.documents import WRAPPER, DocumentFramer
from tocsin.formats.grouping import Grouping, grouping_of
from tocsin.formats.limits import Limits, Trailing, Unreadable
from tocsin.formats.lines import LineFramer
from tocsin.formats.records import Item, Rejected, Skipped
from tocsin.formats.streams import CHUNK, Peeked, Source, sniff_packing
from tocsin.formats.tar import is_tar

SNIFF = 64 * 1024
"""How much of a file is looked at to tell what it is."""
_NOT_TEXT = re.compile(rb"[\x00-\x06\x0e-\x1a]")
_ARRAY = re.compile(rb'\s*\[\s*(?:[{\[\]"]|$)')
"""A JSON array of what can be records; `[Mon Jan 1 ...]` begins a line of text."""
_PACKED = re.compile(r"\.(?:gz|xz|bz2)$")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DOCUMENT_SUFFIXES = frozenset(
    re.findall(
        r"\.\w+",
        ".md .rst .adoc .html .htm .css .js .ts .py .ps1 .psm1 .sh .bat .cmd .vbs .c .h "
        ".go .rs .java .rb .yml .yaml .toml .ini .cfg .conf .xml .xsd .evtxml .svg .csv "
        ".tsv .sql .rules .license ",
    )
)
_DOCUMENT_STEMS = frozenset({"license", "licence", "readme", "notice", "changelog", "copying"})


def read_leaf(leaf: Leaf, limits: Limits) -> Iterator[Item]:
    """The records of one file; a failure of its stream ends it with a Skipped."""
    try:
        yield from _read_leaf(leaf, limits)
    except Unreadable as failure:
        yield Skipped(leaf.origin, failure.reason, failure.detail)


def is_line_log(head: bytes, name: str) -> bool:
    """True when a file that begins with `head` is text with one record a line, in UTF-8."""
    if sniff_packing(head) or head.startswith((*ZIP_MAGIC, evtx.MAGIC)) or is_tar(head):
        return False
    return encoding_of(head) in (None, "utf-8-sig") and framing_of(head, name) == "lines"


def _read_leaf(leaf: Leaf, limits: Limits) -> Iterator[Item]:
    name = _last_name(leaf.origin)
    head = leaf.source.peek(SNIFF)
    if not head:
        leaf.source.read(1)
        yield Skipped(leaf.origin, "empty", "no content")
    elif head.startswith(evtx.MAGIC):
        yield from evtx.read_evtx(leaf.source, leaf.origin, limits)
    elif name.startswith("._"):
        yield Skipped(leaf.origin, "not-a-log", "macOS resource fork")
    else:
        yield from _read_text(leaf, name, limits)


def _read_text(leaf: Leaf, name: str, limits: Limits) -> Iterator[Item]:
    source = Peeked(leaf.source)
    if codec := encoding_of(source.peek(SNIFF)):
        source = Peeked(Recoded(source, codec))
    head = source.peek(SNIFF)
    framing = framing_of(head, name)
    if framing == "lines":
        yield from _by_lines(source, LineFramer(leaf.origin, limits), grouping_of(head))
    elif framing == "documents":
        yield from _by_documents(source, DocumentFramer(leaf.origin, limits))
    else:
        yield Skipped(leaf.origin, "not-a-log", framing)


def framing_of(head: bytes, name: str) -> str:
    """`lines`, `documents`, or in words why this is no log. `head` is UTF-8 text so far."""
    start = head.lstrip()[:1]
    if _ARRAY.match(head):
        return "documents"
    if start == b"{":
        return "lines" if _has_json_line(head) else "documents"
    if _NOT_TEXT.search(head):
        return "binary content"
    path = PurePosixPath(_PACKED.sub("", name.lower()))
    if path.suffix in _DOCUMENT_SUFFIXES or path.stem in _DOCUMENT_STEMS:
        return f"named like a {path.suffix or path.stem} file"
    return "lines"


def _has_json_line(head: bytes) -> bool:
    """True when some line is a JSON object of its own: only then lines are records."""
    lines = head.split(b"\n")
    for line in lines:
        if line.startswith(b"{") and line.rstrip().endswith(b"}"):
            try:
                msgspec.json.decode(line, type=msgspec.Raw)
            except (msgspec.DecodeError, RecursionError):
                continue
            return WRAPPER.match(line) is None
    return False


def encoding_of(head: bytes) -> str | None:
    """The codec to read text with when it is not plain UTF-8: by its mark, or by its zero bytes."""
    for mark, codec in _BOMS:
        if head.startswith(mark):
            return codec
    sample = head[: min(len(head), 256) & ~1]
    if len(sample) < 4:  # noqa: PLR2004 - too little to tell
        return None
    if sample[1::2].count(0) > len(sample) // 3 and sample[::2].count(0) == 0:
        return "utf-16-le"
    if sample[::2].count(0) > len(sample) // 3 and sample[1::2].count(0) == 0:
        return "utf-16-be"
    return None


class Recoded:
    """A text source of another encoding as UTF-8; what is not valid there becomes U+FFFD."""

    def __init__(self, source: Source, codec: str) -> None:
        self._source = source
        self._decoder = codecs.getincrementaldecoder(codec)("replace")
        self._ready = b""
        self._ended = False

    def read(self, size: int, /) -> bytes:
        """The next bytes of UTF-8, at most `size`."""
        while not self._ready and not self._ended:
            data = self._source.read(CHUNK)
            self._ended = not data
            text = self._decoder.decode(data, self._ended)
            self._ready = text.encode("utf-8", "replace")
        data, self._ready = self._ready[:size], self._ready[size:]
        return data


def _by_lines(source: Source, framer: LineFramer, grouping: Grouping) -> Iterator[Item]:
    try:
        while chunk := source.read(CHUNK):
            yield from grouping.feed(framer.feed(chunk))
    except Trailing:
        yield from _rest(framer, grouping)
        raise
    except Unreadable as failure:
        yield from grouping.finish()
        for item in framer.finish():
            yield from _torn(item, failure)
        raise
    yield from _rest(framer, grouping)


def _rest(framer: LineFramer, grouping: Grouping) -> Iterator[Item]:
    """The last line and the last record."""
    yield from grouping.feed(framer.finish())
    yield from grouping.finish()


def _torn(item: Item, failure: Unreadable) -> Iterator[Item]:
    """The line that a broken stream cut: refused, unless it was refused already."""
    if isinstance(item, (Rejected, Skipped)):
        yield item
        return
    for position, raw in zip(item.positions, item.raws, strict=True):
        yield Rejected(item.origin, position, failure.reason, "the stream ends in this record", raw)


def _by_documents(source: Source, framer: DocumentFramer) -> Iterator[Item]:
    try:
        while chunk := source.read(CHUNK):
            yield from framer.feed(chunk)
    except Unreadable:
        yield from framer.feed(b"", last=True)
        raise
    yield from framer.feed(b"", last=True)


def _last_name(origin: str) -> str:
    return origin.rpartition("!")[2].rpartition("/")[2]
