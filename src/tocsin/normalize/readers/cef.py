"""ArcSight's Common Event Format: `CEF:0|vendor|product|version|signature|name|severity|extension`.

Products differ from the standard and from each other. An extension is cut before each word that
is followed by `=`, so that values hold spaces and, in part, bare equal signs, as they occur.
"""

import re
from typing import Any

from tocsin.normalize.readers.lines import before, syslog

_START = re.compile(r"CEF:\s?(?P<version>\d(?:\.\d)?)\|")
_BARE = re.compile(
    r"\s{0,8}(?P<version>[01])\|(?=[A-Za-z][^|\n]{0,63}\|[^|\n]{1,127}\|(?:[^|\n]{0,255}\|){4}\s{0,4}\w+=)"
)
"""A record whose `CEF:` a syslog receiver took for the tag of the program: it begins the text, has
the whole header and an extension."""
_HEAD = 512
"""Characters in which a syslog header may stand before the record."""
_HEADER = ("device_vendor", "device_product", "device_version", "signature_id", "name", "severity")
_PART = re.compile(r"(?:[^|\\]|\\.)*", re.DOTALL)
_LAST = re.compile(r"(?:[^|\\ ]|\\.)*", re.DOTALL)
_KEY = re.compile(r"(?:^|(?<=\s)|(?<=\|))([A-Za-z_][\w.\[\]\-]{0,254})=")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_MEANT = {"n": "\n", "r": "\r"}
_SYSLOG = {"host": "syslog_host", "timestamp": "syslog_timestamp"}
_DICTIONARY = {
    "deviceAction": "act",
    "applicationProtocol": "app",
    "deviceEventCategory": "cat",
    "baseEventCount": "cnt",
    "destinationHostName": "dhost",
    "destinationMacAddress": "dmac",
    "destinationNtDomain": "dntdom",
    "destinationProcessId": "dpid",
    "destinationPort": "dpt",
    "destinationProcessName": "dproc",
    "destinationAddress": "dst",
    "destinationUserId": "duid",
    "destinationUserName": "duser",
    "destinationUserPrivileges": "dpriv",
    "deviceAddress": "dvc",
    "deviceHostName": "dvchost",
    "deviceProcessId": "dvcpid",
    "deviceMacAddress": "dvcmac",
    "endTime": "end",
    "fileName": "fname",
    "fileSize": "fsize",
    "bytesIn": "in",
    "message": "msg",
    "bytesOut": "out",
    "eventOutcome": "outcome",
    "transportProtocol": "proto",
    "requestUrl": "request",
    "deviceReceiptTime": "rt",
    "receiptTime": "rt",
    "sourceHostName": "shost",
    "sourceMacAddress": "smac",
    "sourceNtDomain": "sntdom",
    "sourceProcessId": "spid",
    "sourceProcessName": "sproc",
    "sourcePort": "spt",
    "sourceUserPrivileges": "spriv",
    "sourceAddress": "src",
    "startTime": "start",
    "sourceUserId": "suid",
    "sourceUserName": "suser",
}
"""Full names of the standard's dictionary -> the keys it prescribes; some products write the
former."""
MAX_FIELDS = 2_048
MAX_TEXT = 256 * 1024
"""Characters of a record that are read: the rest stays in the raw record."""
_LABEL = "Label"
_SAYS = ("device_vendor", "device_product", "signature_id", "name", "cat", "act", "outcome", "app")
_SHOWN = ("src", "dst", "shost", "dhost", "spt", "dpt", "suser", "duser", "request", "fname", "app",
          "fileHash", "dproc", "sproc")  # fmt: skip


def cef(text: str) -> dict[str, Any] | None:
    """The record as flat fields; None for text that is no CEF.

    Keys keep their short names of the standard; a key with a label (`cs1`, `cs1Label=Rule`) is
    there under its label as well. `gist` is what a record says of its kind, for expressions that
    tell kinds apart: vendor|product|signature|name|category|action|outcome|application|, then which
    of the important keys there are (`request` only for what is no path of Windows). Fields of a
    syslog header before the record are `syslog_host` and `syslog_timestamp`.
    """
    text = text[:MAX_TEXT]
    start = _START.search(text[:_HEAD]) or _BARE.match(text)
    if start is None:
        return None
    at = start.end()
    header: dict[str, Any] = {}
    for name in _HEADER:
        part = _PART.match(text, at)
        end = part.end() if part else at
        if not text.startswith("|", end):
            if name != _HEADER[-1]:
                return None
            end = _LAST.match(text, at).end()  # type: ignore[union-attr]  # matches always
        header[name] = _plain(text[at:end].strip())
        at = end + 1
    fields = {name: value for name, value in header.items() if value}
    fields["cef_version"] = start["version"]
    if start.start():
        head = text[: start.start()]
        if before(head)[1] != "":
            return None
        for name, value in (syslog(head.lstrip() + " ") or {}).items():
            if name in _SYSLOG:
                fields[_SYSLOG[name]] = value
    _extend(fields, text[at:])
    kinds = [str(fields.get(name, "")).replace("|", "/") for name in _SAYS]
    shown = [name for name in _SHOWN if name in fields]
    if ":\\" in fields.get("request", ""):
        shown.remove("request")
    fields["gist"] = "|".join([*kinds, " ".join(shown)])
    return fields


def _extend(fields: dict[str, Any], extension: str) -> None:
    """Add the fields of the extension; the first of a name counts."""
    keys = []
    for key in _KEY.finditer(extension):
        keys.append(key)
        if len(keys) == MAX_FIELDS:
            break
    ends = [key.start() for key in keys[1:]] + [len(extension)] * bool(keys)
    labels = {}
    for key, end in zip(keys, ends, strict=True):
        value = _plain(extension[key.end() : end].strip())
        name = _DICTIONARY.get(key[1], key[1])
        if value:
            fields.setdefault(name, value)
            if name.endswith(_LABEL):
                labels[name.removesuffix(_LABEL)] = value
    for name, label in labels.items():
        if name in fields:
            fields.setdefault(label, fields[name])


def _plain(written: str) -> str:
    r"""Without escapes: `\=`, `\|`, `\\`, and `\n`, `\r` as line ends.

    A backslash before anything else stands for itself: many products do not escape it.
    """
    if "\\" not in written:
        return written
    return _ESCAPE.sub(_unescaped, written)


def _unescaped(found: re.Match[str]) -> str:
    character = found[1]
    if character in _MEANT:
        return _MEANT[character]
    return character if character in "=|\\" else found[0]
