"""The files that a hunt read, with their digests, so that a reader can tell them again."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from tocsin.app.report import words
from tocsin.formats.read import files_below, printable
from tocsin.formats.records import Skipped

MAX_FILES = 400
MAX_BYTES = 8 * 1024**3
"""Files beyond these bounds are counted, and not hashed."""
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class InputView:
    """A file: its path, its size and its SHA-256 (or why there is none), after the hunt."""

    path: str
    size: str
    digest: str


def inputs_of(paths: Iterable[Path]) -> tuple[tuple[InputView, ...], int]:
    """The files at and below `paths` in order, and how many more there are."""
    views: list[InputView] = []
    left = spent = 0
    for found in (file for path in paths for file in files_below(path)):
        if isinstance(found, Skipped):
            continue
        if len(views) >= MAX_FILES or spent > MAX_BYTES:
            left += 1
            continue
        digest, length = _digest(found)
        spent += length
        views.append(InputView(words.text(printable(found), 240), words.size(length), digest))
    return tuple(views), left


def _digest(path: Path) -> tuple[str, int]:
    digest, length = sha256(), 0
    try:
        with path.open("rb") as file:
            while part := file.read(_CHUNK):
                digest.update(part)
                length += len(part)
    except OSError as error:
        return f"cannot be read: {error.strerror}", length
    return digest.hexdigest(), length
