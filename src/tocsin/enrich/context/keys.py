"""Under which keys a fact is filed in the index, and the keys that a question is asked with."""

from collections.abc import Iterable, Iterator
from hashlib import blake2b

from tocsin.enrich.context.names import (
    all_identifiers,
    derived_host,
    folded,
    host_identifiers,
    user_identifiers,
)
from tocsin.model.context import (
    Asset,
    BusinessService,
    BusinessUnit,
    Fact,
    Identifier,
    Identity,
    Lease,
    Ratings,
    Role,
    Vulnerability,
    Watched,
    Window,
    Zone,
)

USER, HOST = "i", "a"


def key_hash(key: str) -> int:
    """64 bits of a key; what is found under them is compared whole."""
    return int.from_bytes(blake2b(key.encode("utf-8", "replace"), digest_size=8).digest(), "little")


def entity_key(what: str, identifier: Identifier) -> str:
    """The key of an asset's (`a`) or identity's (`i`) identifier."""
    return f"{what}|{identifier.kind}|{identifier.value}"


def keys_of(fact: Fact) -> Iterator[str]:
    """Every key of a fact; zones are not looked up by key."""
    match fact.body:
        case Asset():
            yield from (entity_key(HOST, one) for one in all_identifiers(fact.body))
        case Identity():
            yield from (entity_key(USER, one) for one in all_identifiers(fact.body))
        case BusinessUnit() | Role() | BusinessService():
            yield named_key(fact.body, fact.key)
        case Watched():
            yield f"wl|{folded(fact.body.list)}"
            yield from subject_keys("w", fact.body.kind, fact.body.subject)
        case Vulnerability():
            yield f"vc|{fact.body.cve}"
            yield from (f"v|{k.kind}|{k.value}" for k in derived_host(fact.body.identifiers))
        case Window():
            for scope in fact.body.scope:
                kind, _, subject = scope.partition(":")
                yield from subject_keys("x", kind, subject)
        case Lease():
            yield f"l|{fact.body.address}"
        case Ratings():
            yield from (f"c|{rating.cve}" for rating in fact.body.ratings)
        case Zone():
            return


def named_key(body: BusinessUnit | Role | BusinessService, name: str) -> str:
    """The key of something that is known by its name or id alone."""
    letter = {BusinessUnit: "u", Role: "r", BusinessService: "s"}[type(body)]
    return f"{letter}|{folded(name)}"


def subject_keys(letter: str, kind: str, subject: str) -> Iterator[str]:
    """Keys of what a watchlist or window is about."""
    if kind == "user":
        yield from (f"{letter}|{entity_key(USER, one)}" for one in user_identifiers(subject))
    elif kind in ("host", "address"):
        yield from (f"{letter}|{entity_key(HOST, one)}" for one in host_identifiers(subject))
    else:
        yield f"{letter}|{kind}|{folded(subject)}"


def asked_keys(letter: str, what: str, identifiers: Iterable[Identifier]) -> Iterator[str]:
    """Keys under which something about an entity with these identifiers may be filed."""
    return (f"{letter}|{entity_key(what, one)}" for one in identifiers)
