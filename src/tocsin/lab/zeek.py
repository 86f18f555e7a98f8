"""Zeek's logs, as JSON lines or as tab-separated values with their header.

Fields, their order and types are those of Zeek 6's default scripts.
"""

from collections.abc import Callable
from typing import Any

import orjson

from tocsin.lab.hosts import Route
from tocsin.lab.stamps import epoch, iso_seconds
from tocsin.lab.write import LogFiles, Where

_ID = "ts:time uid:string id.orig_h:addr id.orig_p:port id.resp_h:addr id.resp_p:port "
_COLUMNS = {
    "conn": _ID + "proto:enum service:string duration:interval orig_bytes:count resp_bytes:count "
    "conn_state:string local_orig:bool local_resp:bool missed_bytes:count history:string "
    "orig_pkts:count orig_ip_bytes:count resp_pkts:count resp_ip_bytes:count "
    "tunnel_parents:set[string]",
    "dns": _ID + "proto:enum trans_id:count rtt:interval query:string qclass:count "
    "qclass_name:string qtype:count qtype_name:string rcode:count rcode_name:string AA:bool "
    "TC:bool RD:bool RA:bool Z:count answers:vector[string] TTLs:vector[interval] rejected:bool",
    "http": _ID + "trans_depth:count method:string host:string uri:string referrer:string "
    "version:string user_agent:string origin:string request_body_len:count "
    "response_body_len:count status_code:count status_msg:string info_code:count "
    "info_msg:string tags:set[enum] username:string password:string proxied:set[string] "
    "orig_fuids:vector[string] orig_filenames:vector[string] orig_mime_types:vector[string] "
    "resp_fuids:vector[string] resp_filenames:vector[string] resp_mime_types:vector[string]",
    "ssl": _ID + "version:string cipher:string curve:string server_name:string resumed:bool "
    "last_alert:string next_protocol:string established:bool ssl_history:string "
    "cert_chain_fps:vector[string] client_cert_chain_fps:vector[string] sni_matches_cert:bool",
    "files": "ts:time fuid:string uid:string id.orig_h:addr id.orig_p:port id.resp_h:addr "
    "id.resp_p:port source:string depth:count analyzers:set[string] mime_type:string "
    "filename:string duration:interval local_orig:bool is_orig:bool seen_bytes:count "
    "total_bytes:count missing_bytes:count overflow_bytes:count timedout:bool "
    "parent_fuid:string md5:string sha1:string sha256:string",
    "kerberos": _ID + "request_type:string client:string service:string success:bool "
    "error_msg:string from:time till:time cipher:string forwardable:bool renewable:bool "
    "client_cert_subject:string client_cert_fuid:string server_cert_subject:string "
    "server_cert_fuid:string",
    "smb_mapping": _ID + "path:string service:string native_file_system:string share_type:string",
    "smb_files": _ID + "fuid:string action:enum path:string name:string size:count "
    "prev_name:string times.modified:time times.accessed:time times.created:time "
    "times.changed:time",
    "ntlm": _ID + "username:string hostname:string domainname:string "
    "server_nb_computer_name:string server_dns_computer_name:string server_tree_name:string "
    "success:bool",
    "rdp": _ID + "cookie:string result:string security_protocol:string "
    "client_channels:vector[string] keyboard_layout:string client_build:string "
    "client_name:string client_dig_product_id:string desktop_width:count desktop_height:count "
    "requested_color_depth:string cert_type:string cert_count:count cert_permanent:bool "
    "encryption_level:string encryption_method:string",
    "ssh": _ID + "version:count auth_success:bool auth_attempts:count direction:enum "
    "client:string server:string cipher_alg:string mac_alg:string compression_alg:string "
    "kex_alg:string host_key_alg:string host_key:string",
    "dce_rpc": _ID + "rtt:interval named_pipe:string endpoint:string operation:string",
}
_FIELDS = {
    log: tuple(tuple(column.split(":", 1)) for column in text.split())
    for log, text in _COLUMNS.items()
}
SENSOR = "zeek01"


def _plain(value: Any, kind: str) -> str:
    if value is None:
        return "-"
    if kind == "bool":
        return "T" if value else "F"
    if kind in ("time", "interval"):
        return f"{value:.6f}"
    if isinstance(value, list):
        inner = kind.partition("[")[2].rstrip("]")
        return ",".join(_plain(one, inner) for one in value) or "(empty)"
    return str(value).replace("\\", "\\x5c").replace("\t", "\\x09").replace("\n", "\\x0a") or "-"


def _header(log: str, at: int) -> bytes:
    opened = iso_seconds(at).rstrip("Z").replace("T", "-").replace(":", "-")
    fields = _FIELDS[log]
    lines = (
        "#separator \\x09",
        "#set_separator\t,",
        "#empty_field\t(empty)",
        "#unset_field\t-",
        f"#path\t{log}",
        f"#open\t{opened}",
        "#fields\t" + "\t".join(name for name, _ in fields),
        "#types\t" + "\t".join(kind for _, kind in fields),
    )
    return ("\n".join(lines) + "\n").encode()


class ZeekLogs:
    """Writes what a sensor at the core switch sees. Times are microseconds UTC."""

    def __init__(self, files: LogFiles, stamp: Callable[[], int], *, on: bool, tsv: bool) -> None:
        self._files = files
        self._stamp = stamp
        self._tsv = tsv
        self.on = on
        """Whether anybody keeps these logs."""

    def write(self, log: str, route: Route, values: dict[str, Any]) -> None:
        """One line of `log` about a connection; fields without a value are left out.

        What a machine says to itself (no `uid`) passes no sensor.
        """
        if not (self.on and route.uid):
            return
        at = self._stamp()
        record = {
            "ts": epoch(at),
            "uid": route.uid,
            "id.orig_h": route.source,
            "id.orig_p": route.source_port,
            "id.resp_h": route.target,
            "id.resp_p": route.port,
            **values,
        }
        name = f"zeek-{log}.log"
        if self._tsv:
            self._files.head(name, _header(log, at))
            text = "\t".join(_plain(record.get(field), kind) for field, kind in _FIELDS[log])
            line = f"{text}\n".encode()
        else:
            line = orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
        self._files.line(name, line, at, Where("zeek", SENSOR, log, log))
