"""Lists, converted: of words, fingerprints, DNS answers and other objects."""

import re
from typing import Any

from tocsin.normalize.names import EMAIL, name_of, quoted
from tocsin.normalize.scalars import FAILED, address, integer, text

_HASH_IDS = {"MD5": 1, "SHA1": 2, "SHA256": 3, "SHA512": 4, "CTPH": 5, "TLSH": 6}
_HASH_OTHER = 99


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


def hash_value(value: Any) -> Any:
    """A fingerprint in hexadecimal of any length, in lower case; zeros alone say nothing."""
    plain = value.strip().lower() if isinstance(value, str) else ""
    if not plain or plain.strip("0123456789abcdef"):
        return FAILED
    return plain if plain.strip("0") else None


def quoted_list(value: Any) -> Any:
    """The same as a list of one text."""
    found = quoted(value)
    return found if found is None or found is FAILED else [found]


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


def texts(value: Any) -> Any:
    """A list of texts as they stand; one alone is a list of one."""
    found = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str) for item in found):
        return FAILED
    return [item for item in found if item] or None


def emails(value: Any) -> Any:
    """The addresses of a text or of a list of texts."""
    texts = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str) for item in texts):
        return FAILED
    found = [address for item in texts for address in EMAIL.findall(item)]
    return list(dict.fromkeys(found)) or FAILED


def first_text(value: Any) -> Any:
    """The first text of a list that says something; one that stands alone as it is."""
    items = value if isinstance(value, list) else [value]
    return next((item for item in items if isinstance(item, str) and item.strip()), FAILED)


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


def dns_addresses(value: Any) -> Any:
    """A list of DNS answers, out of addresses parted by commas, semicolons or white space."""
    found = words(value)
    if found is FAILED or found is None:
        return found
    known = [word for word in found[:MAX_ANSWERS] if address(word) is not FAILED]
    return [_answer("", word) for word in known] or None


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
