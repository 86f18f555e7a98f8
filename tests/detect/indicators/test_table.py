"""Tables of indicators: written once, looked up by hash, compared as a whole."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.detect.indicators.table import Table, hash_of, key_of, write_table
from tocsin.errors import StorageError
from tocsin.model.intelligence import Indicator, Term


def domain(name, number=0, **more):
    return Indicator(
        "acme", f"indicator--{number}", name, ((Term("domain", "is", name),),), **more
    )  # fmt: skip


@given(st.sets(st.text("abc.", min_size=1, max_size=6), max_size=40))
def test_everything_written_is_found_and_nothing_else(names):
    names = sorted(names)
    table = Table(write_table([domain(name, n) for n, name in enumerate(names)]))
    assert len(table) == len(names)
    for number, name in enumerate(names):
        assert table.find(hash_of("domain", name)) == [number]
        assert table.indicator(number).digest == name
    assert table.find(hash_of("domain", "absent")) == []


def test_a_table_is_the_same_bytes_for_the_same_indicators():
    made = [domain("a.b", 1), domain("c.d", 2)]
    assert write_table(made).to_pybytes() == write_table(made).to_pybytes()


def test_one_value_in_several_indicators_gives_them_all():
    table = Table(write_table([domain("a.b", 1), domain("a.b", 2)]))
    assert sorted(table.find(hash_of("domain", "a.b"))) == [0, 1]


def test_the_term_that_fewest_events_share_is_looked_up():
    name, digest = Term("file-name", "is", "a.exe"), Term("hash", "is", "a" * 32)
    port = Term("port", "is", "443")
    assert key_of((name, digest, port)) is digest
    assert key_of((Term("hash", "re", "a+"), port)) is port
    assert key_of((Term("hash", "is", "a" * 32, negated=True), name)) is name


@pytest.mark.parametrize("data", [b"", b"no table", b"ARROW1\0\0"])
def test_what_is_no_table_is_refused(data):
    with pytest.raises(StorageError):
        Table(pa.py_buffer(data))


def test_an_empty_table_ends_what_it_says():
    table = Table(write_table([], ["indicator/acme/indicator--1"]))
    assert table.gone == {hash_of("rule", "indicator/acme/indicator--1")}
    assert table.find(5) == []
