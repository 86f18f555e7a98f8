"""Windows event records as XML: what the event log itself renders, and forwarders pass on."""

from typing import TYPE_CHECKING, Any

from tocsin.normalize.readers.windows import windows_event

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_TEXT = 1 << 20
"""Characters of one event; the event log's own limit is 64 KiB."""
_LONGEST_NUMBER = 10


def windows_xml(text: str) -> dict[str, Any] | None:
    """An `<Event>` of the schema of Windows events, with the fields that `windows_event` gives.

    A syslog header before it is passed over. XML with a document type or entities is refused: no
    event has any, and they are how XML attacks who reads it.
    """
    start = text.find("<Event ", 0, _HEAD)
    if start < 0 or len(text) > MAX_TEXT:
        return None
    from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]  # noqa: PLC0415 (no stubs; few need it)
    from defusedxml.ElementTree import ParseError, fromstring  # type: ignore[import-untyped]  # noqa: PLC0415 (the same)

    try:
        event = fromstring(text[start:].strip())
    except (ParseError, DefusedXmlException, ValueError):
        return None
    document: dict[str, Any] = {"System": {}}
    for part in event:
        _add(document, part)
    rendered = document.pop("Message", None)
    fields = windows_event({"Event": document})
    if fields is not None and rendered is not None:
        fields.setdefault("Message", rendered)
    return fields


_HEAD = 512
"""Characters in which a header may stand before the event."""


def _add(document: dict[str, Any], part: "Element") -> None:
    name = _local(part)
    if name == "System":
        document["System"] = {_local(child): _value(child) for child in part}
    elif name == "EventData":
        document["EventData"] = _data(part)
    elif name == "UserData":
        document["UserData"] = {_local(child): _data(child) for child in part}
    elif name == "RenderingInfo":
        message = next((c.text for c in part if _local(c) == "Message"), None)
        document["Message"] = message


def _local(element: "Element") -> str:
    return str(element.tag).rpartition("}")[2]


def _value(element: "Element") -> Any:
    """Attributes as an object, or the text; the event's own number as a number."""
    text = (element.text or "").strip()
    if element.attrib:
        found: dict[str, Any] = {"#attributes": dict(element.attrib)}
        return found | {"#text": _number(text)} if text else found
    return _number(text) if _local(element) in _NUMBERS else text or None


_NUMBERS = ("EventID", "EventRecordID", "Level", "Task", "Opcode", "Version")


def _number(text: str) -> Any:
    return int(text) if text.isdecimal() and len(text) <= _LONGEST_NUMBER else text


def _data(element: "Element") -> dict[str, Any]:
    """The fields of event data by their names; those without a name as a list under `Data`."""
    fields: dict[str, Any] = {}
    plain: list[str] = []
    for child in element:
        name = child.get("Name") or (_local(child) if _local(child) != "Data" else "")
        if name:
            fields[name] = child.text
        elif child.text:
            plain.append(child.text)
    if plain:
        fields["Data"] = plain
    return fields
