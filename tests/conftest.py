"""What every test may ask for. No test reaches the network: see pytest's options in pyproject."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# The two cores are shared: a slow example says nothing.
settings.register_profile("tocsin", deadline=None)
settings.load_profile("tocsin")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def repo() -> Path:
    """The root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real labelled data; a test that asks for it is skipped where it is absent."""
    folder = Path(os.environ.get("TOCSIN_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}: set TOCSIN_DATA to its folder")
    return folder
