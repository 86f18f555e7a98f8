"""What the site knows of itself, as observers and core open it: one file, mapped and not read."""

import mmap
from collections.abc import Sequence
from pathlib import Path

from tocsin.enrich.context import ContextIndex
from tocsin.errors import StorageError
from tocsin.model.context import Fact


def open_index(path: Path | None, windows: Sequence[Fact] = ()) -> ContextIndex:
    """The index in a file, mapped and not read; StorageError when it is absent or damaged.

    `windows` are those that the stream opened since it was made.
    """
    if path is None:
        return ContextIndex(windows=windows)
    again = "`tocsin context load` any feed makes it anew"
    try:
        with path.open("rb") as file:
            index = ContextIndex(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ), windows)
    except (OSError, ValueError) as error:
        raise StorageError(f"{path} cannot be read ({error}): {again}") from error
    if index.index_id != path.stem:
        raise StorageError(f"{path} was changed on disk: {again}")
    return index
