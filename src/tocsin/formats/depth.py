"""How deeply JSON text nests, in linear time and without parsing it."""

_NOT_BRACKETS = bytes(set(range(256)) - set(b"{}[]"))
_NOT_OPENINGS = bytes(set(range(256)) - set(b"{[\n"))


def openings_by_line(text: bytes) -> list[bytes]:
    """The opening brackets of each line: their number bounds the depth, in one pass over all."""
    return text.translate(None, _NOT_OPENINGS).split(b"\n")


def too_deep(raw: bytes, limit: int) -> bool:
    """True when brackets outside strings nest deeper than `limit`.

    Nearly free for normal records: without more than `limit` opening brackets nothing can be deep.
    """
    if raw.count(b"{") + raw.count(b"[") <= limit:
        return False
    # Without escapes every quote begins or ends a string: each second part lies outside.
    outside = raw.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')[::2]
    depth = 0
    for bracket in b"".join(outside).translate(None, _NOT_BRACKETS):
        if bracket in b"{[":
            depth += 1
            if depth > limit:
                return True
        else:
            depth -= 1
    return False
