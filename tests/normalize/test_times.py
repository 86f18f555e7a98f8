import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.normalize.times import TimeReader, day_of


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("1970-01-01 00:00:00", 0),
        ("1970-01-01T00:00:01Z", 1_000_000),
        ("1970-01-01 00:00:00.250", 250_000),
        ("1970-01-01T00:00:00.1234567Z", 123_456),
        ("1970-01-01T02:00:00+02:00", 0),
        ("1970-01-01T00:00:00.5-0130", 5_400_500_000),
        ("2026-03-02 09:14:11.250", 1_772_442_851_250_000),
    ],
)
def test_written_times_are_read_to_the_microsecond(text: str, micros: int) -> None:
    assert TimeReader().micros(text) == micros


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "2026-03-02",
        "2026-13-02 00:00:00",
        "2026-03-02 25:00:00",
        "2026-03-02 09:14:11.",
        "2026-03-02 09:14:11 soon",
        "2026-03-02 09:14:11.٣",
        "1601-01-01T00:00:00Z",
        "9999-01-01T00:00:00Z",
        "\uff12026-03-02 09:14:11",
        None,
        17,
        ["2026-03-02 09:14:11"],
    ],
)
def test_what_is_no_time_is_none(text: object) -> None:
    assert TimeReader().micros(text) is None


@given(st.datetimes(min_value=None).filter(lambda t: 1900 <= t.year < 2200))
def test_every_moment_survives(moment: object) -> None:
    text = str(moment)
    reader = TimeReader()
    assert reader.micros(text) == reader.micros(text.replace(" ", "T") + "Z")
    assert day_of(reader.micros(text) or 0) == text[:10]


@given(st.text(max_size=40))
def test_no_text_makes_the_reader_fail(text: str) -> None:
    reader = TimeReader()
    assert reader.micros(text) is None or isinstance(reader.micros(text), int)


@pytest.mark.parametrize(
    ("written", "iso"),
    [
        ("Nov  3 07:15:09", "2026-11-03T07:15:09"),
        ("Dec 31 23:59:59", "2025-12-31T23:59:59"),
        ("Feb 28 2021 18:20:54.5", "2021-02-28T18:20:54.5"),
        ("Mon Aug  1 03:30:36 2022", "2022-08-01T03:30:36"),
        ("Mon, Aug 1 03:30:36 UTC 2022", "2022-08-01T03:30:36"),
        ("Feb 30 2021 18:20:54", None),
        ("Foo  3 07:15:09", None),
        ("1638300000", None),
    ],
)
def test_times_that_begin_with_a_month(written: str, iso: str | None) -> None:
    reader = TimeReader()
    received = reader.micros("2026-11-23T00:00:00Z")
    assert received is not None
    wanted = None if iso is None else reader.micros(iso)
    assert reader.read(written, "rfc3164", received) == wanted
