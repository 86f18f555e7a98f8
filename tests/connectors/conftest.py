"""Retries that do not wait."""

from collections.abc import Iterator

import pytest
import stamina


@pytest.fixture(autouse=True)
def impatient() -> Iterator[None]:
    """Reads are tried twice, without a pause."""
    stamina.set_testing(True, attempts=2)
    yield
    stamina.set_testing(False)
