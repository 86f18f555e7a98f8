"""Rows of Zeek's tab-separated logs, each with the header lines of its file before it."""

import re
from typing import Any

_HEX = re.compile(r"\\x([0-9A-Fa-f]{2})")
_FLAGS = {"T": True, "F": False}
_LISTS = ("set[", "vector[", "list[")
_WHOLE = frozenset({"int", "count", "port"})
MAX_COLUMNS = 1_024


def zeek_tsv(text: str) -> dict[str, Any] | None:
    """The row as flat fields named as in `#fields`, and `_path`; None for text of another form.

    Values get the types that `#types` says: numbers, truth values, lists; times and everything
    else stay text. What is unset stays out; what is empty is an empty text or list.
    """
    if not text.startswith("#"):
        return None
    *header, row = text.split("\n")
    about = _about(header)
    separator = _unescaped(about.get("separator", "\\x09")) or "\t"
    names, types = (about.get(key, "").split(separator) for key in ("fields", "types"))
    values = row.split(separator)
    if names == [""] or row.startswith("#") or len(values) != len(names):
        return None
    fields: dict[str, Any] = {}
    if about.get("path"):
        fields["_path"] = about["path"]
    kinds = types if len(types) == len(names) else ["string"] * len(names)
    for name, kind, value in zip(names[:MAX_COLUMNS], kinds, values, strict=False):
        if value != about.get("unset_field", "-"):
            fields.setdefault(name, _value(kind, value, about))
    return fields


def _about(header: list[str]) -> dict[str, str]:
    """Header lines by their word; the separator of words is that of the log, or a space."""
    found = {}
    separator = "\t"
    for line in header:
        if line.startswith("#separator"):
            found["separator"] = line[len("#separator") :].strip(" ")
            separator = _unescaped(found["separator"]) or separator
        else:
            word, _, rest = line[1:].partition(separator)
            found[word] = rest
    return found


def _value(kind: str, written: str, about: dict[str, str]) -> Any:
    if kind.startswith(_LISTS):
        if written == about.get("empty_field", "(empty)"):
            return []
        inner = kind.partition("[")[2].rstrip("]")
        parts = written.split(_unescaped(about.get("set_separator", ",")) or ",")
        return [_scalar(inner, part) for part in parts]
    if written == about.get("empty_field", "(empty)"):
        return ""
    return _scalar(kind, written)


def _scalar(kind: str, written: str) -> Any:
    if kind == "bool":
        return _FLAGS.get(written, written)
    if kind in _WHOLE and written.isascii() and written.isdigit() and len(written) < 19:  # noqa: PLR2004 (int64)
        return int(written)
    if kind == "double":
        return _number(written)
    return _unescaped(written)


def _number(written: str) -> Any:
    try:
        return float(written)
    except ValueError:
        return written


def _unescaped(written: str) -> str:
    r"""Without `\xNN`, which Zeek writes for bytes that must not stand in a value."""
    if "\\x" not in written:
        return written
    plain = _HEX.sub(lambda found: chr(int(found[1], 16)), written)
    try:
        return plain.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return plain
