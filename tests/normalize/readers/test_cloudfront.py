"""Lines and objects of CloudFront's logs."""

import pytest

from tocsin.normalize.readers.cloudfront import cloudfront, cloudfront_tsv

CELLS = ["2026-03-02", "08:30:01", "FRA60-P1", "812", "10.0.0.1", "GET", "d.example", "/a", "200"]
LINE = "\t".join(CELLS + ["-"] * 24)


def test_a_line_gets_the_names_of_its_columns() -> None:
    fields = cloudfront_tsv(LINE)
    assert fields is not None
    assert fields["c-ip"] == "10.0.0.1"
    assert fields["cs-uri-stem"] == "/a"
    assert fields["date_time"] == "2026-03-02 08:30:01"
    assert "cs(Referer)" not in fields


@pytest.mark.parametrize("text", ["", "2026-03-02\t08:30:01", "\t".join(CELLS), LINE + "\tx\ty"])
def test_other_text_is_none(text: str) -> None:
    assert cloudfront_tsv(text) is None


def test_a_day_and_a_time_of_day_are_one_moment() -> None:
    record = {"date": "2026-03-02", "start_time": "08:30:01", "c-port": "_"}
    assert cloudfront(record) == {
        "date": "2026-03-02",
        "start_time": "08:30:01",
        "date_time": "2026-03-02 08:30:01",
    }
    assert "date_time" not in cloudfront({"date": "2026-03-02", "time": 7})
