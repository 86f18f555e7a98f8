import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.formats.links import MOST, text_of_html, urls_in, urls_in_html


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("see https://a.example/x.", ["https://a.example/x"]),
        ("(http://a.example/b_(c))", ["http://a.example/b_(c)"]),
        ("<https://a.example>, 'https://b.example/?q=1'", ["https://a.example", "https://b.example/?q=1"]),
        ("hxxps://a[.]example/x hXXp[:]//b(dot)example", ["https://a.example/x", "http://b.example"]),
        ("http[://]a{.}example/1", ["http://a.example/1"]),
        ("www.a.example/x and me@www.b.example", ["http://www.a.example/x"]),
        ("https://a.example https://a.example", ["https://a.example"]),
        ("nothing here: http:// https", []),
    ],
)  # fmt: skip
def test_urls_of_text(text: str, urls: list[str]) -> None:
    assert urls_in(text) == urls


def test_urls_of_html() -> None:
    html = """<A HREF = 'https://a.example/?x=1&amp;y=2'>https://bank.example</A>
    <form action=https://b.example/in><img src="cid:1"><a href="javascript:x()">"""
    assert urls_in_html(html) == [
        "https://a.example/?x=1&y=2", "https://b.example/in", "https://bank.example",
    ]  # fmt: skip


def test_text_of_html() -> None:
    assert text_of_html("<script>x<y</script><p>One &amp;<br>two<!-- no --></p>").endswith(
        "One & two"
    )


@given(st.text(max_size=300))
def test_any_text_is_taken(text: str) -> None:
    assert len(urls_in(text)) <= MOST
    assert all("://" in url for url in urls_in_html(text))
