"""Typed converters: a native value in, the values of one or more OCSF attributes out.

A converter never raises on data. It answers None for a value that says nothing (`""`, `-`) and
FAILED for one that it cannot convert: the attribute stays out of the event and the original stays
in `unmapped`.
"""

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Any, Final

import msgspec

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
_HASH_IDS = {"MD5": 1, "SHA1": 2, "SHA256": 3, "SHA512": 4, "CTPH": 5, "TLSH": 6}
_HASH_OTHER = 99
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


def port(value: Any) -> Any:
    """A port from 0 to 65,535."""
    found = integer(value)
    return found if found is not FAILED and 0 <= found <= 65_535 else FAILED  # noqa: PLR2004 (the last port)


def socket_address(value: Any) -> Any:
    """The address of `10.0.0.1:3389` or `[fe80::1]:3389`; an address alone is taken too."""
    if not isinstance(value, str):
        return FAILED
    host, colon, end = value.strip().rpartition(":")
    return address(host) if colon and end.isdigit() and _one_host(host) else address(value)


def socket_port(value: Any) -> Any:
    """The port of `10.0.0.1:3389` or `[fe80::1]:3389`; an address alone has none."""
    if not isinstance(value, str):
        return FAILED
    host, colon, end = value.strip().rpartition(":")
    return port(end) if colon and _one_host(host) else None


def _one_host(text: str) -> bool:
    """Whether what stands before the last colon is a host: IPv6 needs its brackets."""
    return ":" not in text or text.endswith("]")


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


def account(value: Any) -> Any:
    r"""`DOMAIN\name` -> (domain, name)."""
    if not isinstance(value, str):
        return FAILED
    domain, found, name = value.rpartition("\\")
    return (domain or None if found else None, name) if name else FAILED


def file(value: Any) -> Any:
    """A path of Windows or Unix -> (name, path)."""
    if not isinstance(value, str):
        return FAILED
    cut = max(value.rfind("\\"), value.rfind("/")) + 1
    name = value[cut:] or value.rstrip("\\/").replace("/", "\\").rpartition("\\")[2]
    return (name, value) if name else FAILED


def name_of(value: Any) -> Any:
    """The last part of a path."""
    found = file(value)
    return found if found is FAILED else found[0]


def registry_value(value: Any) -> Any:
    """The path of a registry value -> (name, path of its key)."""
    if not isinstance(value, str):
        return FAILED
    path, _, name = value.rpartition("\\")
    return (name or "(Default)", path) if path else FAILED


def hashes(value: Any) -> Any:
    """`SHA256=...,MD5=...` -> a list of fingerprints."""
    if not isinstance(value, str):
        return FAILED
    found = []
    for part in value.split(","):
        algorithm, _, digest = part.strip().partition("=")
        if not digest or not algorithm.isalnum():
            return FAILED
        if digest.strip("0"):
            found.append(_fingerprint(algorithm.upper(), digest))
    return found or None


def _fingerprint(algorithm: str, digest: str) -> dict[str, Any]:
    number = _HASH_IDS.get(algorithm, _HASH_OTHER)
    return {"algorithm": algorithm, "algorithm_id": number, "value": digest.lower()}


_HASH_LENGTHS = {32: "MD5", 40: "SHA1", 64: "SHA256", 128: "SHA512"}


def digest(value: Any) -> Any:
    """One fingerprint in hexadecimal, with or without colons, as a list of one.

    Which algorithm made it is told by its length.
    """
    plain = value.replace(":", "").lower() if isinstance(value, str) else ""
    algorithm = _HASH_LENGTHS.get(len(plain))
    if algorithm is None or plain.strip("0123456789abcdef"):
        return FAILED
    return [_fingerprint(algorithm, plain)]


def quoted(value: Any) -> Any:
    """Text that a directory wrote as JSON: `"name"`, or a list of one such text."""
    if not isinstance(value, str):
        return FAILED
    return value.strip('[]"') or None


