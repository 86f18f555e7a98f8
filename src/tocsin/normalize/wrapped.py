"""Records that come wrapped in what a forwarder adds: the record inside, and what stood around it.

Three forms are known: an event of Splunk's HTTP Event Collector, a log record of OpenTelemetry (as
`collect/transports/otlp.py` keeps it), and a document of Beats, Logstash or a container's log. What
is inside is recognized like any record. Time and host of the forwarder stand in where the record
has none of its own, and are there as `envelope.host`, `envelope.time` and so on.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tocsin.model.sources import SourceSpec

TIME = "envelope.time"
"""When a forwarder says that it was: seconds since 1970, or ISO 8601."""
MAX_AROUND = 128
"""Fields that are kept of what stands around a record."""
_HEC = frozenset({"event", "time", "host", "source", "sourcetype", "index", "fields"})
_SAID = ("source", "sourcetype", "index")
_NANO = 1_000_000_000
_LATEST = 32_503_680_000
"""The year 3000 in seconds: a larger number is no time."""


class Wrapped(NamedTuple):
    """What is inside, as text or as an object, and what stands around it.

    `time` is that of the forwarder (see TIME), `kind` what it calls the record. `others` is what
    else may be the record, where the first is none.
    """

    inside: str | dict[str, Any]
    host: str = ""
    time: float | str | None = None
    kind: str = ""
    around: Mapping[str, Any] = {}
    others: tuple[dict[str, Any], ...] = ()


def unwrap(document: dict[str, Any]) -> Wrapped | None:
    """What is inside a record that is wrapped; None for any other record."""
    for form in _FORMS:
        found = form(document)
        if found is not None:
            return found
    return None


def _hec(document: dict[str, Any]) -> Wrapped | None:
    """Splunk's event: `event` and metadata, nothing else."""
    event = document.get("event")
    if not isinstance(event, str | dict) or not document.keys() <= _HEC or len(document) == 1:
        return None
    around: dict[str, Any] = {key: document[key] for key in _SAID if key in document}
    indexed = document.get("fields")
    if isinstance(indexed, dict):
        around |= {f"fields.{key}": value for key, value in indexed.items()}
    kind = document.get("sourcetype")
    return Wrapped(
        event,
        _text(document.get("host")),
        _seconds(document.get("time")),
        kind if isinstance(kind, str) else "",
        around,
    )


def _otlp(document: dict[str, Any]) -> Wrapped | None:
    """OpenTelemetry's log record with its resource and scope."""
    record = document.get("logRecord")
    if not isinstance(record, dict) or not document.keys() <= {"logRecord", "resource", "scope"}:
        return None
    resource = document.get("resource")
    of_resource = _attributes(resource.get("attributes")) if isinstance(resource, dict) else {}
    attributes = _attributes(record.get("attributes"))
    body = _any_value(record.get("body"), 0)
    around = {f"resource.{key}": value for key, value in of_resource.items()}
    around |= {f"attributes.{key}": value for key, value in attributes.items()}
    time = _seconds(record.get("timeUnixNano"), _NANO)
    return Wrapped(
        body if isinstance(body, str | dict) else "",
        _text(of_resource.get("host.name") or attributes.get("host.name")),
        time if time is not None else _seconds(record.get("observedTimeUnixNano"), _NANO),
        "",
        around,
        (attributes,) if attributes else (),
    )


def _shipped(document: dict[str, Any]) -> Wrapped | None:
    """A document of Beats or Logstash, or a line of a container: the log's own line is in it."""
    event = document.get("event")
    line = event.get("original") if isinstance(event, dict) else None
    if not isinstance(line, str):
        line = document.get("message") if "@timestamp" in document else None
    if not isinstance(line, str):
        line = document.get("log") if "stream" in document else None
    if not isinstance(line, str):
        return None
    host = document.get("host")
    around = {key: value for key, value in document.items() if isinstance(value, str | int | float)}
    around = {key: value for key, value in around.items() if key not in ("message", "log")}
    time = _text(document.get("@timestamp") or document.get("time")) or None
    name = _text(host.get("name") if isinstance(host, dict) else host)
    return Wrapped(line.rstrip("\r\n"), name, time, "", around)


_FORMS: tuple[Callable[[dict[str, Any]], Wrapped | None], ...] = (_hec, _otlp, _shipped)


def fields_with(
    fields: dict[str, Any], wrapped: Wrapped, source: SourceSpec, shape_id: str
) -> dict[str, Any]:
    """The fields of a record, with what stood around it; its own always count more."""
    known = dict(fields)
    for key, value in list(wrapped.around.items())[:MAX_AROUND]:
        known.setdefault(f"envelope.{key}", value)
    shape = source.shape(shape_id)
    if wrapped.host:
        known.setdefault("envelope.host", wrapped.host)
        names = shape.aliases.get(source.host, (source.host,)) if source.host else ()
        if names and not any(name in known for name in names):
            known[names[0]] = wrapped.host
    if wrapped.time is not None:
        known.setdefault(TIME, wrapped.time)
    return known


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _seconds(value: object, per_second: int = 1) -> float | None:
    """A time as it is written, as a number or as text; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value) / per_second
    except (ValueError, OverflowError):
        return None
    return found if 0 < found < _LATEST else None


def _attributes(pairs: object, depth: int = 0) -> dict[str, Any]:
    """OpenTelemetry's list of key and value as an object; the first of a key counts."""
    found: dict[str, Any] = {}
    for pair in pairs if isinstance(pairs, list) else ():
        if isinstance(pair, dict) and isinstance(pair.get("key"), str):
            found.setdefault(pair["key"], _any_value(pair.get("value"), depth + 1))
    return found


_MAX_DEPTH = 32


def _any_value(value: object, depth: int) -> Any:
    """OpenTelemetry's AnyValue as a plain value."""
    if not isinstance(value, dict) or depth > _MAX_DEPTH:
        return None
    for name in ("stringValue", "boolValue", "doubleValue", "bytesValue"):
        if name in value:
            return value[name]
    if "intValue" in value:
        try:
            return int(value["intValue"])
        except (TypeError, ValueError):
            return None
    array, pairs = value.get("arrayValue"), value.get("kvlistValue")
    if isinstance(array, dict) and isinstance(array.get("values"), list):
        return [_any_value(one, depth + 1) for one in array["values"]]
    return _attributes(pairs.get("values"), depth) if isinstance(pairs, dict) else None


_NAMES = {
    "pan": "paloalto_firewall",
    "fgt": "fortinet_fortigate",
    "cisco": "cisco_firewall",
    "fortigate": "fortinet_fortigate",
    "o365": "m365_audit",
    "cp_log": "checkpoint_firewall",
    "opsec": "checkpoint_firewall",
    "squid": "squid_proxy",
    "access_combined": "web_server",
    "apache": "web_server",
    "nginx": "web_server",
    "f5": "f5_bigip",
    "linux_secure": "linux_auth",
    "bro": "zeek",
    "corelight": "zeek",
    "google": "gcp_audit",
}
"""How Splunk's add-ons begin the names of source types -> our sources."""


def meant(kind: str) -> list[str]:
    """The sources that a forwarder's word for a record may mean, likeliest first."""
    plain = kind.lower().replace(":", "_").replace("-", "_")
    found = [plain]
    parts = plain.split("_")
    for n in range(len(parts), 0, -1):
        known = _NAMES.get("_".join(parts[:n]))
        if known is not None:
            found.append(known)
    return found
