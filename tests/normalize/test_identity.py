"""What makes a record without an identity of its own itself."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tocsin.model.records import Position
from tocsin.model.sources import IdentitySpec, ProductSpec, ShapeSpec, SourceSpec, TimeSpec
from tocsin.normalize.routes import CompiledShape

SECOND = 1_000_000
SHAPE = ShapeSpec("line", "message", (TimeSpec("time"),))
SOURCE = SourceSpec(
    "relayed", "Relayed", ProductSpec("p", "v"), ("file",), (SHAPE,), IdentitySpec(dedup_window=60)
)


def shape(**identity):
    spec = msgspec.structs.replace(SOURCE, identity=IdentitySpec(**identity))
    return CompiledShape(spec, SHAPE, None)  # type: ignore[arg-type]  # identity asks no router


def at(place):
    return Position("site", "p0", place, 5, "relay", place)


def test_content_counts_only_where_the_source_says_so():
    plain = shape()
    assert plain.uid({}, at(1), b"x", 0) != plain.uid({}, at(2), b"x", 0)
    assert plain.uid({}, at(1), b"x", 0) == plain.uid({}, at(1), b"y", 99)


@given(st.binary(max_size=20), st.binary(max_size=20), st.integers(0, 10**12), st.integers(0, 200))
def test_equal_content_in_one_window_is_one_record(one, other, time, later):
    relayed = shape(dedup_window=60)
    then = time + later * SECOND
    same = one == other and time // (60 * SECOND) == then // (60 * SECOND)
    assert (relayed.uid({}, at(1), one, time) == relayed.uid({}, at(2), other, then)) == same


def test_fields_come_before_content():
    numbered = shape(fields=("id",), dedup_window=60)
    assert numbered.uid({"id": 1}, at(1), b"x", 0) != numbered.uid({"id": 2}, at(1), b"x", 0)
    assert numbered.uid({"id": 1}, at(1), b"x", 0) == numbered.uid({"id": 1}, at(2), b"y", 10**9)
    assert numbered.uid({}, at(1), b"x", 0) == numbered.uid({}, at(2), b"x", 0)
