"""Names, converted: of people, roles, services, files and registry values."""

import re
from typing import Any

from tocsin.normalize.scalars import FAILED, address, text


def account(value: Any) -> Any:
    r"""`DOMAIN\name` -> (domain, name)."""
    if not isinstance(value, str):
        return FAILED
    domain, found, name = value.rpartition("\\")
    return (domain or None if found else None, name) if name else FAILED


def account_name(value: Any) -> Any:
    r"""The name alone of `DOMAIN\name`."""
    found = account(value)
    return found if found is FAILED else found[1]


def account_domain(value: Any) -> Any:
    r"""The domain alone of `DOMAIN\name`; a name without one says nothing of it."""
    found = account(value)
    return found if found is FAILED else found[0] and found[0].rstrip("\\")


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


_RDN = re.compile(r"[A-Za-z][A-Za-z0-9\-]{0,63}=((?:[^\\,+]|\\.){1,1024})(?:[,+]|$)")
_ESCAPE = re.compile(r"\\(?:([0-9A-Fa-f]{2})|(.))")


def dn_name(value: Any) -> Any:
    r"""What a distinguished name calls its object: `Byron, Ada` of `CN=Byron\, Ada,CN=Users,...`.

    Escapes are those of RFC 4514; one of bytes that are no ASCII stays as it stands.
    """
    found = _RDN.match(value) if isinstance(value, str) else None
    return _ESCAPE.sub(_unescaped, found[1]).strip() or FAILED if found else FAILED


def _unescaped(found: re.Match[str]) -> str:
    if found[2]:
        return found[2]
    code = int(found[1], 16)
    return chr(code) if code <= _LAST_ASCII else found[0]


_LAST_ASCII = 0x7E


def before_dash(value: Any) -> Any:
    """The id in `T1059 - Command and Scripting Interpreter`."""
    found = text(value)
    return found if found is FAILED else found.partition(" - ")[0].strip() or None


def after_dash(value: Any) -> Any:
    """The name in `T1059 - Command and Scripting Interpreter`; an id alone has none."""
    found = text(value)
    return found if found is FAILED else found.partition(" - ")[2].strip() or None


def registry_value(value: Any) -> Any:
    """The path of a registry value -> (name, path of its key)."""
    if not isinstance(value, str):
        return FAILED
    path, _, name = value.rpartition("\\")
    return (name or "(Default)", path) if path else FAILED


def quoted(value: Any) -> Any:
    """Text that a directory wrote as JSON: `"name"`, or a list of one such text."""
    if not isinstance(value, str):
        return FAILED
    return value.strip('[]"') or None


_PERMISSION_SET = "AWSReservedSSO_"
"""How roles begin that IAM Identity Center makes: their session names are names of people, and
nobody else can choose them."""


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


def service(value: Any) -> Any:
    """A name where an address may stand as well: `ec2.amazonaws.com`, `AWS Internal`."""
    found = text(value)
    return found if found is FAILED or address(found) is FAILED else None


EMAIL = re.compile(
    r"[A-Za-z0-9!#$%&'*+\-./=?^_`{|}~]{1,128}@[A-Za-z0-9\-]{1,63}\.[A-Za-z0-9\-.]{1,190}"
)
"""What OCSF takes for an address; `root@localhost` is none."""


def email(value: Any) -> Any:
    """The address in `Name <user@example.org>`, or one that stands alone; `<>` says nothing."""
    if not isinstance(value, str):
        return FAILED
    found = EMAIL.search(value)
    if found is None:
        return None if value.strip() == "<>" else FAILED
    return found[0]


def host_name(value: Any) -> Any:
    """The name of a host; an address says nothing, and neither does UNKNOWN."""
    found = text(value)
    if found is FAILED or found.upper() == "UNKNOWN":
        return None
    return None if address(found) is not FAILED else found


def question(value: Any) -> Any:
    """A name that was asked for, without the brackets that some products write around it."""
    found = text(value)
    return found if found is FAILED else found.strip().strip("[]") or None


_CODE = re.compile(r"\((\d{1,20})\)\s*$")


def code_in_brackets(value: Any) -> Any:
    """The number in `Name of a threat(30852)`; a number alone is taken too."""
    found = text(value)
    if found is FAILED:
        return FAILED
    match = _CODE.search(found)
    return match[1] if match else found if found.strip("0").isdigit() else None


_SCHEMES = {"443": "https", "80": "http"}
_SCHEME = re.compile(r"[a-z][a-z0-9+.\-]{1,20}://", re.IGNORECASE)
_OWN_PORT = re.compile(r"[^/?#]{1,255}:(\d{1,5})(?:[/?#]|$)")


def _with_scheme(value: Any, scheme: str) -> Any:
    found = text(value)
    if found is FAILED or not found or found.startswith("/") or _SCHEME.match(found):
        return found
    own = _OWN_PORT.match(found)
    return f"{_SCHEMES.get(own[1], scheme) if own else scheme}://{found}"


def https_url(value: Any) -> Any:
    """A URL that was written without its scheme: https, unless its own port says otherwise."""
    return _with_scheme(value, "https")


def http_url(value: Any) -> Any:
    """A URL that was written without its scheme: http, unless its own port says otherwise."""
    return _with_scheme(value, "http")


def first_word(value: Any) -> Any:
    """The first word of a text: what a command line calls."""
    found = text(value)
    return found if found is FAILED else found.split(None, 1)[0] if found.strip() else None
