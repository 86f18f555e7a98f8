"""Zeek's logs: tab-separated rows, each behind the header of its file, and JSON.

Both give the fields as Zeek names them (`id.orig_h`), `_path` for the log they are of, and what
several fields say together: `url` of an HTTP request, `share_path` of a file on an SMB share.
"""

import re
from collections.abc import Mapping
from typing import Any

from tocsin.normalize.readers.documents import nested

_HEX = re.compile(r"\\x([0-9A-Fa-f]{2})")
_SLASH = "\\"
_FLAGS = {"T": True, "F": False}
_LISTS = ("set[", "vector[", "list[")
_WHOLE = frozenset({"int", "count", "port"})
MAX_COLUMNS = 1_024
MAX_HEADER_LINES = 64
_KNOWN_BY: tuple[tuple[str, tuple[frozenset[str], ...]], ...] = tuple(
    (path, tuple(frozenset(one.split()) for one in sets))
    for path, sets in {
        "conn": ("uid conn_state",),
        "dns": ("uid trans_id rejected", "uid trans_id qtype_name"),
        "http": ("uid trans_depth request_body_len",),
        "smtp": ("uid trans_depth tls",),
        "ssl": ("uid established resumed", "uid ssl_history"),
        "x509": ("certificate.serial certificate.subject",),
        "files": ("fuid seen_bytes",),
        "ftp": ("uid command reply_code", "uid command user", "uid command data_channel.passive"),
        "rdp": ("uid result cert_count", "uid cookie security_protocol"),
        "ssh": ("uid auth_attempts",),
        "kerberos": ("uid request_type",),
        "smb_mapping": ("uid share_type",),
        "notice": ("note actions", "note suppress_for"),
        "weird": ("name notice peer",),
        "dce_rpc": ("uid endpoint operation", "uid named_pipe rtt"),
        "ntlm": ("uid username domainname", "uid server_nb_computer_name"),
        "dhcp": ("uids msg_types",),
        "smb_files": ("uid action name times.modified", "uid action name size"),
        "tunnel": ("uid tunnel_type",),
        "ntp": ("uid stratum ref_id",),
        "snmp": ("uid get_requests get_responses",),
        "modbus": ("uid func pdu_type", "uid func tid"),
        "dnp3": ("uid fc_request", "uid fc_reply"),
        "mysql": ("uid cmd arg",),
        "socks": ("uid request_p", "uid bound_p"),
        "sip": ("uid request_path response_path",),
        "rfb": ("uid client_major_version", "uid authentication_method"),
        "mqtt_connect": ("uid connect_status",),
        "mqtt_publish": ("uid topic qos",),
        "mqtt_subscribe": ("uid topics ack",),
        "ocsp": ("hashAlgorithm certStatus",),
        "dpd": ("uid analyzer failure_reason",),
        "analyzer": ("analyzer_kind analyzer_name",),
        "pe": ("machine is_exe compile_ts",),
        "syslog": ("uid facility severity proto",),
    }.items()
)
"""Logs by the fields that their records always have together (the scripts of Zeek 4 to 7)."""


def zeek_tsv(text: str) -> dict[str, Any] | None:
    """The row as flat fields named as in `#fields`, and `_path`; None for text of another form.

    Values get the types that `#types` says: numbers, truth values, lists; times and everything
    else stay text. What is unset stays out; what is empty is an empty text or list.
    """
    if not text.startswith("#") or text.count("\n") > MAX_HEADER_LINES:
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
    return _joined(fields)


def zeek_json(document: dict[str, Any]) -> dict[str, Any] | None:
    """A JSON record, its log by `_path` or else by its fields; None when it is of no log."""
    if "ts" not in document:
        return None
    fields = nested(document)
    if type(fields.get("_path")) is not str:
        path = _path_of(fields)
        if not path:
            return None
        fields["_path"] = path
    return _joined(fields)


def _path_of(fields: Mapping[str, Any]) -> str:
    names = fields.keys()
    for path, sets in _KNOWN_BY:
        if any(names >= known for known in sets):
            return path
    return ""


def _joined(fields: dict[str, Any]) -> dict[str, Any]:
    host, uri = fields.get("host"), fields.get("uri")
    if type(uri) is str and "url" not in fields:
        absolute = "://" in uri[:16] or type(host) is not str
        fields["url"] = uri if absolute else f"http://{host}{uri}"
    share, name = fields.get("path"), fields.get("name")
    if fields.get("_path") == "smb_files" and type(name) is str:
        inside = isinstance(share, str) and not name.startswith(share)
        fields["share_path"] = f"{str(share).rstrip(_SLASH)}{_SLASH}{name}" if inside else name
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
