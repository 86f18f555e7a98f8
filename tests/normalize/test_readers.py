"""Readers give flat fields, or None; never an exception, whatever the text is."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.normalize.readers import DOCUMENTS, LINES
from tocsin.normalize.readers.documents import MAX_DEPTH, nested

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=20,
)


def test_nested_fields_have_dotted_names() -> None:
    document = {
        "a": {"b": {"c": 1}, "none": None},
        "items": [{"x": 1}, {"x": 2, "y": {"z": "k"}}, "plain"],
        "empty": {},
    }
    assert nested(document) == {
        "a.b.c": 1,
        "items": [{"x": 1}, {"x": 2, "y": {"z": "k"}}, "plain"],
        "items.x": [1, 2],
        "items.y.z": ["k"],
    }


def test_a_key_with_a_dot_keeps_its_own_value() -> None:
    assert nested({"a.b": 1, "a": {"b": 2}}) == {"a.b": 1}


def test_deep_objects_stay_whole() -> None:
    document: dict[str, Any] = {"leaf": 1}
    for _ in range(500):
        document = {"n": document}
    fields = nested(document)
    assert max(name.count(".") for name in fields) == MAX_DEPTH


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        (
            "<34>Oct 11 22:14:15 gate su[77]: 'su root' failed",
            {
                "facility": "auth",
                "severity": "crit",
                "timestamp": "Oct 11 22:14:15",
                "host": "gate",
                "program": "su",
                "pid": "77",
                "message": "'su root' failed",
            },
        ),
        (
            '<165>1 2026-10-11T22:14:15.003Z gate app - ID47 [x@1 a="]\\"["][y b="1"] \ufeffhello',
            {
                "facility": "local4",
                "severity": "notice",
                "timestamp": "2026-10-11T22:14:15.003Z",
                "host": "gate",
                "program": "app",
                "msgid": "ID47",
                "structured_data": '[x@1 a="]\\"["][y b="1"]',
                "message": "hello",
            },
        ),
        (
            "2026-11-23T10:00:00.5+01:00 gate kernel: [1.2] up",
            {
                "timestamp": "2026-11-23T10:00:00.5+01:00",
                "host": "gate",
                "program": "kernel",
                "message": "[1.2] up",
            },
        ),
        ("no time here", None),
        ("<999>Oct 11 22:14:15 gate x: y", None),
        ('<165>1 2026-10-11T22:14:15.003Z gate app - - [open a="1" hello', None),
    ],
)
def test_syslog_lines(line: str, fields: dict[str, Any] | None) -> None:
    assert LINES["syslog"](line) == fields


@given(st.text())
def test_line_readers_take_any_text(text: str) -> None:
    for read in LINES.values():
        fields = read(text)
        assert fields is None or all(isinstance(name, str) for name in fields)


@given(st.dictionaries(st.text(max_size=6), JSON))
def test_document_readers_take_any_object(document: dict[str, Any]) -> None:
    for read in DOCUMENTS.values():
        fields = read(orjson.loads(orjson.dumps(document)) if _is_json(document) else document)
        assert fields is None or isinstance(fields, dict)


def _is_json(document: dict[str, Any]) -> bool:
    try:
        orjson.dumps(document)
    except orjson.JSONEncodeError:
        return False
    return True
