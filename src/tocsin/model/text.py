"""Text out of telemetry, made safe to show: it is data, never an instruction to a screen."""

import re

_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff"
    "\ud800-\udfff\U000e0000-\U000e0fff\U000f0000-\U0010ffff]"
)
"""C0 and C1 controls, line and paragraph separators, bidirectional overrides and isolates (Unicode
Standard Annex 9), characters without width, lone surrogates, tags and private planes."""

MAX_VISIBLE = 512
"""Default bound of shown text, in characters of the result."""


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x100:  # noqa: PLR2004 - the last code that two hexadecimal digits can write
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # noqa: PLR2004 - likewise


def visible(text: str, limit: int = MAX_VISIBLE) -> str:
    """`text` with every invisible or steering character escaped, at most `limit` characters.

    Ordinary Unicode letters, marks and symbols stay. A cut is shown by an ellipsis and never
    falls inside an escape.
    """
    head = text[: limit + 1]
    shown = _UNSAFE.sub(_escape, head)
    if len(shown) <= limit and len(head) == len(text):
        return shown
    parts: list[str] = []
    room = limit - 1
    for char in head:
        part = _UNSAFE.sub(_escape, char)
        room -= len(part)
        if room < 0:
            break
        parts.append(part)
    return "".join(parts) + "…" if limit > 0 else ""
