"""In which form a user or a host is named: what changes when a tool writes it otherwise."""

import re
from typing import Any

_SID = re.compile(r"S-1-\d+(-\d+)+\Z")
_GUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\Z")
_ADDRESS = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}\Z")
_HEXTETS = 2
MAX_REMEMBERED = 65_536


def user_shape(name: str) -> str:
    r"""`sid`, `guid`, `down-level` (DOMAIN\user), `mail` (user@domain), `words` or `bare`."""
    if name.startswith("S-1-") and _SID.match(name):
        return "sid"
    if "\\" in name:
        return "down-level"
    if "@" in name:
        return "mail"
    if " " in name:
        return "words"
    return "guid" if _GUID.match(name) else "bare"


def host_shape(name: str) -> str:
    """`address`, `full` (with a domain) or `short`."""
    if _ADDRESS.match(name) or name.count(":") >= _HEXTETS:
        return "address"
    return "full" if "." in name else "short"


_SYSTEM = frozenset(
    {
        "system", "local system", "local service", "network service", "anonymous logon", "root",
        "daemon", "nobody", "sys", "bin", "syslog", "www-data", "messagebus", "-", "n/a", "unknown",
    }
)  # fmt: skip


def is_person(name: str) -> bool:
    """Whether a directory may be expected to know an account: not one of a machine or a system."""
    bare = name.rpartition("\\")[2].lower()
    if not bare or bare.endswith("$") or bare in _SYSTEM:
        return False
    return not bare.startswith(("dwm-", "umfd-", "systemd", "s-1-5-"))


class Shapes(dict[Any, str]):
    """value -> shape; bounded, makes things faster and changes no result."""

    def __init__(self, of: Any) -> None:
        super().__init__()
        self._of = of

    def __missing__(self, value: Any) -> str:
        if len(self) >= MAX_REMEMBERED:
            self.clear()
        shape: str = self._of(value) if type(value) is str else "other"
        self[value] = shape
        return shape
