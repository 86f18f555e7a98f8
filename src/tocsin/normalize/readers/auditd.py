"""Records of the Linux audit daemon: all lines of one event, or one line with all of them.

The fields have their names of the audit log, as Sigma's auditd taxonomy has them. A field that
several records of the event have (`type`, `name`) is the list of its different values. Values that
the daemon writes in hexadecimal are decoded. Added are:

    serial, time       of `audit(TIME:SERIAL)`
    event_type         the system call's name, or the type of the first record
    syscall_name       the name of the system call; SYSCALL is the same (as enriched logs write it)
    command_line       the arguments of EXECVE joined by spaces, else the decoded proctitle
    target_path        what was created, deleted or opened, absolute where the event says so
    target_nametype    CREATE, DELETE or NORMAL of that
    remote_ip, remote_port    of an IPv4 or IPv6 socket address
    host               of `node=` or a syslog header
"""

import re
from ipaddress import ip_address
from typing import Any

from tocsin.normalize.readers.lines import before
from tocsin.normalize.readers.syscalls import syscall_name

_START = re.compile(
    r"(?:\bnode=(?P<node>[^\s]{1,255}) )?\btype ?=(?P<type>[\w.\[\]]{1,64}) "
    r"(?:msg=)?audit\((?P<time>\d{1,12}\.\d{1,9}):(?P<serial>\d{1,20})\) ?: ?"
)
_HEAD = 512
"""Characters before the first record in which a syslog header may stand."""
_KERNEL = re.compile(r"(?:\[ *\d{1,12}\.\d{1,9}\] ?)?(?:audit: ?)?\s*")
"""What the kernel's own log has before a record."""
_FIELD = re.compile(r"""([A-Za-z_][\w\-]*(?:\[\d+\])?)=("[^"]*"|'[^']*'|\{[^}]*\}|[^\s]*)""")
_HEX = re.compile(r"(?:[0-9A-F]{2})+")
_ARGUMENT = re.compile(r"a(\d{1,5})(?:\[(\d{1,5})\])?")
_ENCODED = re.compile(
    r"acct|cmd|comm|cwd|data|dir|exe|file|key|name|new|ocomm|old|op|path|proctitle|sw|unit|vm|watch"
    r"|[A-Z]{0,4}[UG]ID"
)
"""Fields that hold text: quoted, or in hexadecimal when something in it must not stand there."""
_ALWAYS = frozenset({"data", "proctitle"})
_UNPRINTABLE = re.compile(rb"[\x00-\x20\x22\x7f-\xff]")
"""Bytes for which the kernel writes a text in hexadecimal."""
_OPERATION = re.compile(r"([^=\"']{1,80}?),?(?= [\w\-]{1,40}=|$)")
"""What a program did, in several words: `op=adding user id=1010`."""
_NOTHING = frozenset({"?", "(null)", "(none)", "unset"})
_UNSET = frozenset({"4294967295", "-1"})
_MAY_BE_UNSET = frozenset({"auid", "old-auid", "old_auid", "ses", "old-ses", "old_ses"})
"""Who logged in, and in which session: the kernel writes -1 for nobody and none."""
_RANKS = {"CREATE": 3, "DELETE": 2, "PARENT": 0}
"""Which path an event is about: what a rename made, not what it took away, never the folder."""
_NUMBERED = {
    "1100": "USER_AUTH",
    "1101": "USER_ACCT",
    "1103": "CRED_ACQ",
    "1104": "CRED_DISP",
    "1105": "USER_START",
    "1106": "USER_END",
    "1112": "USER_LOGIN",
    "1123": "USER_CMD",
    "1130": "SERVICE_START",
    "1131": "SERVICE_STOP",
    "1300": "SYSCALL",
    "1302": "PATH",
    "1305": "CONFIG_CHANGE",
    "1306": "SOCKADDR",
    "1307": "CWD",
    "1309": "EXECVE",
    "1320": "EOE",
    "1325": "NETFILTER_CFG",
    "1326": "SECCOMP",
    "1327": "PROCTITLE",
    "1330": "KERN_MODULE",
    "1400": "AVC",
}
"""Record types (`linux/audit.h`) as the kernel's own log writes them, where no daemon runs."""
MAX_RECORDS = 1_024
"""Records of one event that are read; the kernel writes some dozens at most."""
MAX_ARGUMENTS = 4_096
MAX_TEXT = 256 * 1024
"""Characters of an event that are read: the rest stays in the raw record."""
_MAX_VALUES = 256
"""Different values that a field keeps."""
_EXEC = frozenset({"EXECVE"})
_INET, _INET6 = "0200", "0A00"


