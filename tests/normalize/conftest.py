"""Shipped sources compiled once, and their samples as raw records."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tocsin.model.content import ContentFile, ContentSet
from tocsin.normalize import Normalizer, compile_sources


def shipped_files(repo: Path) -> list[ContentFile]:
    """The content files of every shipped source."""
    root = repo / "src" / "tocsin" / "shipped"
    return [
        ContentFile(path.relative_to(root).as_posix(), path.read_bytes(), "shipped")
        for path in sorted((root / "sources").rglob("*"))
        if path.is_file()
    ]


class Samples(tuple[bytes, ...]):
    """Sample records that do not fill the screen when a test fails."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{len(self)} samples>"


@pytest.fixture(scope="session")
def content(repo: Path) -> ContentSet:
    return ContentSet.of(shipped_files(repo))


@pytest.fixture(scope="session")
def normalizer(content: ContentSet) -> Normalizer:
    made, problems = compile_sources(content)
    assert problems == []
    assert made is not None
    return made


@pytest.fixture(scope="session")
def samples(content: ContentSet) -> Sequence[bytes]:
    """Every sample record of every shipped source that is a JSON object."""
    return Samples(
        line
        for file in content.under("sources/")
        if "/samples/" in file.path
        for line in file.data.splitlines()
        if line.startswith(b"{")
    )
