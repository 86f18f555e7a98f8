"""Parts of a time are read as they are written."""

import pytest

from tocsin.detect.sigma.timeparts import time_part

WRITTEN = {"minute": 7, "hour": 23, "day": 31, "week": 1, "month": 12, "year": 2024}


@pytest.mark.parametrize(
    "text",
    [
        "2024-12-31T23:07:59.123Z",
        "2024-12-31 23:07",
        "2024/12/31 23:07:00 +0500",
        "  2024-12-31T23:07:00-08:00",
        "1735686479",
        "1735686479123",
        "1735686479123456",
        "1735686479123456789",
    ],
)
def test_every_part_of_a_time(text: str) -> None:
    assert {unit: time_part(text, unit) for unit in WRITTEN} == WRITTEN


@pytest.mark.parametrize("text", ["", "-", "12", "2024-13-01 00:00", "yesterday", "9" * 40])
def test_what_is_no_time_has_no_part(text: str) -> None:
    assert time_part(text, "hour") is None


def test_a_date_has_no_hour() -> None:
    assert time_part("2024-12-31", "hour") is None
    assert time_part("2024-12-31", "day") == 31
