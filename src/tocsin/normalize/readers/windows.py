"""Windows event records, with their fields lifted to the top."""

import re
from collections.abc import Callable
from typing import Any

_HOSTS = ("HOSTNAME", "hostname", "Computer", "ComputerName", "MachineName", "computer", "host")
"""How collectors call the host, the most usual name (`Hostname`) left out."""
_MAX_MESSAGE = 16_384
_CLIENT = re.compile(r"Client(?: IP| Address): ?([0-9A-Fa-f.:\[\]]{3,60}[0-9A-Fa-f\]])")
_PROGRAM = re.compile(r"\s*(?:\"([^\"]{1,512}\.exe)\"|(\S{1,512}\.exe)\b)", re.IGNORECASE)
_HOST_APPLICATION = "Host Application = "

_CHANNELS = {
    "Microsoft-Windows-Security-Auditing": "Security",
    "Service Control Manager": "System",
    "Microsoft-Windows-Sysmon": "Microsoft-Windows-Sysmon/Operational",
    "Microsoft-Windows-PowerShell": "Microsoft-Windows-PowerShell/Operational",
    "Microsoft-Windows-Windows Defender": "Microsoft-Windows-Windows Defender/Operational",
    "Microsoft-Windows-WMI-Activity": "Microsoft-Windows-WMI-Activity/Operational",
}
"""Providers that write into one channel only."""


def windows_flat(document: dict[str, Any]) -> dict[str, Any] | None:
    """One flat object for a record, as NXLog and similar collectors write it.

    A record without a channel has the one into which its provider writes, if it is only one. The
    host is `Hostname`, whatever the collector calls it. NXLog writes the number of the process
    that made the record over Sysmon's own `ProcessId`: it is taken from the message, as `User` is,
    and so is `Client`, the address from which somebody tried to reach a share or a desktop.
    The program that PowerShell ran in (`Host Application` of ContextInfo) is `HostApplication` and
    `HostProcess`.
    """
    fields = document
    if type(document.get("Hostname")) is not str:
        host = next((document[n] for n in _HOSTS if type(document.get(n)) is str), None)
        if host is None:
            return None
        fields = {**document, "Hostname": host}
    source = document.get("SourceName")
    said = _SAID.get(source) if type(source) is str else None
    if type(document.get("Channel")) is not str and type(source) is str:
        channel = _CHANNELS.get(source)
        fields = {**fields, "Channel": channel} if channel else fields
    message = document.get("Message")
    if said is not None and type(message) is str:
        found = said(message[:_MAX_MESSAGE], document)
        fields = {**fields, **found} if found else fields
    context = document.get("ContextInfo")
    return {**fields, **_powershell(context)} if type(context) is str else fields


def _line(text: str, after: str) -> str:
    """The rest of the line behind `after`; empty where that does not stand."""
    start = text.find(after)
    return text[start + len(after) :].split("\n", 1)[0].strip() if start >= 0 else ""


def _sysmon(message: str, document: dict[str, Any]) -> dict[str, str]:
    """What Sysmon's message says of the process and the fields do not."""
    missing = (name for name in ("ProcessId", "User") if name not in document)
    return {name: found for name in missing if (found := _line(message, f"\n{name}: "))}


def _client(message: str, document: dict[str, Any]) -> dict[str, str]:
    found = None if "Client" in document else _CLIENT.search(message)
    return {"Client": found[1]} if found else {}


_SAID: dict[str, Callable[[str, dict[str, Any]], dict[str, str]]] = {
    "Microsoft-Windows-Sysmon": _sysmon,
    "Microsoft-Windows-SMBServer": _client,
    "TermDD": _client,
}
"""Providers of which a collector keeps something in the message only, and what takes it out."""


def _powershell(context: str) -> dict[str, str]:
    command = _line(context[:_MAX_MESSAGE], _HOST_APPLICATION)
    program = _PROGRAM.match(command)
    process = {"HostProcess": program[1] or program[2]} if program else {}
    return {"HostApplication": command, **process} if command else {}


def windows_event(document: dict[str, Any]) -> dict[str, Any] | None:
    """`{"Event": {"System": ..., "EventData" | "UserData": ...}}` with its fields lifted.

    Names of System are Provider_Name, Provider_Guid, TimeCreated, ExecutionProcessID, ThreadID,
    ActivityID, UserID, Computer and so on; event data of the same name becomes `EventData_<name>`.
    """
    event = document.get("Event")
    system = event.get("System") if type(event) is dict else None
    if type(system) is not dict or type(event) is not dict:
        return None
    fields: dict[str, Any] = {}
    for name, value in system.items():
        _system(fields, name, value)
    data = event.get("EventData")
    if type(data) is dict:
        _data(fields, data)
    elif data is not None:
        _put(fields, "Data", data)
    user_data = event.get("UserData")
    if type(user_data) is dict:
        for name, inner in user_data.items():
            if type(inner) is dict:
                _data(fields, inner)
            elif name != "#attributes":
                _put(fields, name, inner)
    return fields


