"""Text out of telemetry, made safe to show: it is data, never an instruction to a screen."""

import re

_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)
"""Letters and marks that count as printable and show nothing: fillers, joiners, selectors."""

MAX_VISIBLE = 512
"""Default bound of shown text, in characters of the result."""

_ONE_BYTE, _TWO_BYTES = 0x100, 0x10000


def visible(text: str, limit: int = MAX_VISIBLE) -> str:
    r"""`text` with every invisible or steering character escaped, at most `limit` characters.

    Escaped are controls (C0, C1, so also ESC and line ends), bidirectional overrides, characters
    without width, unusual spaces, lone surrogates, private and unassigned codes: all that
    `str.isprintable` refuses, and the blanks that it lets pass. Ordinary letters, marks and
    symbols stay. A cut is shown by an ellipsis and never falls inside an escape.
    """
    if len(text) <= limit and _plain(text):
        return text
    parts: list[str] = []
    size = 0
    for char in text[: limit + 1]:
        parts.append(char if _plain(char) else _escape(char))
        size += len(parts[-1])
    if size <= limit:
        return "".join(parts)
    while parts and size > limit - 1:
        size -= len(parts.pop())
    return "".join(parts) + "…" if limit > 0 else ""


def _plain(text: str) -> bool:
    return text.isprintable() and (text.isascii() or _BLANK.search(text) is None)


def _escape(char: str) -> str:
    code = ord(char)
    if code < _ONE_BYTE:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < _TWO_BYTES else f"\\U{code:08x}"