_PERMISSION_SET = "AWSReservedSSO_"
"""How roles begin that IAM Identity Center makes: their session names are names of people, and
nobody else can choose them."""


def quoted_list(value: Any) -> Any:
    """The same as a list of one text."""
    found = quoted(value)
    return found if found is None or found is FAILED else [found]


def aws_name(value: Any) -> Any:
    """The user or role of an ARN, or a name as it stands.

    Of `assumed-role/ROLE/SESSION` it is the role, as whoever assumes a role may call the session
    what they like; only of a role of IAM Identity Center it is the session.
    """
    if not isinstance(value, str) or not value.startswith("arn:"):
        return text(value)
    kind, *names = value.rpartition(":")[2].split("/")
    if kind == "assumed-role" and names:
        return names[-1] if names[0].startswith(_PERMISSION_SET) else names[0]
    return names[-1] if names else kind or FAILED


_UNKNOWN = frozenset({"unknown", "null", "none", "undefined", "n/a"})


def known(value: Any) -> Any:
    """Text, unless it is a word for not knowing."""
    found = text(value)
    return None if found is not FAILED and found.lower() in _UNKNOWN else found


def login(value: Any) -> Any:
    """A login name, without the backslash that a domain of no user leaves at its end."""
    found = text(value)
    return found if found is FAILED else found.strip().rstrip("\\") or None


def phrases(value: Any) -> Any:
    """A list of phrases parted by commas; a list stays one."""
    if isinstance(value, str):
        return [part for word in value.split(",") if (part := word.strip())] or None
    return words(value)


def ip_observable(value: Any) -> Any:
    """An address as a list of one observable: for classes that have no place for an endpoint."""
    found = address(value)
    if found is FAILED:
        return FAILED
    return [{"name": "src_endpoint.ip", "type": "IP Address", "type_id": 2, "value": found}]


def resource(value: Any) -> Any:
    """The id of one resource, a path, as a list of one resource with the path's last part."""
    found = name_of(value)
    return FAILED if found is FAILED else [{"name": found, "uid": value}]


def service(value: Any) -> Any:
    """A name where an address may stand as well: `ec2.amazonaws.com`, `AWS Internal`."""
    found = text(value)
    return found if found is FAILED or address(found) is FAILED else None


def words(value: Any) -> Any:
    """A list of words parted by white space, commas or semicolons; a list stays one."""
    if isinstance(value, list):
        found = [item for item in value if isinstance(item, str) and item]
        return found or None if len(found) == len(value) else FAILED
    if not isinstance(value, str):
        return FAILED
    return [word for word in re.split(r"[\s,;]+", value) if word] or None


def one_item(value: Any) -> Any:
    """One text as a list of one."""
    found = text(value)
    return found if found is FAILED else [found]


_EMAIL = re.compile(r"[^\s<>@,;:'\"()\[\]]{1,128}@[A-Za-z0-9_][A-Za-z0-9._\-]{0,254}")


def email(value: Any) -> Any:
    """The address in `Name <user@example.org>`, or one that stands alone; `<>` says nothing."""
    if not isinstance(value, str):
        return FAILED
    found = _EMAIL.search(value)
    if found is None:
        return None if value.strip() == "<>" else FAILED
    return found[0]


def emails(value: Any) -> Any:
    """The addresses of a text or of a list of texts."""
    texts = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str) for item in texts):
        return FAILED
    found = [address for item in texts for address in _EMAIL.findall(item)]
    return list(dict.fromkeys(found)) or FAILED


def seconds(value: Any) -> Any:
    """A span of seconds, with or without a fraction, as milliseconds."""
    found = number(value)
    if found is FAILED or not 0 <= found < _INT64 / 1000:
        return FAILED
    return round(found * 1000)


def host_name(value: Any) -> Any:
    """The name of a host; an address says nothing, and neither does UNKNOWN."""
    found = text(value)
    if found is FAILED or found.upper() == "UNKNOWN":
        return None
    return None if address(found) is not FAILED else found


