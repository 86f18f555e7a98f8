"""URLs in what people and attackers write: in text, in HTML, and as analysts defang them.

Every pattern is linear; the input is cut before it is searched.
"""

import re
from collections.abc import Iterator
from html import unescape

MOST = 200
"""URLs of one text."""
SEARCHED = 512 * 1024
"""Characters of a text that are searched."""
LONGEST = 2_048

_DEFANGED = (
    (re.compile(r"\bhxxp(s?)\b", re.IGNORECASE), r"http\1"),
    (re.compile(r"\[:/{0,2}\]|\(:\)"), lambda found: "://" if "/" in found[0] else ":"),
    (re.compile(r" ?[\[({](?:\.|dot)[\])}] ?", re.IGNORECASE), "."),
)
_URL = re.compile(
    r"\b(?:https?://|(?<![/.@\w])www\.)[^\s<>\"'`\x00-\x20\x7f]{1,2048}", re.IGNORECASE
)
_ATTRIBUTE = re.compile(
    r"\b(?:href|src|action|formaction|background)\s{0,8}=\s{0,8}"
    r"(?:\"([^\"]{1,4096})\"|'([^']{1,4096})'|([^\s>\"']{1,4096}))",
    re.IGNORECASE,
)
_TAG = re.compile(r"<(?:!--[^<>]{0,4096}--|[^<>]{0,4096})>")
_SILENT = re.compile(r"<(style|script)\b[^<>]{0,1024}>[^<]{0,65536}</\1\s{0,8}>?", re.IGNORECASE)
_BEHIND = ".,;:!?'\"*_~>|"
_PAIRS = {")": "(", "]": "[", "}": "{"}


def urls_in(text: str) -> list[str]:
    """URLs of a plain text in order, each once, fanged again."""
    text = text[:SEARCHED]
    for pattern, plain in _DEFANGED:
        text = pattern.sub(plain, text)
    return _once(_trimmed(match[0]) for match in _URL.finditer(text))


def urls_in_html(html: str) -> list[str]:
    """URLs of HTML: in attributes that lead somewhere, and in its text."""
    html = html[:SEARCHED]
    values = (unescape(a or b or c).strip() for a, b, c in _ATTRIBUTE.findall(html))
    led = (value[:LONGEST] for value in values if _URL.match(value))
    return _once([*led, *urls_in(text_of_html(html))])


def text_of_html(html: str) -> str:
    """What a person would read, roughly."""
    shown = _SILENT.sub(" ", html[:SEARCHED])
    return " ".join(unescape(_TAG.sub(" ", shown)).split())


def _trimmed(url: str) -> str:
    """Without what belongs to the sentence around it."""
    while url:
        last = url[-1]
        unpaired = last in _PAIRS and url.count(last) > url.count(_PAIRS[last])
        if last not in _BEHIND and not unpaired:
            break
        url = url[:-1]
    return url if "://" in url else f"http://{url}"


def _once(urls: Iterator[str] | list[str]) -> list[str]:
    found: dict[str, None] = {}
    for url in urls:
        if len(url) > len("https://"):
            found[url] = None
        if len(found) >= MOST:
            break
    return list(found)