_SYSTEM = {
    "Provider": {
        "Name": "Provider_Name",
        "Guid": "Provider_Guid",
        "EventSourceName": "EventSourceName",
    },
    "TimeCreated": {"SystemTime": "TimeCreated"},
    "Execution": {"ProcessID": "ExecutionProcessID", "ThreadID": "ThreadID"},
    "Correlation": {"ActivityID": "ActivityID", "RelatedActivityID": "RelatedActivityID"},
    "Security": {"UserID": "UserID"},
}


def _system(fields: dict[str, Any], name: str, value: Any) -> None:
    if value is None:
        return
    names = _SYSTEM.get(name)
    if type(value) is not dict:
        fields[next(iter(names.values())) if names else name] = value
        return
    attributes = value.get("#attributes", value)
    if "#text" in value:
        fields[name] = value["#text"]
    if type(attributes) is dict:
        for inner, found in attributes.items():
            if inner != "#text":
                key = names.get(inner) if names else None
                fields[key or f"{name}_{inner}"] = found


def _data(fields: dict[str, Any], data: dict[str, Any]) -> None:
    for name, value in data.items():
        if name == "#attributes":
            attribute = value.get("Name") if type(value) is dict else None
            if attribute is not None:
                _put(fields, "EventData_Name", attribute)
        elif type(value) is dict and "#text" in value:
            _put(fields, name, value["#text"])
        elif type(value) is dict and not value.keys() - {"#attributes"}:
            _put(fields, name, None)
        elif name == "Data" and type(value) is list:
            _put(fields, name, [v.get("#text") if type(v) is dict else v for v in value])
        else:
            _put(fields, name, value)


def _put(fields: dict[str, Any], name: str, value: Any) -> None:
    if name in fields:
        name = f"EventData_{name}"
    fields[name] = value
    if " " in name:
        fields.setdefault(name.replace(" ", ""), value)


_WINLOG = {
    "channel": "Channel",
    "event_id": "EventID",
    "computer_name": "Computer",
    "provider_name": "Provider_Name",
    "provider_guid": "Provider_Guid",
    "record_id": "EventRecordID",
    "time_created": "TimeCreated",
    "activity_id": "ActivityID",
    "related_activity_id": "RelatedActivityID",
    "task": "Task",
    "opcode": "Opcode",
    "keywords": "Keywords",
    "version": "Version",
}


def winlog(document: dict[str, Any]) -> dict[str, Any] | None:
    """Winlogbeat since version 7 and Elastic Agent: the event is in `winlog`, in ECS the rest.

    Fields have the names that `windows_event` gives them.
    """
    event = document.get("winlog")
    if type(event) is not dict:
        return None
    fields: dict[str, Any] = {
        name: event[key] for key, name in _WINLOG.items() if event.get(key) is not None
    }
    number = fields.get("EventID")
    if type(number) is str and number.isdecimal() and len(number) <= _LONGEST_NUMBER:
        fields["EventID"] = int(number)
    if "@timestamp" in document:
        fields.setdefault("TimeCreated", document["@timestamp"])
    inner = {
        "Message": document.get("message"),
        "Level": _inside(document, "log", "level"),
        "ExecutionProcessID": _inside(event, "process", "pid"),
        "ThreadID": _inside(event, "process", "thread", "id"),
        "UserID": _inside(event, "user", "identifier"),
        "AccountName": _inside(event, "user", "name"),
        "Domain": _inside(event, "user", "domain"),
    }
    fields.update({name: value for name, value in inner.items() if value is not None})
    for key in ("event_data", "user_data"):
        data = event.get(key)
        if type(data) is dict:
            for name, value in data.items():
                _put(fields, name, value)
    return fields


_LONGEST_NUMBER = 10


def _inside(document: dict[str, Any], *path: str) -> Any:
    value: Any = document
    for step in path:
        if type(value) is not dict:
            return None
        value = value.get(step)
    return value


def winlogbeat(document: dict[str, Any]) -> dict[str, Any] | None:
    """Winlogbeat before version 7: `event_data` holds the event's fields, its own stand beside."""
    fields = dict(document)
    for key in ("event_data", "user_data"):
        data = fields.pop(key, None)
        if type(data) is dict:
            for name, value in data.items():
                _put(fields, name, value)
        elif data is not None:
            return None
    user = fields.get("user")
    if type(user) is dict:
        fields.pop("user")
        fields.update({f"user_{name}": value for name, value in user.items()})
    return fields
