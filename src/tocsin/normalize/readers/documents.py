"""JSON objects as flat fields."""

from typing import Any

import orjson

MAX_DEPTH = 24
"""Objects nested deeper stay whole: names grow with depth, and senders choose it."""


def flat(document: dict[str, Any]) -> dict[str, Any]:
    """A record whose fields already stand at the top."""
    return document


def nested(document: dict[str, Any]) -> dict[str, Any]:
    """Objects within objects, their fields under dotted names: `userIdentity.type`.

    A list stays what it is; of a list of objects each field is there as well, as the list of its
    values (`resources.ARN`). An object without fields and a null say nothing and stay out. A name
    that is there already (a key with a dot in it) keeps its first value.
    """
    fields: dict[str, Any] = {}
    _spread(fields, "", document, MAX_DEPTH)
    return fields


def _spread(fields: dict[str, Any], prefix: str, document: dict[str, Any], depth: int) -> None:
    for key, value in document.items():
        name = prefix + key
        kind = type(value)
        if kind is dict and depth:
            _spread(fields, name + ".", value, depth - 1)
        elif value is not None and name not in fields:
            fields[name] = value
            if kind is list and depth:
                _gather(fields, name + ".", value, depth - 1)


def _gather(fields: dict[str, Any], prefix: str, values: list[Any], depth: int) -> None:
    """Each field of the objects in a list as the list of its values."""
    columns: dict[str, list[Any]] = {}
    for value in values:
        if type(value) is dict:
            inner: dict[str, Any] = {}
            _spread(inner, prefix, value, depth)
            for name, found in inner.items():
                many = columns.setdefault(name, [])
                many += found if type(found) is list else [found]
    for name, found in columns.items():
        fields.setdefault(name, found)


def opened(document: dict[str, Any]) -> dict[str, Any]:
    """The same as `nested` where fields at the top may hold JSON as text: it is read first.

    Text that begins like JSON and is none stays text.
    """
    return nested({name: _opened(value) for name, value in document.items()})


def _opened(value: Any) -> Any:
    if type(value) is not str or value[:1] not in ("{", "["):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


def eventbridge(document: dict[str, Any]) -> dict[str, Any] | None:
    """An Amazon EventBridge event: the fields of its `detail`, as `nested` reads them.

    The fields around it (`source`, `detail-type`, `account`, ...) are `envelope.source` and so on.
    """
    detail = document.get("detail")
    if type(detail) is not dict:
        return None
    fields = nested(detail)
    around = {name: value for name, value in document.items() if name != "detail"}
    _spread(fields, "envelope.", around, MAX_DEPTH)
    return fields


def securityhub(document: dict[str, Any]) -> dict[str, Any] | None:
    """Security Hub's finding in its EventBridge event: its fields, as `nested` reads them.

    AWS puts one finding into an event; one with several is of another sender, and is refused.
    """
    detail = document.get("detail")
    findings = detail.get("findings") if type(detail) is dict else None
    if type(findings) is not list or len(findings) != 1 or type(findings[0]) is not dict:
        return None
    return nested(findings[0])


def typed(document: dict[str, Any]) -> dict[str, Any] | None:
    """An object under the name that `type` says: its fields as `nested` reads them.

    What stands around it (`type`, `timestamp`, ...) keeps its name; a field inside counts more.
    """
    kind = document.get("type")
    body = document.get(kind) if type(kind) is str else None
    if type(body) is not dict:
        return None
    fields = nested(body)
    _spread(fields, "", {k: v for k, v in document.items() if k != kind}, MAX_DEPTH)
    return {**fields, "type": kind}
