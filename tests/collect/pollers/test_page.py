import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.collect.pollers.declaration import Cursor, Paging, Poller, Request
from tocsin.collect.pollers.page import (
    Odd,
    digest,
    fields_of,
    next_link,
    read_page,
    value_at,
)  # fmt: skip


def poller(items: str = "", **paging: str) -> Poller:
    return Poller(
        id="p", title="p", request=Request(path="/"), cursor=Cursor(field="at"), items=items,
        paging=Paging(**paging), identity=("id",),  # type: ignore[arg-type]  # of the right types
    )  # fmt: skip


def test_items_are_kept_to_the_byte() -> None:
    body = b'{"data": {"events": [ {"n":1.10, "n":2},"x" , 12345678901234567890.50 ]}}'
    page = read_page(poller("data.events"), body, "", 32)
    assert page.items == [b'{"n":1.10, "n":2}', b'"x"', b"12345678901234567890.50"]
    assert page.after == ""


def test_the_next_page_is_found() -> None:
    body = b'{"value": [], "@odata.nextLink": "https://x/?a=1", "page": {"next": "t0k"}}'
    assert read_page(poller("value", kind="url", field="@odata.nextLink"), body, "", 32).after == (
        "https://x/?a=1"
    )
    assert read_page(poller("value", kind="token", field="page.next"), body, "", 32).after == "t0k"
    assert read_page(poller("value", kind="token", field="absent"), body, "", 32).after == ""


@pytest.mark.parametrize(
    ("header", "link"),
    [
        ('<https://a/?x=1>; rel="next"', "https://a/?x=1"),
        ('<https://a/1>; rel="self", <https://a/2>; rel="next"', "https://a/2"),
        ("<https://a/2>; title=x; rel=next", "https://a/2"),
        ('<https://a/2>; rel="last next"', "https://a/2"),
        ('<https://a/,2;b>; rel="next"; title="q, <z>; rel=prev"', "https://a/,2;b"),
        ('<https://a/2>; rel="nextish"', ""),
        ('<https://a/2>; title="rel=next"', ""),
        ("next", ""),
        ("", ""),
        ("<" * 100_000, ""),
    ],
)
def test_link_headers(header: str, link: str) -> None:
    assert next_link(header) == link


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]]", b"{}", b'{"value": {}}', b'{"value": null}', b"\xff", b"[" * 5000,
     b'{"value": "text"}', b"12", b'{"value": [' + b"1," * 100_001 + b"1]}"],
)  # fmt: skip
def test_what_is_no_answer_is_said(body: bytes) -> None:
    with pytest.raises(Odd):
        read_page(poller("value"), body, "", 32)


@given(st.binary(max_size=200), st.sampled_from(["", "value", "a.b"]))
def test_no_answer_breaks_it(body: bytes, items: str) -> None:
    try:
        page = read_page(poller(items, kind="url", field="next"), body, "", 32)
    except Odd:
        return
    assert all(json.loads(item) is not Odd for item in page.items)


def test_what_an_item_is_told_by() -> None:
    fields = fields_of(b'{"id": 7, "a": {"b": 1}, "a.b": 2}')
    assert (value_at(fields, "a.b"), value_at(fields, "a.c"), value_at(fields, "id.x")) == (
        2, None, None,
    )  # fmt: skip
    assert digest(poller(), b'{"id": 7}', fields) == digest(poller(), b'{"id":7,"n":1}', fields)
    assert digest(poller(), b"{}", {})[1] is False
    assert fields_of(b"[1]") == fields_of(b"{") == {}
