"""Nessus's scan export (`.nessus`, version 2), host by host, within limits.

The form is that of "Nessus v2 File Format" (Tenable). Nothing in a document is expanded: entities,
document types and external references are refused.
"""

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple
from xml.etree.ElementTree import Element, ParseError  # types alone: parsing is defused

from tocsin.errors import InputError

MAX_BYTES = 2 * 1024 * 1024 * 1024
MAX_DEPTH = 32
MAX_ELEMENTS = 1_000_000
"""Elements of one host."""

MAX_TEXT = 4_000


class Item(NamedTuple):
    """What a plugin reported on a host."""

    plugin: str
    title: str
    port: str
    severity: str
    cves: tuple[str, ...]


class ScannedHost(NamedTuple):
    """A host of a report: its name there, its properties by name, and what was found."""

    name: str
    properties: dict[str, str]
    items: tuple[Item, ...]


def read_nessus(name: str, stream: BinaryIO) -> Iterator[ScannedHost]:
    """The hosts of a report as they are read.

    Raises InputError when it is no such report, is cut off, too large or holds what is refused.
    """
    from defusedxml.common import (  # type: ignore[import-untyped]  # noqa: PLC0415  # ships none, slow
        DefusedXmlException,
    )
    from defusedxml.ElementTree import (  # type: ignore[import-untyped]  # noqa: PLC0415  # the same
        iterparse,
    )

    depth = elements = 0
    root: Element | None = None
    events = iterparse(_Bounded(name, stream), events=("start", "end"), forbid_dtd=True)
    try:
        for event, element in events:
            if event == "start":
                depth, elements = depth + 1, elements + 1
                root = _checked(name, root, element, depth, elements)
                continue
            depth -= 1
            if element.tag == "ReportHost":
                yield _host(element)
                elements = 0
            if element.tag in ("ReportHost", "Policy"):
                element.clear()
                elements = 0
    except DefusedXmlException as error:
        raise InputError("not-xml", f"{name}: entities and document types are refused") from error
    except ParseError as error:
        raise InputError("not-xml", f"{name}: {error}") from error


def _checked(
    name: str, root: Element | None, element: Element, depth: int, elements: int
) -> Element:
    if root is None and element.tag != "NessusClientData_v2":
        raise InputError("not-xml", f"{name}: not a report of Nessus, version 2")
    if depth > MAX_DEPTH:
        raise InputError("too-deep", f"{name}: more than {MAX_DEPTH} levels")
    if elements > MAX_ELEMENTS:
        raise InputError("too-large", f"{name}: a host with more than {MAX_ELEMENTS:,} elements")
    return element if root is None else root


def _host(element: Element) -> ScannedHost:
    properties = {
        tag.get("name", "")[:MAX_TEXT]: (tag.text or "").strip()[:MAX_TEXT]
        for tag in element.iterfind("HostProperties/tag")
    }
    items = tuple(_item(item) for item in element.iterfind("ReportItem"))
    return ScannedHost(element.get("name", "")[:MAX_TEXT], properties, items)


def _item(item: Element) -> Item:
    return Item(
        item.get("pluginID", "")[:MAX_TEXT],
        item.get("pluginName", "")[:MAX_TEXT],
        f"{item.get('port', '')}/{item.get('protocol', '')}"[:MAX_TEXT],
        (item.findtext("risk_factor") or "")[:MAX_TEXT],
        tuple((cve.text or "").strip()[:MAX_TEXT] for cve in item.iterfind("cve")),
    )


class _Bounded:
    """A stream that ends in an error when more is read than a report may have."""

    def __init__(self, name: str, stream: BinaryIO) -> None:
        self._name = name
        self._stream = stream
        self._left = MAX_BYTES

    def read(self, size: int = 65_536) -> bytes:
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise InputError("too-large", f"{self._name}: a report has at most {MAX_BYTES:,} bytes")
        return data