def auditd(text: str) -> dict[str, Any] | None:
    """The event as flat fields; None for text that is no audit record."""
    text = text[:MAX_TEXT]
    first = _START.search(text[:_HEAD])
    if first is None:
        return None
    fields: dict[str, Any] = {"time": first["time"], "serial": first["serial"]}
    if first.start():
        host, rest = before(text[: first.start()])
        if rest is None or not _KERNEL.fullmatch(rest):
            return None
        if host:
            fields["host"] = host
    if first["node"]:
        fields["host"] = first["node"]
    records = list(_records(text, first["serial"]))
    kinds = [kind for kind, _ in records]
    executed = not _EXEC.isdisjoint(kinds)
    columns: dict[str, dict[str, None]] = {}
    for kind, body in records:
        for name, value in _pairs(kind, body):
            if executed and kind == "SYSCALL" and name in ("a0", "a1", "a2", "a3"):
                continue  # addresses of what EXECVE says in words
            values = columns.setdefault(name, {})
            if len(values) < _MAX_VALUES:
                values[value] = None
    for name, values in columns.items():
        found = list(values)
        fields.setdefault(name, found[0] if len(found) == 1 else found)
    different = list(dict.fromkeys(kinds))
    fields["type"] = different[0] if len(different) == 1 else different
    _derive(fields, records)
    return fields


def _records(text: str, serial: str) -> list[tuple[str, str]]:
    """(type, body) of each record of the event, in order."""
    starts = []
    for start in _START.finditer(text):
        if start["serial"] == serial:
            starts.append(start)
            if len(starts) == MAX_RECORDS:
                break
    ends = [start.start() for start in starts[1:]] + [len(text)]
    # A syslog header of the next line stands behind the line end.
    return [
        (_kind(start["type"]), text[start.end() : end].partition("\n")[0])
        for start, end in zip(starts, ends, strict=True)
    ]


def _kind(written: str) -> str:
    number = written.removeprefix("UNKNOWN[").rstrip("]")
    return _NUMBERED.get(number, written)


def _pairs(kind: str, body: str) -> list[tuple[str, str]]:
    """Names and values of one record, those of a program's own `msg='...'` behind them."""
    body = body.replace("\\u001D", " ").replace("\x1d", " ")
    start = body.find("msg='") + len("msg='")
    if start < len("msg='"):
        return _plain_pairs(kind, body) + (_avc(body) if kind == "AVC" else [])
    end = body.rfind("'", start)
    end = end if end >= 0 else len(body)  # a message that was cut off has no end
    own = _plain_pairs(kind, body[: start - len("msg='")] + body[end + 1 :])
    names = {name for name, _ in own}
    said = _plain_pairs(kind, body[start:end])
    return own + [pair for pair in said if pair[0] not in names]


def _plain_pairs(kind: str, text: str) -> list[tuple[str, str]]:
    found = []
    for match in _FIELD.finditer(text):
        value = _value(kind, match[1], match[2])
        if match[1] == "op" and match[2][:1] not in ('"', "'"):
            words = _OPERATION.match(text, match.start(2))
            value = words[1] if words else value
        if value is not None:
            found.append((match[1], value))
    return found


def _avc(body: str) -> list[tuple[str, str]]:
    """`avc:  denied  { write } for ...`: what SELinux did with which permissions."""
    words = body.split("{", 1)
    if len(words) != 2:  # noqa: PLR2004 - a part before and a part behind the brace
        return []
    verdict = words[0].split()[-1:] or [""]
    return [("seresult", verdict[0]), ("seperms", words[1].partition("}")[0].strip())]


