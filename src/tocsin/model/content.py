"""Content: everything that differs between sites and is a file, not code."""

from collections.abc import Iterable, Iterator
from hashlib import sha256

import msgspec


class ContentFile(msgspec.Struct, frozen=True):
    """One file of content. `path` is relative to its layer, `layer` is `shipped` or `site`."""

    path: str
    data: bytes
    layer: str

    @property
    def where(self) -> str:
        """How an error names this file."""
        return f"{self.layer}/{self.path}"


class Problem(msgspec.Struct, frozen=True):
    """What is wrong with content, where, and what its author can do about it."""

    where: str
    message: str
    severity: str = "error"

    def __str__(self) -> str:
        return f"{self.where}: {self.severity}: {self.message}"


class ContentSet(msgspec.Struct, frozen=True):
    """An immutable tree of content files; its id is the digest of the tree."""

    files: tuple[ContentFile, ...]
    content_id: str

    @classmethod
    def of(cls, files: Iterable[ContentFile]) -> "ContentSet":
        """A set of these files; the order in which they come does not matter."""
        ordered = tuple(sorted(files, key=lambda file: file.path))
        digest = sha256()
        for file in ordered:
            for part in (file.path.encode(), file.data):
                digest.update(len(part).to_bytes(8, "big"))
                digest.update(part)
        return cls(files=ordered, content_id=digest.hexdigest()[:16])

    def under(self, folder: str) -> Iterator[ContentFile]:
        """The files below `folder` (for example `rules/`), in order of path."""
        return (file for file in self.files if file.path.startswith(folder))
