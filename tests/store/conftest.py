"""State and lake in a folder of the test; Django is set up by importing the store."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.store.lake_rows import EVENT

from tocsin.store.lake import Lake
from tocsin.store.state_store import State


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    opened = State(tmp_path / "state.db")
    yield opened
    opened.close()


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake", lambda _class: EVENT)
