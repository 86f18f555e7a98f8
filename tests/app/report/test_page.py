"""The page is whole in itself, and nothing that a log says becomes a part of it."""

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.app.report.hunts import about, page, report
from tests.enrich.bundles import bundle

from tocsin.app.report import render, view_of
from tocsin.app.report.evidence import MAX_RAW
from tocsin.app.report.page import MISSING, policy, stylesheet
from tocsin.enrich.attack import Labels, read_bundle
from tocsin.model.attack import Crosswalk

VOID = {"meta", "link", "col", "input", "br", "hr", "img"}
LIVE = {
    *("script", "iframe", "object", "embed", "form", "base", "img", "video", "audio", "source"),
    *("foreignobject", "use", "image", "animate", "set", "button", "textarea", "template"),
}
HOSTILE = [
    "<script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "'\"><img src=x onerror=alert(1)>",
    "--><svg/onload=alert(1)>",
    "</title></head><body onload=alert(1)>",
    "javascript:alert(1)",
    "{{ page.title }}{% include 'report.html' %}{% now 'Y' %}",
    "&lt;b&gt;&amp;&#x3c;script&#x3e;",
    "\x1b[31m\u202eevil\u2066\u200b\x00\x07\r\n\t",
    "\ud800\udfff",
    "]]><!--",
    "x" * 1_000_000,
    "<" * 100_000,
]


class Skeleton(HTMLParser):
    """Tags in order with the names of their attributes, and all text."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tags, self.open, self.values, self.text = [], [], [], []
        self.ids = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        self.values += [(tag, name, value or "") for name, value in attrs]
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        self.values += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag):
        assert self.open, tag
        assert self.open.pop() == tag
        self.tags.append((f"/{tag}", ()))

    def handle_data(self, data):
        self.text.append(data)


def skeleton(text):
    found = Skeleton()
    found.feed(text)
    found.close()
    assert found.open == []
    return found


def words(text):
    """A text that gives the same parts of a page as any other: one letter."""
    return skeleton(page(text))


PLAIN = words("x").tags


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:12]))
def test_hostile_text_changes_no_part_of_the_page(text):
    found = words(text)
    assert [tag for tag in found.tags if tag[0] in LIVE] == []
    if len(text) < MAX_RAW:  # a longer record is cut, and says so
        assert found.tags == PLAIN


@settings(max_examples=40)
@given(st.text(min_size=1, max_size=60))
@example("\\")
@example(" UTC. ")
def test_no_text_changes_the_parts_of_the_page(text):
    if not text.strip() or " UTC. " in text:
        return
    assert words(text).tags == PLAIN


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:12]))
def test_no_attribute_runs_or_leads_anywhere(text):
    for tag, name, value in words(text).values:
        assert not name.startswith("on"), (tag, name)
        assert name not in ("style", "src", "srcdoc", "action", "formaction", "xlink:href")
        if name == "href":
            assert re.fullmatch(r"#[a-z0-9-]+|data:,", value), value
        if name in ("class", "id", "for"):
            assert re.fullmatch(r"[a-z0-9 -]+", value), value
        if name == "d":
            assert re.fullmatch(r"[MLZVCaclshv0-9. -]+", value), value


def test_hostile_text_is_there_to_read():
    found = words("<script>alert('1')</script>\u202e\x1b")
    shown = "<script>alert('1')</script>\\u202e\\x1b"
    assert sum(shown in part for part in found.text) > 10
    assert "\u202e" not in "".join(found.text)


def test_a_page_of_long_texts_stays_small():
    assert len(page("x" * 3_000_000)) < 150_000


def test_every_link_in_the_page_leads_somewhere():
    found = words("x")
    assert len(found.ids) == len(set(found.ids))
    targets = {v[1:] for _, name, v in found.values if name == "href" and v.startswith("#")}
    labelled = {v for _, name, v in found.values if name in ("aria-labelledby", "for")}
    assert targets | labelled <= set(found.ids)


@pytest.mark.parametrize("findings", [0, 1, 30])
def test_the_template_names_only_what_the_view_has(findings):
    release, _ = read_bundle(bundle(), "b")
    for labels in (None, Labels(release, Crosswalk())):
        given_labels = {"labels": labels} if labels else {}
        text = render(view_of(report(findings=findings), about(**given_labels))).decode()
        assert MISSING not in text
        skeleton(text)


def test_the_policy_allows_one_style_sheet_and_nothing_else():
    text = page()
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    declared = next(v for t, n, v in words("x").values if t == "meta" and "default-src" in v)
    assert declared == policy(stylesheet())
    assert declared.split("; ") == [
        "default-src 'none'",
        f"style-src 'sha256-{digest}'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    assert "url(" not in style
    assert "@import" not in style
    assert "\r" not in style
    assert text.index("Content-Security-Policy") < text.index("<style>")


def test_nothing_comes_from_another_place():
    text = page()
    assert "//" not in re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)
    assert "<script" not in text


def test_the_page_can_be_read_without_sight_or_colour():
    found = words("x")
    tags = [tag for tag, _ in found.tags]
    assert tags.count("h1") == 1
    assert {"header", "nav", "main"} <= set(tags)
    for tag, names in found.tags:
        if tag == "th":
            assert "scope" in names
        if tag == "svg":
            assert {"aria-hidden", "aria-label"} & set(names)
    levels = [v for _, n, v in found.values if n == "class" and v.startswith("lv lv-")]
    assert levels
    assert sum(part == "high" for part in found.text) >= len(levels) / 5


def contrast(one, other):
    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1, 2], ids=["light", "dark", "paper"])
def test_every_text_colour_can_be_read_on_every_ground(theme):
    roots = re.findall(r":root\{(.*?)\}", stylesheet())
    tokens = {}
    for root in roots[:1] if theme == 0 else (roots[0], roots[theme]):
        tokens |= dict(re.findall(r"--([a-z0-9-]+):(#[0-9a-f]{3,6})\b", root))
    full = {k: v if len(v) == 7 else "#" + "".join(c * 2 for c in v[1:]) for k, v in tokens.items()}
    grounds = [full[name] for name in ("bg", "surface", "sunken")]
    for ink in ("ink", "ink2", "ink3", "aging", "bad", "wc", "wh", "wm", "wl"):
        for ground in grounds:
            assert contrast(full[ink], ground) >= 4.5, (ink, ground)
    for level in ("critical", "high", "low"):
        assert contrast("#ffffff", full[level]) >= 4.5
    assert contrast("#141c26", full["medium"]) >= 4.5
