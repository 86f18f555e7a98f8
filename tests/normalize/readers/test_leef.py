import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.normalize.readers.leef import leef


@pytest.mark.parametrize(
    "text",
    [
        "LEEF:1.0|A|B|1|E|src=10.0.0.1\tmsg=two words a=b\tdst=1.1.1.1",
        "LEEF:2.0|A|B|1|E|^|src=10.0.0.1^msg=two words a=b^dst=1.1.1.1",
        "LEEF:2.0|A|B|1|E|x5E|src=10.0.0.1^msg=two words a=b^dst=1.1.1.1",
        "LEEF:2.0|A|B|1|E|0x09|src=10.0.0.1\tmsg=two words a=b\tdst=1.1.1.1",
        "LEEF:2.0|A|B|1|E|src=10.0.0.1\tmsg=two words a=b\tdst=1.1.1.1",
        "<13>Mar  2 09:14:10 h1 LEEF:1.0|A|B|1|E|src=10.0.0.1\tmsg=two words a=b\tdst=1.1.1.1",
    ],
)
def test_header_and_pairs(text: str) -> None:
    fields = leef(text)
    assert fields is not None
    assert (fields["device_vendor"], fields["event_id"]) == ("A", "E")
    assert (fields["src"], fields["msg"], fields["dst"]) == ("10.0.0.1", "two words a=b", "1.1.1.1")
    assert ("syslog_host" in fields) == text.startswith("<13>")


def test_pairs_may_stand_apart_by_spaces() -> None:
    fields = leef("LEEF:1.0|A|B|1|E|src=10.0.0.1 msg=two words dst=1.1.1.1")
    assert fields is not None
    assert (fields["msg"], fields["dst"]) == ("two words", "1.1.1.1")


@pytest.mark.parametrize("text", ["", "LEEF:3.0|A|B|1|E|", "LEEF:1.0|A|B", "CEF:0|A|B|1|1|n|3|"])
def test_other_text_is_not_taken(text: str) -> None:
    assert leef(text) is None


@given(st.text() | st.text("=^\t| ab"))
def test_no_text_breaks_the_reader(text: str) -> None:
    for found in (leef(text), leef("LEEF:2.0|A|B|1|E|^|" + text)):
        assert found is None or all(type(value) is str for value in found.values())
