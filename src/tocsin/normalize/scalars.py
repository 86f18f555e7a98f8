"""Single values, converted: numbers, addresses, identifiers and times out of what products write.

A converter never raises on data. It answers None for a value that says nothing (`""`, `-`) and
FAILED for one that it cannot convert: the attribute stays out of the event and the original stays
in `unmapped`.
"""

import re
from ipaddress import ip_address
from typing import Any, Final

from tocsin.normalize.times import TimeReader

FAILED: Final = object()
"""What a converter answers for a value that does not fit."""
ABSENT = (None, "", "-")
"""Values that say nothing. Windows and Sysmon write `-` for a field without a value."""
_INT64 = 1 << 63
_GUID = re.compile(
    r"\{?([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})\}?"
)
_SID = re.compile(r"S-1-\d{1,15}(-\d{1,10}){0,15}")
_MAC = re.compile(r"([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}")
_times = TimeReader()


def text(value: Any) -> Any:
    """Text as it stands; numbers and truth values in their JSON spelling."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else FAILED


def integer(value: Any) -> Any:
    """A whole number in decimal or, with 0x, hexadecimal, within 64 bits."""
    if isinstance(value, bool):
        return FAILED
    if isinstance(value, str):
        try:
            value = int(value, 16 if value[:2] in ("0x", "0X") else 10)
        except ValueError:
            return FAILED
    if isinstance(value, int) and -_INT64 <= value < _INT64:
        return value
    return FAILED


def hexadecimal(value: Any) -> Any:
    """A number as `0x...` in lower case, from either spelling: one session has one key."""
    number = integer(value)
    return FAILED if number is FAILED or number < 0 else hex(number)


def logon_id(value: Any) -> Any:
    """The id of a logon session as `0x...`; 0 is no session."""
    found = hexadecimal(value)
    return None if found == "0x0" else found


def process_id(value: Any) -> Any:
    """A process id, decimal or hexadecimal; 0 is how Windows writes that there is none."""
    found = integer(value)
    if found is FAILED or found < 0:
        return FAILED
    return found or None


_TRUE = frozenset({"true", "yes", "1", "%%1842", "multifactorauthentication"})
_FALSE = frozenset({"false", "no", "0", "%%1843", "singlefactorauthentication"})
"""Words for truth values, with those of Windows and, for whether it was MFA, of Entra ID."""


def boolean(value: Any) -> Any:
    """true/false, yes/no and 1/0."""
    if isinstance(value, bool):
        return value
    word = str(value).lower() if isinstance(value, str | int) else ""
    if word in _TRUE:
        return True
    return False if word in _FALSE else FAILED


def number(value: Any) -> Any:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return FAILED
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return FAILED
    return found if abs(found) < float("inf") else FAILED


def address(value: Any) -> Any:
    """An IP address in its short form, IPv4 in IPv6 unwrapped, zone and brackets left out."""
    if not isinstance(value, str):
        return FAILED
    try:
        found = ip_address(value.strip().strip("[]").partition("%")[0])
    except ValueError:
        return FAILED
    mapped = getattr(found, "ipv4_mapped", None)
    return str(mapped or found)


def first_address(value: Any) -> Any:
    """The first address of a list, or of a text in which commas part them."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list):
        return FAILED
    return next((found for part in parts if (found := address(part)) is not FAILED), FAILED)


def port(value: Any) -> Any:
    """A port from 0 to 65,535."""
    found = integer(value)
    return found if found is not FAILED and 0 <= found <= 65_535 else FAILED  # noqa: PLR2004 (the last port)


def socket_address(value: Any) -> Any:
    """The address of `10.0.0.1:3389` or `[fe80::1]:3389`; an address alone is taken too.

    Samba writes the family before both: `ipv4:10.0.0.1:3389`, `ipv6:fe80::1:3389`.
    """
    if not isinstance(value, str):
        return FAILED
    host, end = _socket(value)
    return address(host) if end.isdigit() else address(value)


def socket_port(value: Any) -> Any:
    """The port of what `socket_address` takes; an address alone has none."""
    if not isinstance(value, str):
        return FAILED
    end = _socket(value)[1]
    return port(end) if end else None


def _socket(text: str) -> tuple[str, str]:
    """(host, port) of a socket; the port is empty where what stands before it is no host.

    IPv6 needs its brackets, or its family before it: else its last part would be taken for a port.
    """
    family, _, rest = text.strip().partition(":")
    known = family in ("ipv4", "ipv6")
    host, colon, end = (rest if known else text.strip()).rpartition(":")
    one = known or ":" not in host or host.endswith("]")
    return (host, end) if colon and one else (text, "")


_ENCLOSED = re.compile(r"\(([0-9A-Fa-f.:]{2,45})\)")


def enclosed_address(value: Any) -> Any:
    """The address in `https(10.0.0.1)`, as a way in and who came; an address alone is taken too."""
    if not isinstance(value, str):
        return FAILED
    found = _ENCLOSED.search(value)
    return address(found[1] if found else value)


def guid(value: Any) -> Any:
    """A GUID in lower case without braces; the null GUID says nothing."""
    match = _GUID.fullmatch(value) if isinstance(value, str) else None
    if not match:
        return FAILED
    return match[1].lower() if match[1].strip("0-") else None


def sid(value: Any) -> Any:
    """A Windows security identifier; the null SID says nothing."""
    if not isinstance(value, str) or not _SID.fullmatch(value):
        return FAILED
    return None if value == "S-1-0-0" else value


def mac(value: Any) -> Any:
    """A MAC address."""
    return value if isinstance(value, str) and _MAC.fullmatch(value) else FAILED


def milliseconds(value: Any) -> Any:
    """A time as OCSF wants it: milliseconds since 1970 UTC."""
    found = _times.micros(value)
    return FAILED if found is None else found // 1000


def epoch(value: Any) -> Any:
    """A number since 1970, in seconds or with more digits in ms, us or ns, as milliseconds.

    0 is how products write that there is none.
    """
    found = _times.read(value, "epoch_any", 0)
    if found is None:
        return None if value in (0, "0") else FAILED
    return found // 1000 or None


def seconds(value: Any) -> Any:
    """A span of seconds, with or without a fraction, as milliseconds."""
    found = number(value)
    if found is FAILED or not 0 <= found < _INT64 / 1000:
        return FAILED
    return round(found * 1000)
