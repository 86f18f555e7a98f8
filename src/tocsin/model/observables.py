"""Observables: what an indicator names and an event holds, each kind in one comparable form.

Both sides are folded by the same function, so that what publishers and log writers spell in
different ways is equal. What cannot be of its kind folds to the empty text and matches nothing.
"""

import re
from collections.abc import Callable
from ipaddress import ip_address, ip_network

ADDRESS = "address"
NETWORK = "network"
DOMAIN = "domain"
URL = "url"
HASH = "hash"
FILENAME = "file-name"
FOLDER = "folder"
EMAIL = "email"
SUBJECT = "email-subject"
COMMAND = "command-line"
MUTEX = "mutex"
REGISTRY = "registry-key"
REGISTRY_VALUE = "registry-value"
ACCOUNT = "account"
USER_AGENT = "user-agent"
CERTIFICATE = "certificate"
PORT = "port"
ANY = "any"
"""A value whose kind has to be told from its form: see `guesses`."""

KINDS = (
    ADDRESS, NETWORK, DOMAIN, URL, HASH, FILENAME, FOLDER, EMAIL, SUBJECT, COMMAND, MUTEX,
    REGISTRY, REGISTRY_VALUE, ACCOUNT, USER_AGENT, CERTIFICATE, PORT,
)  # fmt: skip

MAX_TEXT = 8_192
"""Characters of a value that are looked at."""
MAX_LABELS = 12
"""Labels of a name, from the right, whose parent domains are looked up."""

_IPV4 = re.compile(r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(?:\.(?!$)|$)){4}")
_HASH_LENGTHS = frozenset({32, 40, 56, 64, 96, 128})
_HEX = re.compile(r"[0-9a-f]{32,128}")
_NAME = re.compile(r"[a-z0-9_*-]([a-z0-9_.-]*[a-z0-9_-])?")
_DEFANGED = (
    (re.compile(r"^\s*h(?:xx|\*\*|tt)p(s?)\s*(?:\[?:\]?//|:?\[:?//\])", re.IGNORECASE), r"http\1://"),
    (re.compile(r"^\s*fxp(s?)(?:\[?:\]?//|\[://\])", re.IGNORECASE), r"ftp\1://"),
    (re.compile(r"\s*(?:[\[({]\.[\])}]|\[\.|\.\]|[\[({]\s*dot\s*[\])}])\s*", re.IGNORECASE), "."),
    (re.compile(r"\s*(?:\[@\]|\(@\)|[\[({]\s*at\s*[\])}])\s*", re.IGNORECASE), "@"),
    (re.compile(r"\[:\]"), ":"),
    (re.compile(r"\[/\]"), "/"),
)  # fmt: skip
"""Ways in which people make a name or address harmless to click, and what it was."""

_HIVES = (
    ("\\registry\\machine\\", "hklm\\"),
    ("\\registry\\user\\", "hku\\"),
    ("hkey_local_machine\\", "hklm\\"),
    ("hkey_current_user\\", "hkcu\\"),
    ("hkey_classes_root\\", "hkcr\\"),
    ("hkey_users\\", "hku\\"),
    ("hkey_current_config\\", "hkcc\\"),
    ("computer\\hkey_local_machine\\", "hklm\\"),
)
_USER_HIVE = re.compile(r"hku\\(?:s-1-5-21-[0-9-]+|\.default)(?=\\)(?!_)")
_CONTROL_SET = re.compile(r"(?<=\\system\\)controlset00[0-9](?=\\)")
_BRACKETED = re.compile(r"<([^<>@\s]+@[^<>\s]+)>")
_PERCENT = re.compile(r"%([0-9a-f]{2})", re.IGNORECASE)
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
"""RFC 3986, section 2.3: these mean the same with and without percent-encoding."""
_PORTS = {"http": "80", "https": "443", "ftp": "21"}


def fold(kind: str, value: str) -> str:
    """The comparable form of a value; empty when it is none of this kind."""
    text = value[:MAX_TEXT].strip()
    if not text:
        return ""
    return _FOLDS.get(kind, _plain)(text)


def refanged(value: str) -> str:
    """A value of an indicator as it was before somebody made it harmless to click."""
    text = value[:MAX_TEXT]
    for pattern, plain in _DEFANGED:
        text = pattern.sub(plain, text)
    return text.strip()


def guesses(value: str) -> tuple[tuple[str, str], ...]:
    """(kind, folded) that a value without a kind may be: an answer of DNS, an observable."""
    text = value[:MAX_TEXT].strip()
    if "://" in text:
        return ((URL, fold(URL, text)),)
    if address := _address(text):
        return ((ADDRESS, address),)
    if digest := _hash(text):
        return ((HASH, digest),)
    if "@" in text and (mail := _email(text)):
        return ((EMAIL, mail),)
    name = _domain(text)
    return ((DOMAIN, name),) if "." in name else ()


