"""Messages of Cisco firewalls: ASA, PIX, FWSM, and Secure Firewall Threat Defense (FTD).

`%ASA-6-302013: Built inbound TCP connection ...`: the number says which message it is (Cisco Secure
Firewall ASA Series Syslog Messages). Security events of FTD (430001 and following) are made of
`Name: value` pairs behind it.
"""

import re
from typing import Any

_START = re.compile(
    r"""\s{0,8}(?:<\d{1,3}>)?(?:1\ )?\s{0,4}(?::\s)?(?:\d{1,12}:\s)?
    (?:\*?(?P<syslog_timestamp>
        [A-Z][a-z]{2}\ {1,2}\d{1,2}\ (?:\d{4}\ )?\d\d:\d\d:\d\d(?:\.\d{1,9})?
        |\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[^\s:]{0,12}(?::\d\d)?)
      (?:\ [A-Z]{2,5})?:?\s{1,4})?
    (?:(?P<syslog_host>[^\s%:]{1,255})(?:\ (?:-|\d{1,10}|[A-Z]{2,16})){0,4}\s{0,4}:?\s{0,4})?
    (?::\s{0,4})?
    %?(?P<facility>ASA|FTD|PIX|FWSM|NGIPS|FIREPOWER)-(?:\w{1,32}-)?(?P<level>\d)-(?P<message_id>\d{6})
    (?::\s?|\s)""",
    re.VERBOSE,
)
_HEAD = 512
"""Characters in which the number of the message must stand."""
_PAIR = re.compile(r"(?:^|, )([A-Z][A-Za-z0-9_ /\-]{1,63}):(?: |$)")
_MARKUP = re.compile(r"<br ?/?>")
MAX_PAIRS = 256
MAX_TEXT = 64 * 1024


def cisco_firewall(text: str) -> dict[str, Any] | None:
    """The message as flat fields; None for text that is none.

    Fields: facility, level, message_id, message (behind the number), syslog_host,
    syslog_timestamp, and of security events their own pairs.
    """
    start = _START.match(text[:_HEAD])
    if start is None:
        return None
    fields: dict[str, Any] = {name: found for name, found in start.groupdict().items() if found}
    message = text[start.end() : start.end() + MAX_TEXT].strip()
    fields["message"] = message
    if start["message_id"].startswith("4300"):
        _add_pairs(fields, message)
    return fields


def _add_pairs(fields: dict[str, Any], message: str) -> None:
    """Add `Name: value` pairs parted by commas; a value may hold commas."""
    pairs = []
    for pair in _PAIR.finditer(message):
        pairs.append(pair)
        if len(pairs) == MAX_PAIRS:
            break
    ends = [pair.start() for pair in pairs[1:]] + [len(message)]
    for pair, end in zip(pairs, ends, strict=False):
        value = _MARKUP.sub("", message[pair.end() : end]).strip()
        if value:
            fields.setdefault(pair[1], value)
