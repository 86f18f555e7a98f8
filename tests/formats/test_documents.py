import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.formats.documents import DocumentFramer
from tocsin.formats.limits import Limits
from tocsin.formats.records import Block, Item, Rejected

SMALL = Limits(max_record=200, kept_of_rejected=16, max_depth=8)


def frame(data: bytes, limits: Limits = Limits(), size: int = 7) -> list[Item]:  # noqa: B008 - frozen
    framer = DocumentFramer("o", limits)
    items: list[Item] = []
    for at in range(0, len(data), size):
        items += framer.feed(data[at : at + size])
    return [*items, *framer.feed(b"", last=True)]


def raws(items: list[Item]) -> list[bytes]:
    return [raw for item in items if isinstance(item, Block) for raw in item.raws]


def reasons(items: list[Item]) -> list[tuple[int, str]]:
    return [(item.position, item.reason) for item in items if isinstance(item, Rejected)]


RECORD = st.dictionaries(
    st.text(),
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=6,
    ),
    max_size=4,
).filter(lambda record: not record.keys() & {"Records", "records", "Events", "events", "value"})


@given(
    st.lists(RECORD, max_size=6), st.sampled_from([None, 2]), st.integers(1, 60), st.integers(0, 3)
)
def test_every_layout_gives_back_the_records(
    records: list[dict[str, object]], indent: int | None, size: int, layout: int
) -> None:
    texts = [json.dumps(record, indent=indent) for record in records]
    data = [
        json.dumps(records, indent=indent),
        "\n".join(texts),
        "".join(texts),
        json.dumps({"Records": records}, indent=indent),
    ][layout].encode()
    items = frame(data, size=size)
    assert [json.loads(raw) for raw in raws(items)] == records
    assert reasons(items) == []
    positions = [at for item in items if isinstance(item, Block) for at in item.positions]
    assert positions == list(range(1, len(records) + 1))


@pytest.mark.parametrize("wrapper", ["Records", "records", "Events", "events", "value"])
def test_wrappers_are_opened_one_after_the_other(wrapper: str) -> None:
    text = b'{ "%s" : [{"a":[1]},{"b":{}}], "more": {"c": []}}' % wrapper.encode()
    assert raws(frame(text + b"\n" + text)) == [b'{"a":[1]}', b'{"b":{}}'] * 2


def test_a_wrapper_may_have_a_context_before_it() -> None:
    text = b'{"@odata.context":"https://x/$metadata#y","value":[\n{"a":1}\n,{"b":2}]}'
    assert raws(frame(text)) == [b'{"a":1}', b'{"b":2}']


def test_an_array_of_values_does_not_make_a_wrapper() -> None:
    assert raws(frame(b'{"value":[1,2]}{"events":["x"]}')) == [
        b'{"value":[1,2]}',
        b'{"events":["x"]}',
    ]


def test_an_object_that_only_looks_like_a_wrapper_is_a_record() -> None:
    assert raws(frame(b'{"Records":{"a":1}}{"x":1}')) == [b'{"Records":{"a":1}}', b'{"x":1}']


@pytest.mark.parametrize("size", [1, 3, 50, 100_000])
def test_a_record_over_a_limit_leaves_its_neighbours(size: int) -> None:
    deep = b'{"d":' * 9 + b"1" + b"}" * 9
    large = b'{"l":"' + b"x" * 5000 + b'"}'
    items = frame(b'[{"a":1},' + deep + b',{"b":2},' + large + b',{"c":3}]', SMALL, size)
    assert raws(items) == [b'{"a":1}', b'{"b":2}', b'{"c":3}']
    assert reasons(items) == [(2, "too-deep"), (4, "too-large")]
    rejected = [item for item in items if isinstance(item, Rejected)]
    assert [item.raw for item in rejected] == [deep[:16], large[:16]]
    assert rejected[1].detail == f"{len(large)} bytes"


def test_a_missing_quote_costs_one_record() -> None:
    items = frame(b'{"a": "oops}\n{"b": 2}\n{"c": 3}\n')
    assert raws(items) == [b'{"b": 2}', b'{"c": 3}']
    assert reasons(items) == [(1, "malformed")]


def test_what_is_no_object_is_refused_not_lost() -> None:
    items = frame(b'[1, "two", {"a": 1}, null]')
    assert raws(items) == [b'{"a": 1}']
    assert [item.raw for item in items if isinstance(item, Rejected)] == [b"1", b'"two"', b"null"]


def test_rubbish_between_documents_is_one_refusal() -> None:
    items = frame(b'{"a": 1}' + b"]}" * 500 + b'{"b": 2}')
    assert raws(items) == [b'{"a": 1}', b'{"b": 2}']
    assert reasons(items) == [(2, "not-an-object")]


def test_an_unclosed_document_is_refused_as_far_as_it_goes() -> None:
    items = frame(b'[{"a": 1}, {"b": "x')
    assert raws(items) == [b'{"a": 1}']
    assert reasons(items) == [(2, "truncated")]


def test_depth_of_a_hundred_thousand_is_refused_in_constant_memory() -> None:
    bomb = b"[" * 100_000 + b"]" * 100_000
    items = frame(b'[{"a":1},' + bomb + b',{"b":2}]', size=4096)
    assert raws(items) == [b'{"a":1}', b'{"b":2}']
    assert reasons(items) == [(2, "too-deep")]


@given(st.binary(max_size=300), st.integers(1, 40))
def test_no_text_makes_it_fail_or_hold_much(data: bytes, size: int) -> None:
    framer = DocumentFramer("o", SMALL)
    for at in range(0, len(data), size):
        list(framer.feed(data[at : at + size]))
        assert framer.held <= SMALL.max_record + size
    list(framer.feed(b"", last=True))


@given(st.text(alphabet='{}[]",\\ \n:a', max_size=200), st.integers(1, 9))
def test_chunking_does_not_matter(text: str, size: int) -> None:
    whole = frame(text.encode(), SMALL, size=100_000)
    assert raws(frame(text.encode(), SMALL, size)) == raws(whole)
    assert reasons(frame(text.encode(), SMALL, size)) == reasons(whole)


@pytest.mark.parametrize(
    "opening", [b"[" * 300, b'{"a":' * 300, b'{"a": "' + b"x" * 5000 + b'", "b": [']
)
def test_what_is_over_a_limit_does_not_swallow_the_next_line(opening: bytes) -> None:
    limits = Limits(max_record=4096, max_depth=100)
    data = b"[\n" + opening + b'\n{"good": 1}\n{"good": 2}\n'
    framer = DocumentFramer("x", limits)
    items = [item for n in range(0, len(data), 700) for item in framer.feed(data[n : n + 700])]
    items += framer.feed(b"", last=True)
    raws = [raw for item in items if isinstance(item, Block) for raw in item.raws]
    assert raws == [b'{"good": 1}', b'{"good": 2}']
    assert [item.reason for item in items if isinstance(item, Rejected)]