def answers(value: Any) -> Any:
    """A list of DNS answers, out of Sysmon's `type: 5 name;::ffff:10.0.0.1;`.

    A list of texts is one of their data; of objects the ones with `rdata` are answers.
    """
    if isinstance(value, list):
        return [made for item in value[:MAX_ANSWERS] if (made := _listed_answer(item))] or None
    if not isinstance(value, str):
        return FAILED
    found = []
    for part in value.split(";"):
        kind, _, data = part.strip().rpartition(" ")
        if data:
            found.append(_answer(kind.removeprefix("type:").strip(), data))
    return found or None


MAX_ANSWERS = 200
"""Answers kept of one message: who is asked chooses how many there are."""


def _listed_answer(item: Any) -> dict[str, Any] | None:
    if isinstance(item, str):
        return _answer("", item) if item else None
    data = item.get("rdata") if isinstance(item, dict) else None
    if not isinstance(data, str) or not data:
        return None
    kind, ttl = item.get("rrtype"), integer(item.get("ttl"))
    made = _answer(kind if isinstance(kind, str) else "", data)
    return made if ttl is FAILED or ttl > MAX_TTL else made | {"ttl": ttl}


MAX_TTL = (1 << 31) - 1
"""The longest time to live of RFC 2181, section 8, in seconds."""


def _answer(kind: str, data: str) -> dict[str, Any]:
    plain = address(data)
    rdata = data if plain is FAILED else plain
    return {"rdata": rdata, "type": kind} if kind else {"rdata": rdata}


class Converter(msgspec.Struct, frozen=True):
    """A function and what comes out of it.

    `outputs` is empty for one scalar of kind `kind`; otherwise it names the attributes of the
    object that the target path must be, in the order of the tuple that the function returns.
    """

    function: Callable[[Any], Any]
    kind: str
    outputs: tuple[str, ...] = ()
    constants: tuple[tuple[str, int], ...] = ()


CONVERTERS: Mapping[str, Converter] = {
    "text": Converter(text, "string"),
    "int": Converter(integer, "integer"),
    "hex": Converter(hexadecimal, "string"),
    "logon_id": Converter(logon_id, "string"),
    "pid": Converter(process_id, "integer"),
    "bool": Converter(boolean, "boolean"),
    "float": Converter(number, "float"),
    "ip": Converter(address, "ip"),
    "port": Converter(port, "port"),
    "socket_ip": Converter(socket_address, "ip"),
    "socket_port": Converter(socket_port, "port"),
    "guid": Converter(guid, "uuid"),
    "sid": Converter(sid, "string"),
    "mac": Converter(mac, "mac"),
    "time": Converter(milliseconds, "timestamp"),
    "basename": Converter(name_of, "string"),
    "words": Converter(words, "strings"),
    "list": Converter(one_item, "strings"),
    "account": Converter(account, "object", ("domain", "name")),
    "file": Converter(file, "object", ("name", "path"), (("type_id", 1),)),
    "registry_value": Converter(registry_value, "object", ("name", "path")),
    "hashes": Converter(hashes, "fingerprint"),
    "digest": Converter(digest, "fingerprint"),
    "quoted": Converter(quoted, "string"),
    "quoted_list": Converter(quoted_list, "strings"),
    "aws_name": Converter(aws_name, "string"),
    "service": Converter(service, "string"),
    "resource": Converter(resource, "resource"),
    "known": Converter(known, "string"),
    "login": Converter(login, "string"),
    "phrases": Converter(phrases, "strings"),
    "ip_observable": Converter(ip_observable, "observable"),
    "email": Converter(email, "email"),
    "emails": Converter(emails, "emails"),
    "seconds": Converter(seconds, "integer"),
    "host_name": Converter(host_name, "string"),
    "dns_answers": Converter(answers, "dns_answer"),
}
"""Every word that `as:` may hold."""
