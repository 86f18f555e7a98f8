"""Which columns of an OCSF class hold observables, told from the names of its attributes.

What a record says of the machine that wrote it (`device`, `metadata`) is no observable: it stands
in every record of that machine, and says nothing about whom it dealt with.
"""

from collections.abc import Iterator
from typing import NamedTuple

import pyarrow as pa

from tocsin.model import observables as kinds


class Place(NamedTuple):
    """A column: the path of its attributes, what it holds, and the part that it plays."""

    path: tuple[str, ...]
    kind: str
    role: str

    @property
    def name(self) -> str:
        """The OCSF path with dots."""
        return ".".join(self.path)


_SKIPPED = frozenset(
    {
        "device", "metadata", "enrichments", "owner", "os", "cloud", "location", "product",
        "attacks", "finding_info", "organization", "unmapped",
    }
)  # fmt: skip
_SOURCES = frozenset({"src_endpoint", "from", "smtp_from", "reply_to", "sender"})
_TARGETS = frozenset({"dst_endpoint", "to", "cc", "smtp_to"})
_ACCOUNTS = frozenset({"user", "user_result"})
_MAIL = frozenset({"from", "to", "cc", "reply_to", "smtp_from", "smtp_to", "email_addr", "sender"})
_LEAVES = {
    "ip": kinds.ADDRESS,
    "intermediate_ips": kinds.ADDRESS,
    "x_forwarded_for": kinds.ADDRESS,
    "hostname": kinds.ANY,
    "rdata": kinds.ANY,
    "sni": kinds.DOMAIN,
    "url_string": kinds.URL,
    "cmd_line": kinds.COMMAND,
    "user_agent": kinds.USER_AGENT,
    "subject": kinds.SUBJECT,
    "port": kinds.PORT,
}


def places_of(schema: pa.Schema) -> tuple[Place, ...]:
    """Every column of a class, or of a part of one, that may hold an observable."""
    found = []
    for path in _leaves(schema):
        if _SKIPPED.isdisjoint(path):
            found += [Place(path, kind, _role(path)) for kind in _kinds(path)]
    return tuple(found)


def _leaves(schema: pa.Schema) -> Iterator[tuple[str, ...]]:
    for field in schema:
        yield from _below(field, ())


def _below(field: pa.Field, above: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    path, kind = (*above, field.name), field.type
    if pa.types.is_list(kind):
        kind = kind.value_type
    if pa.types.is_struct(kind):
        for inner in kind:
            yield from _below(inner, path)
    elif pa.types.is_string(kind) or pa.types.is_integer(kind):
        yield path


def _kinds(path: tuple[str, ...]) -> tuple[str, ...]:
    leaf, above = path[-1], path[-2] if len(path) > 1 else ""
    if leaf in _MAIL:
        return (kinds.EMAIL,)
    if "certificate" in path:
        certificate = leaf in ("serial_number", "issuer", "subject")
        return (kinds.CERTIFICATE,) if certificate else _digest(leaf, above)
    if leaf == "domain":
        return (kinds.DOMAIN,) if above.endswith("endpoint") else ()
    if leaf == "subject" and above != "email":
        return ()
    if leaf in _LEAVES:
        return (_LEAVES[leaf],)
    if leaf == "value":
        return (kinds.ANY,) if above == "observables" else _digest(leaf, above)
    if leaf in ("name", "path", "uid"):
        return _named(leaf, above)
    return ()


def _digest(leaf: str, above: str) -> tuple[str, ...]:
    known = ("hashes", "fingerprints", "fingerprint", "ja3_hash", "ja3s_hash")
    return (kinds.HASH,) if leaf == "value" and above in known else ()


def _named(leaf: str, above: str) -> tuple[str, ...]:
    if above.endswith("file") or above.startswith("file"):
        return {"name": (kinds.FILENAME,), "path": (kinds.FILENAME, kinds.FOLDER)}.get(leaf, ())
    if above.endswith("process"):
        return (kinds.FILENAME,) if leaf == "name" else ()
    if above in _ACCOUNTS or above == "account":
        return (kinds.ACCOUNT,) if leaf != "path" else ()
    if above in ("reg_key", "prev_reg_key"):
        return (kinds.REGISTRY,) if leaf == "path" else ()
    if above in ("reg_value", "prev_reg_value"):
        return {"name": (kinds.REGISTRY_VALUE,), "path": (kinds.REGISTRY,)}.get(leaf, ())
    if above == "kernel":
        return (kinds.MUTEX,) if leaf == "name" else ()
    return ()


def _role(path: tuple[str, ...]) -> str:
    if "parent_process" in path or path[:2] == ("actor", "process"):
        return "parent"
    if not _SOURCES.isdisjoint(path):
        return "source"
    return "destination" if not _TARGETS.isdisjoint(path) else ""