def _value(kind: str, name: str, written: str) -> str | None:
    """A value as it is meant; None for one that says nothing."""
    if written[:1] in ('"', "'"):
        plain = written[1:-1] if written[-1] == written[0] else written[1:]
        return None if plain == "unset" and name.isupper() else plain
    written = written if written in _NOTHING else written.rstrip(",')")
    if not written or written in _NOTHING or (written in _UNSET and name in _MAY_BE_UNSET):
        return None
    always = name in _ALWAYS or (kind == "EXECVE" and _ARGUMENT.fullmatch(name) is not None)
    if (always or _ENCODED.fullmatch(name)) and _HEX.fullmatch(written):
        data = bytes.fromhex(written)
        if always or _UNPRINTABLE.search(data):
            return data.decode("utf-8", "backslashreplace").rstrip("\0").replace("\0", " ")
    return written


def _derive(fields: dict[str, Any], records: list[tuple[str, str]]) -> None:
    """What the event says in several places, said in one."""
    kind = records[0][0]
    name = _one(fields.get("SYSCALL")) or syscall_name(
        _one(fields.get("arch")), _one(fields.get("syscall"))
    )
    if name:
        fields["SYSCALL"] = fields["syscall_name"] = name
    fields["event_type"] = name if kind == "SYSCALL" and name else kind
    command = _command(records) or _one(fields.get("proctitle")) or _one(fields.get("cmd"))
    if command:
        fields["command_line"] = command
    _target(fields, records)
    _remote(fields)


def _one(value: Any) -> str:
    found = value[0] if type(value) is list and value else value
    return found if type(found) is str else ""


def _command(records: list[tuple[str, str]]) -> str:
    """The arguments of EXECVE in order; long ones come in parts (`a1[0]`, `a1[1]`)."""
    parts: dict[tuple[int, int], str] = {}
    for kind, body in records:
        if kind != "EXECVE":
            continue
        for match in _FIELD.finditer(body):
            place = _ARGUMENT.fullmatch(match[1])
            if place and len(parts) < MAX_ARGUMENTS:
                value = _value(kind, match[1], match[2])
                parts[int(place[1]), int(place[2] or 0)] = value or ""
    words: dict[int, str] = {}
    for (number, _), part in sorted(parts.items()):
        words[number] = words.get(number, "") + part
    return " ".join(words.values())


def _target(fields: dict[str, Any], records: list[tuple[str, str]]) -> None:
    """Of the paths of an event the one that it is about: created, deleted, or the first opened."""
    best: dict[str, str] = {}
    rank = 0
    for kind, body in records:
        if kind == "PATH":
            path = dict(_pairs(kind, body))
            said = path.get("nametype") or path.get("objtype", "NORMAL")
            own = _RANKS.get(said, 1)
            if own > rank and path.get("name"):
                best, rank = path, own
    if best:
        name, folder = best["name"], _one(fields.get("cwd"))
        if not name.startswith("/") and folder:
            name = f"{folder.rstrip('/')}/{name.removeprefix('./')}"
        fields["target_path"] = name
        fields["target_nametype"] = best.get("nametype") or best.get("objtype", "NORMAL")


def _remote(fields: dict[str, Any]) -> None:
    """The address and port of `saddr`: a socket address in hexadecimal, or in words."""
    words = _one(fields.get("SADDR"))
    if words.startswith("{"):
        said = dict(pair.partition("=")[::2] for pair in words.strip("{} ").split())
        found = said.get("laddr", ""), said.get("lport", "")
    else:
        found = _socket_address(_one(fields.get("saddr")).upper())
    if found[0]:
        fields["remote_ip"], fields["remote_port"] = found


def _socket_address(written: str) -> tuple[str, str]:
    if not _HEX.fullmatch(written):
        return "", ""
    port = str(int(written[4:8] or "0", 16))
    if written.startswith(_INET) and len(written) >= 16:  # noqa: PLR2004 - hex digits of sockaddr_in
        return str(ip_address(bytes.fromhex(written[8:16]))), port
    if written.startswith(_INET6) and len(written) >= 48:  # noqa: PLR2004 - of sockaddr_in6
        return str(ip_address(bytes.fromhex(written[16:48]))), port
    return "", ""
