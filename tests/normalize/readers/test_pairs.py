import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.normalize.readers.pairs import key_value


def read(text: str) -> dict[str, object]:
    fields = key_value(text)
    assert fields is not None
    return fields


@pytest.mark.parametrize(
    "text",
    [
        'a=1 b="two words" c=x',
        'a=1,b="two words",c=x',
        '<189>a=1 b="two words" c=x',
        'Mar  2 09:14:10 fw1 a=1 b="two words" c=x',
        '<13>1 2026-03-02T09:14:10Z fw1 - - - - a=1 b="two words" c=x',
    ],
)
def test_pairs_are_read_behind_any_header(text: str) -> None:
    fields = read(text)
    assert (fields["a"], fields["b"], fields["c"]) == ("1", "two words", "x")


def test_a_value_without_quotes_holds_spaces_and_one_in_quotes_holds_keys() -> None:
    fields = read(r'msg=two words here act=drop q="x=1 \"y\"" e=')
    assert (fields["msg"], fields["act"], fields["q"]) == ("two words here", "drop", 'x=1 "y"')
    assert not fields.keys() & {"x", "e"}


def test_date_and_time_are_one_moment() -> None:
    assert read("date=2026-03-02 time=09:14:10 a=1")["date_time"] == "2026-03-02 09:14:10"
    at = read('date=2026-03-02 time=09:14:10 tz="+0100"')["date_time"]
    assert at == "2026-03-02 09:14:10+0100"
    assert "date_time" not in read("date=today time=09:14:10")


@pytest.mark.parametrize(
    "text", ["", "no pairs", "sshd says that user a=1 b=2 came from afar and left again"]
)
def test_other_text_is_not_taken(text: str) -> None:
    assert key_value(text) is None


@given(st.text() | st.text("ab=\"\\ ,'\n"))
def test_no_text_breaks_the_reader(text: str) -> None:
    for found in (key_value(text), key_value("a=1 " + text)):
        assert found is None or all(type(value) is str for value in found.values())


@pytest.mark.parametrize("piece", ["a=b ", 'a="', '"', "\\", "a=", " ", 'a="\\" '])
def test_long_records_cost_time_in_proportion(piece: str) -> None:
    began = time.process_time()
    key_value("x=1 " + piece * (4_000_000 // len(piece)))
    assert time.process_time() - began < 2
