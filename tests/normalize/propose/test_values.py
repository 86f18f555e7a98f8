"""What values look like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.normalize.propose.values import MAX_EXAMPLES, kind_of, statistics


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("192.0.2.7", "ip"), ("2001:db8::1", "ip"), ("192.0.2.7:443", "socket"),
        ("00:1a:2b:3c:4d:5e", "mac"), ("a.b@example.org", "email"), ("www.example.org", "domain"),
        ("https://example.org/x", "url"), ("EXAMPLE\\ann", "account"), ("S-1-5-18", "sid"),
        ("C:\\Windows\\x.exe", "path"), ("/usr/bin/id", "path"),
        ("d41d8cd98f00b204e9800998ecf8427e", "hash"),
        ("{6F9619FF-8B86-D011-B42D-00CF4FC964FF}", "guid"), ("2026-03-02T09:14:10Z", "iso"),
        ("Nov  3 07:15:09", "rfc3164"), ("10/Oct/2000:13:55:36 -0700", "day_first"),
        (1772439250, "epoch"), ("1772439250123", "epoch_ms"), (443, "integer"), ("0.5", "number"),
        (True, "boolean"), ("yes", "boolean"), ([1], "list"), ({"a": 1}, "object"),
        ("hello you", "text"),
    ],
)  # fmt: skip
def test_a_value_is_of_one_kind(value: object, kind: str) -> None:
    assert kind_of(value) == kind


def test_a_field_is_what_nearly_all_of_its_values_are() -> None:
    records = [{"a": "10.0.0.1", "b": n, "c": "on" if n % 2 else "off"} for n in range(20)]
    records[3]["a"] = "unknown"
    found = {one.name: one for one in statistics(records)}
    assert found["a"].kind == "ip"
    assert (found["b"].kind, found["b"].unique) == ("integer", True)
    assert (found["c"].kind, found["c"].unique) == ("enum", False)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.lists(st.dictionaries(st.text(max_size=8), JSON, max_size=5), max_size=8))
def test_no_record_makes_it_fail(records: list[dict[str, object]]) -> None:
    for one in statistics(records):
        assert 0 <= one.present <= one.total == len(records)
        assert len(one.examples) <= MAX_EXAMPLES
