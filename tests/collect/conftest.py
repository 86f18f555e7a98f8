"""Folders in memory: what these tests show does not depend on how long a disk takes to sync."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.collect.spooling import MEMORY


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A new folder, in memory where the system has such a place."""
    with TemporaryDirectory(dir=MEMORY) as name:
        yield Path(name)
