"""Records that were dead letters and go through once more, under the place that they came from.

A file of them is removed when what it holds is in the spool. After a crash in between its position
is there and the file is still there too: it is removed, and not given again.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tocsin.collect.folder import make_folder, sync_folder, write_durably
from tocsin.collect.port import Checkpoint, Chunk
from tocsin.errors import StorageError
from tocsin.formats.records import RawBatch

SUFFIX = ".again"
DONE: dict[str, Any] = {"done": True}


class Letter(msgspec.Struct, frozen=True, array_like=True):
    """One record with the place that it came from."""

    origin: str
    position: int
    raw: bytes


class Bundle(msgspec.Struct, frozen=True):
    """Records of one declared source, or of none."""

    source_id: str | None
    letters: list[Letter]


def write_bundle(folder: Path, name: str, bundle: Bundle) -> None:
    """Put records where `Again` finds them; durable on return."""
    make_folder(folder)
    fresh = folder / f"{name}.new"
    write_durably(fresh, msgspec.msgpack.encode(bundle))
    fresh.replace(folder / f"{name}{SUFFIX}")
    sync_folder(folder)


class Again:
    """Reads bundles in order of name; keeps `collect.port.Transport`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._given: set[str] = set()
        self._gone: list[str] = []

    def resume(self, positions: Mapping[str, Any], refused: Mapping[str, Any]) -> None:  # noqa: ARG002 - the port's
        """Remove what the spool has."""
        for name in positions:
            self._remove(name)

    def poll(self, now: int) -> Iterator[Chunk]:  # noqa: ARG002 - the port's
        """One chunk a bundle; an empty one forgets the position of one that is gone."""
        gone, self._gone = self._gone, []
        for name in gone:
            yield Chunk(RawBatch(), None, Checkpoint(name, None))
        for path in self._bundles():
            if path.name not in self._given:
                self._given.add(path.name)
                yield self._chunk(path)

    def durable(self, chunks: Sequence[Chunk]) -> None:
        """Remove the bundles that were stored."""
        for chunk in chunks:
            if chunk.checkpoint.position is not None:
                self._remove(chunk.checkpoint.key)

    def _bundles(self) -> list[Path]:
        return sorted(self._folder.glob(f"*{SUFFIX}")) if self._folder.is_dir() else []

    def _chunk(self, path: Path) -> Chunk:
        try:
            bundle = msgspec.msgpack.decode(path.read_bytes(), type=Bundle)
        except (OSError, msgspec.DecodeError) as error:
            raise StorageError(f"{path} cannot be read ({error}); move it away") from error
        batch = RawBatch(
            [one.origin for one in bundle.letters],
            [one.position for one in bundle.letters],
            [one.raw for one in bundle.letters],
            size=sum(len(one.raw) for one in bundle.letters),
        )
        return Chunk(batch, bundle.source_id, Checkpoint(path.name, DONE))

    def _remove(self, name: str) -> None:
        (self._folder / Path(name).name).unlink(missing_ok=True)
        self._given.discard(name)
        self._gone.append(name)
