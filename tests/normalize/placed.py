"""Positions for records of tests, and when they were received."""

from tocsin.model.records import Position

RECEIVED = 1_770_000_000_000_000


def places(count: int, start: int = 0) -> list[Position]:
    """Positions of consecutive records of one file."""
    return [
        Position("site", "p0", start + n, RECEIVED + n, "file.ndjson", start + n)
        for n in range(count)
    ]
