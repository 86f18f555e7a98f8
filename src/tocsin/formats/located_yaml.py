"""Content YAML with the line of every value, and none of YAML's surprises.

- Plain values follow the YAML 1.2 core schema: `no`, `on`, `12:30` and `2024-01-01` are text.
- A duplicate key, a tag other than `!!str`, a merge key and a second document are refused.
- Anchors are allowed; the size that counts is the size after every alias is written out.
- Bytes, depth and values are limited, so no file can take the process down.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import yaml

from tocsin.errors import ContentError

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 64
MAX_VALUES = 200_000
"""Far above any shipped file (the largest has a few thousand values), far below what hurts."""

Path = tuple[str | int, ...]

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEXT_TAGS = ("!", "tag:yaml.org,2002:str")
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBERS: tuple[tuple[re.Pattern[str], Callable[[str], int | float]], ...] = (
    (re.compile(r"[-+]?[0-9]{1,4000}"), int),
    (re.compile(r"0x[0-9a-fA-F]{1,4000}"), lambda text: int(text, 16)),
    (re.compile(r"0o[0-7]{1,4000}"), lambda text: int(text, 8)),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,4})?"), float),
)


@dataclass(frozen=True, slots=True)
class LocatedDocument:
    """Plain data (`dict`, `list`, `str`, `int`, `float`, `bool`, `None`) and where it stands."""

    value: Any
    where: str
    _lines: dict[Path, int]

    def line(self, path: Path = ()) -> int:
        """Line (from 1) of the value at `path`, or of the nearest value around it."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)

    def at(self, path: Path = ()) -> str:
        """`file:line` of the value at `path`, as an error names it."""
        return f"{self.where}:{self.line(path)}"

    def error(self, path: Path, message: str) -> ContentError:
        """An error that points at the value at `path`."""
        return ContentError(self.at(path), message)


def load_located(data: bytes, where: str) -> LocatedDocument:
    """Read one YAML document; an empty one has the value None.

    Raises ContentError with `file:line`.
    """
    if len(data) > MAX_BYTES:
        raise ContentError(where, f"{len(data):,} bytes; a content file has at most {MAX_BYTES:,}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ContentError(f"{where}:{line}", "not UTF-8: save the file as UTF-8") from None
    builder = _Builder(where)
    try:
        builder.read(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{where}:{mark.line + 1}" if mark else where
        raise ContentError(place, _reason(error)) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ContentError(f"{where}:{line}", "a control character stands here") from None
    return LocatedDocument(builder.value, where, builder.lines)


def _reason(error: yaml.MarkedYAMLError) -> str:
    parts = [part for part in (error.context, error.problem) if part]
    return "not YAML: " + ", ".join(parts)


def _plain(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    for pattern, convert in _NUMBERS:
        if pattern.fullmatch(text):
            return convert(text)
    return text


@dataclass(slots=True)
class _Open:
    """A mapping or list that is being read."""

    value: dict[Any, Any] | list[Any]
    path: Path
    anchor: str | None
    size: int = 1
    key: Any = None
    has_key: bool = False


@dataclass(slots=True)
class _Builder:
    """Turns parser events into plain data without recursion."""

    where: str
    value: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    _stack: list[_Open] = field(default_factory=list)
    _anchors: dict[str, tuple[Any, int]] = field(default_factory=dict)
    _line: int = 1
    _documents: int = 0

    def read(self, text: str) -> None:
        loader = _LOADER(text)
        try:
            while loader.check_event():
                event = loader.get_event()
                self._line = event.start_mark.line + 1
                self._take(event)
        finally:
            loader.dispose()

    def _take(self, event: yaml.Event) -> None:
        match event:
            case yaml.ScalarEvent():
                self._place(self._scalar(event), 1, event.anchor)
            case yaml.AliasEvent():
                if event.anchor not in self._anchors:
                    raise self._error(f"*{event.anchor} names no anchor above it")
                value, size = self._anchors[event.anchor]
                self._place(value, size, None)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._open(event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                done = self._stack.pop()
                self._finish(done.value, done.size, done.anchor)
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise self._error("a second document starts here; one file holds one")
            case _:
                pass

    def _error(self, message: str) -> ContentError:
        return ContentError(f"{self.where}:{self._line}", message)

    def _scalar(self, event: yaml.ScalarEvent) -> Any:
        if event.tag is not None and event.tag not in _TEXT_TAGS:
            raise self._error(f"the tag {event.tag!r} is not allowed")
        if event.tag is not None or event.style:
            return event.value
        if event.value == "<<":
            raise self._error("merge keys (<<) are not allowed: write the keys out")
        return _plain(event.value)

    def _open(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        if event.tag is not None:
            raise self._error(f"the tag {event.tag!r} is not allowed")
        if len(self._stack) >= MAX_DEPTH:
            raise self._error(f"nested deeper than {MAX_DEPTH} levels")
        if self._wants_key():
            raise self._error("a key must be a single value")
        path = self._child()
        self.lines.setdefault(path, self._line)
        value: dict[Any, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._stack.append(_Open(value, path, event.anchor))

    def _wants_key(self) -> bool:
        return (
            bool(self._stack)
            and isinstance(self._stack[-1].value, dict)
            and not self._stack[-1].has_key
        )

    def _child(self) -> Path:
        """The path of the value that comes next."""
        if not self._stack:
            return ()
        top = self._stack[-1]
        return (*top.path, top.key if isinstance(top.value, dict) else len(top.value))

    def _place(self, value: Any, size: int, anchor: str | None) -> None:
        if self._wants_key():
            self._set_key(self._stack[-1], value)
            return
        self.lines.setdefault(self._child(), self._line)
        self._finish(value, size, anchor)

    def _set_key(self, top: _Open, key: Any) -> None:
        if isinstance(key, (dict, list)):
            raise self._error("a key must be a single value")
        if key in top.value:
            first = self.lines[(*top.path, key)]
            raise self._error(f"the key {key!r} stands here and in line {first}")
        top.key, top.has_key = key, True
        self.lines[(*top.path, key)] = self._line

    def _finish(self, value: Any, size: int, anchor: str | None) -> None:
        """Hand a complete value to the mapping or list around it."""
        if anchor is not None:
            self._anchors[anchor] = (value, size)
        if not self._stack:
            self.value = value
            return
        top = self._stack[-1]
        top.size += size
        if top.size > MAX_VALUES:
            raise self._error(f"more than {MAX_VALUES:,} values")
        if isinstance(top.value, dict):
            top.value[top.key], top.has_key = value, False
        else:
            top.value.append(value)
