from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tocsin.lab import stamps

MOMENTS = st.integers(0, 4_102_444_800_000_000)
AT = 1_772_406_003_004_005  # 2026-03-01 23:00:03.004005 UTC


def test_each_source_s_notation() -> None:
    assert stamps.iso_seconds(AT) == "2026-03-01T23:00:03Z"
    assert stamps.iso_millis(AT) == "2026-03-01T23:00:03.004Z"
    assert stamps.iso_ticks(AT) == "2026-03-01T23:00:03.0040050Z"
    assert stamps.iso_offset(AT, 3600) == "2026-03-02T00:00:03.004005+01:00"
    assert stamps.iso_offset(AT, -5400, colon=False) == "2026-03-01T21:30:03.004005-0130"
    assert stamps.syslog(AT, 3600) == "Mar  2 00:00:03"
    assert stamps.cef(AT) == "Mar 01 2026 23:00:03 GMT"
    assert stamps.epoch(AT) == 1_772_406_003.004005


@given(MOMENTS, st.integers(-12 * 60, 14 * 60))
def test_local_time_with_its_zone_is_the_same_moment(at: int, minutes: int) -> None:
    read = datetime.fromisoformat(stamps.iso_offset(at, minutes * 60))
    assert read.utcoffset() == timedelta(minutes=minutes)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert (read - epoch) // timedelta(microseconds=1) == at
