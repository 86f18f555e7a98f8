"""Lines of text as flat fields.

A reader takes the text of one record and gives its fields, or None when the text is not of its
form. Regular expressions here run on hostile text: each is linear (no nested repetition).
"""

import re

_PRI = re.compile(r"<(\d{1,3})>(?:(1) )?")
_RFC5424 = re.compile(
    r"(?P<timestamp>-|\d{4}-\S{5,40}) (?P<host>\S{1,255}) (?P<program>\S{1,48}) "
    r"(?P<pid>\S{1,128}) (?P<msgid>\S{1,32}) "
)
_ISO = re.compile(
    r"(?P<timestamp>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S{0,16}) {1,2}(?P<host>\S{0,254}[^\s:]) "
)
_RFC3164 = re.compile(
    r"(?P<timestamp>[A-Z][a-z]{2} [ \d]\d (?:\d{4} )?\d\d:\d\d:\d\d(?:\.\d{1,9})?) "
    r"(?P<host>\S{1,255}) "
)
_TAG = re.compile(r"(?P<program>[^\s:\[\]]{1,64})(?:\[(?P<pid>[^\]\s]{1,32})\])?: ?")
_LEFT_TAG = re.compile(
    r"\s{0,4}(?:(?P<host>[\w.\-]{1,255}) )??"
    r"(?:(?P<severity>emerg|alert|crit|err|error|warning|notice|info|debug) )?"
    r"(?P<program>[A-Za-z_][\w.\-/()]{0,63})\[(?P<pid>\d{1,10})\]: ?"
)
_MAX_STRUCTURED = 64 * 1024
"""Characters of structured data; RFC 5424 asks receivers for 2,048 octets of the whole message."""
_FACILITIES = (
    "kern",
    "user",
    "mail",
    "daemon",
    "auth",
    "syslog",
    "lpr",
    "news",
    "uucp",
    "cron",
    "authpriv",
    "ftp",
    "ntp",
    "audit",
    "alert",
    "clock",
    "local0",
    "local1",
    "local2",
    "local3",
    "local4",
    "local5",
    "local6",
    "local7",
)
_SEVERITIES = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"]
_MAX_PRI = 191
_BEGINS = re.compile(r"[\d<\[]|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),?$")
_FEW_WORDS = 6
"""Words of a header that is none of syslog: a date, a time, a zone, a host, a level, a tag."""


def syslog(text: str) -> dict[str, object] | None:
    """A syslog line: RFC 5424, RFC 3164, or the latter with an ISO 8601 time.

    Some products (CyberArk) write the version and time of RFC 5424 and then leave out the rest of
    its header.

    Fields: facility and severity by name (where the line has a PRI), timestamp, host, program,
    pid, msgid, structured_data (as it stands), message. What says nothing (`-`) stays out.
    """
    fields: dict[str, object] = {}
    at = 0
    pri = _PRI.match(text)
    if pri is not None and int(pri[1]) <= _MAX_PRI:
        fields["facility"] = _FACILITIES[int(pri[1]) >> 3]
        fields["severity"] = _SEVERITIES[int(pri[1]) & 7]
        at = pri.end()
        if pri[2] and _RFC5424.match(text, at):
            return _rfc5424(text, at, fields)
    head = _RFC3164.match(text, at) or _ISO.match(text, at)
    if head is None:
        return None
    fields.update(head.groupdict())
    tag = _TAG.match(text, head.end())
    if tag is not None:
        fields.update((name, found) for name, found in tag.groupdict().items() if found)
    fields["message"] = text[tag.end() if tag else head.end() :]
    return fields


def _rfc5424(text: str, at: int, fields: dict[str, object]) -> dict[str, object] | None:
    head = _RFC5424.match(text, at)
    if head is None:
        return None
    fields.update((name, found) for name, found in head.groupdict().items() if found != "-")
    end = _structured_end(text, head.end())
    if end is None:
        return None
    data = text[head.end() : end]
    if data != "-":
        fields["structured_data"] = data
    fields["message"] = text[end + 1 :].removeprefix("\ufeff")
    return fields


def _structured_end(text: str, at: int) -> int | None:
    """Where the structured data that begin at `at` end; None when they are none."""
    if text.startswith("-", at):
        return at + 1
    if not text.startswith("[", at):
        return None
    quoted = False
    last = min(len(text), at + _MAX_STRUCTURED)
    while at < last:
        character = text[at]
        if quoted:
            at += character == "\\"
            quoted = character != '"'
        elif character == '"':
            quoted = True
        elif character == "]" and not text.startswith("[", at + 1):
            return at + 1
        at += 1
    return None


def before(head: str) -> tuple[str, str | None]:
    """(host, rest) of what stands before a record in a line: a syslog header and its tag.

    The rest is what a program wrote before the record. Who can choose a user name that a program
    logs must not write records of another source with it, so the caller looks at the rest. A head
    that is none of syslog but a few words after a date has no rest; None is that of any other text.
    """
    found = syslog(head.lstrip() + " ")
    if found is not None:
        return str(found.get("host", "")), str(found.get("message", "")).strip()
    words = head.split()
    plain = len(words) <= 1 or (len(words) <= _FEW_WORDS and _BEGINS.match(words[0]) is not None)
    return "", "" if plain else None


def headed(text: str) -> dict[str, object]:
    """Text behind its syslog header, if it has one: what `syslog` gives, else the field `message`.

    For products of which the message says more surely than the program's name whose it is. What
    relays leave of a header is taken off too: a priority, a word for the severity before the tag
    (`notice apmd[14]: `), or the tag alone, which then must have a process id.
    """
    text = text.lstrip()
    fields = syslog(text)
    if fields is None:
        pri = _PRI.match(text)
        fields = {"message": text[pri.end() :] if pri else text}
    rest = str(fields["message"])
    tag = None if "program" in fields else _LEFT_TAG.match(rest)
    if tag is not None:
        for name, found in tag.groupdict().items():
            if found:
                fields.setdefault(name, found)
        fields["message"] = rest[tag.end() :]
    return fields


def message(text: str) -> dict[str, object]:
    """Text of which nothing is known before its own expressions are tried: the field `message`."""
    return {"message": text}
