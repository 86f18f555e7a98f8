"""How a record's own form becomes flat native fields: one reader for each form.

`DOCUMENTS` take a parsed JSON object, `LINES` the text of a record that is no JSON object; text
readers are tried in this order, so one whose form is plain to see comes before one that takes
almost anything. Each gives None for a record that is not of its form, and never raises.
"""

from collections.abc import Callable, Mapping
from typing import Any

from tocsin.normalize.readers.auditd import auditd
from tocsin.normalize.readers.cef import cef
from tocsin.normalize.readers.checkpoint import checkpoint
from tocsin.normalize.readers.cisco import cisco_firewall
from tocsin.normalize.readers.cloudfront import cloudfront, cloudfront_tsv
from tocsin.normalize.readers.documents import (
    eventbridge,
    flat,
    nested,
    opened,
    securityhub,
    typed,
)
from tocsin.normalize.readers.leef import leef
from tocsin.normalize.readers.lines import headed, message, syslog
from tocsin.normalize.readers.microsoft import azure_text, hunting, m365_audit
from tocsin.normalize.readers.pairs import key_value
from tocsin.normalize.readers.paloalto import paloalto_csv
from tocsin.normalize.readers.windows import windows_event, windows_flat, winlog, winlogbeat
from tocsin.normalize.readers.windows_xml import windows_xml
from tocsin.normalize.readers.zeek import zeek_json, zeek_tsv

Fields = dict[str, Any]

DOCUMENTS: Mapping[str, Callable[[Fields], Fields | None]] = {
    "flat": flat,
    "nested": nested,
    "opened": opened,
    "zeek_json": zeek_json,
    "eventbridge": eventbridge,
    "cloudfront": cloudfront,
    "typed": typed,
    "securityhub": securityhub,
    "azure_text": azure_text,
    "hunting": hunting,
    "m365_audit": m365_audit,
    "windows_event": windows_event,
    "windows_flat": windows_flat,
    "winlog": winlog,
    "winlogbeat": winlogbeat,
}

LINES: Mapping[str, Callable[[str], Fields | None]] = {
    "zeek_tsv": zeek_tsv,
    "cloudfront_tsv": cloudfront_tsv,
    "auditd": auditd,
    "cef": cef,
    "leef": leef,
    "checkpoint": checkpoint,
    "paloalto_csv": paloalto_csv,
    "cisco_firewall": cisco_firewall,
    "key_value": key_value,
    "windows_xml": windows_xml,
    "syslog": syslog,
    "headed": headed,
    "message": message,
}

READERS = (*DOCUMENTS, *LINES)
"""Names of all readers."""
