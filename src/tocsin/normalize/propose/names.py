"""How alike two names are: words, abbreviations resolved, the last part counting most."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from math import log

_WORD = re.compile(r"[A-Z]{2,}(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_ABBREVIATED = {
    "acct": "account", "addr": "address", "app": "application", "args": "arguments",
    "cat": "category", "cmd": "command", "cmdline": "command line", "commandline": "command line",
    "cnt": "count", "comm": "command", "desc": "description", "dest": "destination",
    "dev": "device", "dir": "direction", "dom": "domain", "dport": "destination port",
    "dst": "destination", "dstip": "destination ip", "dstport": "destination port",
    "evt": "event", "exe": "process file", "fname": "file name", "fqdn": "host name",
    "grp": "group", "hostname": "host name", "ident": "id", "identifier": "id",
    "image": "process file",
    "ipaddr": "ip", "ipaddress": "ip", "lvl": "level", "msg": "message", "num": "number",
    "orig": "source", "originator": "source", "pid": "process id", "ppid": "parent process id",
    "proc": "process", "proto": "protocol", "prot": "protocol", "pwd": "directory",
    "recv": "received", "ref": "referrer", "referer": "referrer", "req": "request",
    "resp": "response", "rcpt": "recipient", "sess": "session", "sev": "severity",
    "sha1": "sha1 hash", "sha256": "sha256 hash", "md5": "md5 hash", "sport": "source port",
    "src": "source", "srcip": "source ip", "srcport": "source port", "svc": "service",
    "tgt": "target", "ts": "time", "timestamp": "time", "ua": "user agent", "uid": "id",
    "uri": "url", "usr": "user", "username": "user name", "useragent": "user agent",
    "uuid": "id", "guid": "id", "ver": "version", "person": "user", "login": "user",
    "client": "source", "server": "destination", "remote": "source", "machine": "host",
    "computer": "host", "workstation": "host", "result": "status", "outcome": "status",
    "priority": "severity", "query": "query", "endpoint": "endpoint", "hash": "hash",
}  # fmt: skip
"""Our own list of what names of fields abbreviate, or call by another word."""
_AROUND = 0.35
"""What a word counts that does not stand in the last part of a dotted name."""
_CASED = re.compile(r"\W+|_+")


@lru_cache(maxsize=65_536)
def words(name: str) -> tuple[tuple[str, float], ...]:
    """The words of a name and how much each counts."""
    parts = [part for part in re.split(r"[.:/]", name) if part]
    found: dict[str, float] = {}
    for number, part in enumerate(parts):
        weight = 1.0 if number == len(parts) - 1 else _AROUND
        for word in _of(part):
            found[word] = max(found.get(word, 0.0), weight)
    return tuple(found.items())


def _of(part: str) -> Iterable[str]:
    whole = _CASED.sub("", part).lower()
    if whole in _ABBREVIATED:
        yield from _ABBREVIATED[whole].split()
        return
    for word in _WORD.findall(part):
        yield from _ABBREVIATED.get(word.lower(), word.lower()).split()


def plain(name: str) -> str:
    """A name without case and punctuation, for equality."""
    return _CASED.sub("", name).lower()


class Rarity:
    """How much a word says: the fewer names have it, the more."""

    def __init__(self, names: Iterable[str]) -> None:
        counts: dict[str, int] = {}
        total = 0
        for name in names:
            total += 1
            for word, _ in words(name):
                counts[word] = counts.get(word, 0) + 1
        self._most = log(2 + total)
        self._of = {word: log((2 + total) / (1 + n)) for word, n in counts.items()}

    def of(self, word: str) -> float:
        """The weight of a word; one that nobody has yet is the rarest."""
        return max(0.2, self._of.get(word, self._most))


def likeness(first: str, second: str, rarity: Rarity) -> float:
    """0 (no word in common) to 1 (the same)."""
    if plain(first) == plain(second):
        return 1.0
    one, other = dict(words(first)), dict(words(second))
    both = _sum(one, other, min, rarity)
    return min(0.95, both / _sum(one, other, max, rarity)) if both else 0.0


def _sum(
    one: Mapping[str, float], other: Mapping[str, float], pick: object, rarity: Rarity
) -> float:
    choose = min if pick is min else max
    return sum(
        rarity.of(word) * choose(one.get(word, 0.0), other.get(word, 0.0))
        for word in {*one, *other}
    )