def host_of(url: str) -> str:
    """The host of a folded URL."""
    authority = url.partition("/")[0]
    if authority.startswith("["):
        return authority[1:].partition("]")[0]
    return authority.partition(":")[0]


def parents(domain: str) -> tuple[str, ...]:
    """The domains above a folded one, nearest first, without the top level."""
    labels = domain.split(".")[-MAX_LABELS:]
    return tuple(".".join(labels[start:]) for start in range(1, len(labels) - 1))


def folder_of(path: str) -> str:
    """The folded folder of a path; empty when it has none."""
    head, cut, _ = path[:MAX_TEXT].replace("/", "\\").rpartition("\\")
    return fold(FOLDER, head) if cut else ""


def _base(text: str) -> str:
    return text.replace("/", "\\").rstrip("\\").rsplit("\\", 1)[-1]


def _address(text: str) -> str:
    if _IPV4.fullmatch(text):
        return text
    if ":" not in text:
        return ""
    try:
        address = ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return ""
    return str(getattr(address, "ipv4_mapped", None) or address)


def _network(text: str) -> str:
    try:
        return str(ip_network(text, strict=False))
    except ValueError:
        return ""


def _domain(text: str) -> str:
    name = text.lower().rstrip(".")
    if not name.isascii():
        try:
            name = name.encode("idna").decode()
        except UnicodeError:
            return ""
    return name if len(name) < 254 and _NAME.fullmatch(name) else ""  # noqa: PLR2004 - RFC 1035


def _url(text: str) -> str:
    """Host, port unless it is the scheme's, path and query; http and https are one.

    Proxies, sensors and publishers disagree on the scheme and on the slash of an empty path.
    """
    scheme, mark, rest = text.partition("://")
    if not mark:
        scheme, rest = "http", text.removeprefix("//")
    scheme = scheme.lower()
    rest = rest.partition("#")[0]
    cut = min((n for n in map(rest.find, "/?") if n >= 0), default=len(rest))
    authority, path = rest[:cut].rpartition("@")[2], rest[cut:]
    host, port = _split_port(authority)
    folded = _address(host) or _domain(host)
    if not folded:
        return ""
    shown = f"[{folded}]" if ":" in folded else folded
    tail = f":{port}" if port and port != _PORTS.get(scheme) else ""
    path = _PERCENT.sub(_decoded, path)
    slash = "" if path.startswith("/") else "/"
    other = "" if scheme in ("http", "https") else f"#{scheme}"
    return f"{shown}{tail}{slash}{path}{other}"


def _split_port(authority: str) -> tuple[str, str]:
    if authority.startswith("["):
        host, _, port = authority[1:].partition("]")
        return host, port.lstrip(":")
    host, _, port = authority.partition(":")
    return host, port


def _decoded(match: re.Match[str]) -> str:
    char = chr(int(match[1], 16))
    return char if char in _UNRESERVED else match[0].upper()


def _hash(text: str) -> str:
    if len(text) not in _HASH_LENGTHS:
        return ""
    digest = text.lower()
    if not _HEX.fullmatch(digest):
        return ""
    return digest if digest.strip("0") else ""


def _email(text: str) -> str:
    found = _BRACKETED.search(text)
    address = (found[1] if found else text).strip().lower()
    local, at, domain = address.rpartition("@")
    folded = _domain(domain)
    return f"{local}@{folded}" if at and local and folded and " " not in local else ""


def _registry(text: str) -> str:
    key = text.replace("/", "\\").rstrip("\\").lower()
    for long, short in _HIVES:
        if key.startswith(long):
            key = short + key[len(long) :]
            break
    key = _USER_HIVE.sub("hkcu", key, count=1)
    return _CONTROL_SET.sub("currentcontrolset", key, count=1)


def _plain(text: str) -> str:
    return " ".join(text.split()).lower()


_FOLDS: dict[str, Callable[[str], str]] = {
    ADDRESS: _address,
    NETWORK: _network,
    DOMAIN: _domain,
    URL: _url,
    HASH: _hash,
    EMAIL: _email,
    REGISTRY: _registry,
    FILENAME: lambda text: _base(text).lower(),
    FOLDER: lambda text: text.replace("/", "\\").rstrip("\\").lower(),
    ACCOUNT: lambda text: text.rsplit("\\", 1)[-1].lower(),
    CERTIFICATE: lambda text: text.replace(":", "").replace(" ", "").lower().lstrip("0"),
    PORT: lambda text: text if text.isdecimal() else "",
}
