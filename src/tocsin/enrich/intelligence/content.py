"""What a site declares about intelligence: feeds, decay, and warning lists.

intelligence/decay.yaml            how fast confidence goes
intelligence/warninglists.yaml     what warning lists do
intelligence/warninglists/**.json  the lists, as MISP publishes them
intelligence/feeds/*.yaml          where intelligence comes from
"""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from tocsin.enrich.intelligence.markings import tlp_word
from tocsin.enrich.intelligence.resolving import Decay, confidence_of
from tocsin.errors import ContentError
from tocsin.formats.depth import too_deep
from tocsin.formats.located_yaml import load_located
from tocsin.model import observables as kinds
from tocsin.model.content import ContentFile
from tocsin.model.intelligence import DAY, FeedSpec, WarningList

FOLDER = "intelligence/"
DECAY = FOLDER + "decay.yaml"
POLICY = FOLDER + "warninglists.yaml"
LISTS = FOLDER + "warninglists/"
FEEDS = FOLDER + "feeds/"

MAX_ENTRIES = 500_000
MAX_DEPTH = 8
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_ATTRIBUTES = {
    "ip": kinds.ADDRESS, "domain": kinds.DOMAIN, "hostname": kinds.DOMAIN, "url": kinds.URL,
    "uri": kinds.URL, "email": kinds.EMAIL, "whois-registrant-email": kinds.EMAIL,
    "dns-soa-email": kinds.EMAIL, "md5": kinds.HASH, "sha1": kinds.HASH, "sha224": kinds.HASH,
    "sha256": kinds.HASH, "sha384": kinds.HASH, "sha512": kinds.HASH, "filename": kinds.FILENAME,
    "user-agent": kinds.USER_AGENT, "regkey": kinds.REGISTRY, "mutex": kinds.MUTEX,
}  # fmt: skip

T = TypeVar("T")
Network = IPv4Network | IPv6Network
Effect = Literal["suppress", "lower", "ignore"]


class _DecayFile(msgspec.Struct, forbid_unknown_fields=True):
    half_life_days: dict[str, Annotated[float, Meta(gt=0, le=36_500)]] = {}
    floor: Annotated[int, Meta(ge=0, le=100)] = 0


class _PolicyFile(msgspec.Struct, forbid_unknown_fields=True):
    lists: dict[str, Effect] = {}


class _FeedFile(msgspec.Struct, forbid_unknown_fields=True):
    id: Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9-]{0,62}$")]
    kind: Literal["taxii", "files", "kev"]
    title: str = ""
    url: str = ""
    path: str = ""
    api_root: str = ""
    collections: tuple[str, ...] = ()
    user: str = ""
    password: str = ""
    token: str = ""
    every: str = ""
    expected_every: str = ""
    first_days: Annotated[int, Meta(ge=0, le=3_650)] = 0
    confidence: int | str = 50
    tlp: str = ""


class _ListFile(msgspec.Struct):
    name: str
    type: Literal["string", "substring", "hostname", "cidr", "regex"]
    list: Annotated[list[str], Meta(max_length=MAX_ENTRIES)]
    matching_attributes: tuple[str, ...] = ()
    version: int | str = ""


class Declared(msgspec.Struct, frozen=True):
    """Everything that content says about intelligence."""

    feeds: tuple[FeedSpec, ...] = ()
    decay: Decay = Decay()
    lists: tuple[WarningList, ...] = ()


def declared(files: Iterable[ContentFile]) -> Declared:
    """Read what stands below `intelligence/`; raises ContentError that names the place."""
    mine = [file for file in files if file.path.startswith(FOLDER)]
    policy, decay = _PolicyFile(), Decay()
    feeds: dict[str, FeedSpec] = {}
    for file in mine:
        if file.path == POLICY:
            policy = _yaml(file, _PolicyFile)
        elif file.path == DECAY:
            decay = _decay(file)
        elif file.path.startswith(FEEDS) and file.path.endswith((".yaml", ".yml")):
            feed = read_feed(file)
            if feed.id in feeds:
                raise ContentError(file.where, f"the feed {feed.id} is in {feeds[feed.id].where}")
            feeds[feed.id] = feed
    lists = [
        one
        for file in mine
        if file.path.startswith(LISTS) and file.path.endswith(".json")
        if (one := read_list(file, policy.lists)) is not None
    ]
    return Declared(tuple(feeds.values()), decay, tuple(lists))


def read_feed(file: ContentFile) -> FeedSpec:
    """One feed; raises ContentError."""
    found = _yaml(file, _FeedFile)
    if found.kind == "taxii" and not found.url.startswith(("https://", "http://")):
        raise ContentError(file.where, "a taxii feed needs the `url` of its discovery")
    if found.kind != "taxii" and not found.path:
        raise ContentError(file.where, f"a feed of {found.kind} needs a `path`")
    if found.password and not found.user:
        raise ContentError(file.where, "a `password` needs a `user`")
    if found.tlp and tlp_word(found.tlp) is None:
        raise ContentError(file.where, f"tlp: {found.tlp!r} is no level of TLP")
    for name in ("password", "token"):
        if (given := getattr(found, name)) and not given.startswith(("env:", "file:")):
            raise ContentError(
                file.where, f"{name}: a reference (env:NAME or file:/path), not the secret itself"
            )
    return FeedSpec(
        id=found.id,
        title=found.title or found.id,
        kind=found.kind,
        url=found.url,
        path=found.path,
        api_root=found.api_root,
        collections=found.collections,
        user=found.user,
        password=found.password,
        token=found.token,
        every=_seconds(file, "every", found.every),
        expected_every=_seconds(file, "expected_every", found.expected_every),
        first_days=found.first_days,
        confidence=_confidence(file, found.confidence),
        tlp=found.tlp,
        where=file.where,
    )


def read_list(file: ContentFile, effects: dict[str, Effect]) -> WarningList | None:
    """One warning list as MISP publishes it; None for one that the site ignores.

    Raises ContentError.
    """
    if too_deep(file.data, MAX_DEPTH):
        raise ContentError(file.where, "nests deeper than a warning list does")
    try:
        found = msgspec.json.decode(file.data, type=_ListFile)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ContentError(file.where, f"no warning list of MISP: {error}") from None
    about = tuple(dict.fromkeys(_kinds_of(found.matching_attributes))) or kinds.KINDS
    effect = effects.get(found.name) or _usual(found, about)
    if effect == "ignore":
        return None
    entries = tuple(entry for entry in found.list if entry.strip())
    return WarningList(found.name, found.type, about, entries, effect, str(found.version))


def _usual(found: _ListFile, about: tuple[str, ...]) -> Effect:
    """What a list does that the site says nothing about: see `warninglists.yaml`."""
    files = found.type == "string" and set(about) <= {kinds.HASH, kinds.FILENAME}
    return "suppress" if files or (found.type == "cidr" and _nobodys(found.list)) else "lower"


def _nobodys(entries: Iterable[str]) -> bool:
    try:
        networks = [ip_network(entry.strip(), strict=False) for entry in entries]
    except ValueError:
        return False
    return all(any(_within(one, other) for other in _NOBODYS) for one in networks)


def _within(one: Network, other: Network) -> bool:
    return one.version == other.version and one.subnet_of(other)  # type: ignore[arg-type]  # the same


_NOBODYS = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
            "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
            "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3", "::/127",
            "100::/64", "2001:db8::/32", "fc00::/7", "fe80::/10", "ff00::/8",
        ),
    )
)  # fmt: skip
"""IANA's registries of special-purpose addresses (RFC 6890): no one's in the Internet."""


def _kinds_of(attributes: Iterable[str]) -> Iterator[str]:
    for attribute in attributes:
        for part in attribute.split("|"):
            kind = _ATTRIBUTES.get(part) or _ATTRIBUTES.get(part.split("-", 1)[0])
            if kind is not None:
                yield kind


def _decay(file: ContentFile) -> Decay:
    found = _yaml(file, _DecayFile)
    unknown = sorted(found.half_life_days.keys() - set(kinds.KINDS))
    if unknown:
        known = ", ".join(kinds.KINDS)
        raise ContentError(file.where, f"no kind of observable: {unknown[0]}; there are {known}")
    lives = {kind: round(days * DAY) for kind, days in found.half_life_days.items()}
    return Decay(lives, found.floor)


def _confidence(file: ContentFile, given: int | str) -> int:
    found = confidence_of(given, -1)
    if found < 0:
        raise ContentError(file.where, f"confidence: {given!r} is neither 0 to 100 nor of a scale")
    return found


def _seconds(file: ContentFile, name: str, text: str) -> int:
    if not text:
        return 0
    number, unit = text[:-1], text[-1:]
    if unit not in _UNITS or not number.isdecimal():
        raise ContentError(file.where, f"{name}: {text!r} is no duration: write 30s, 15m, 6h or 7d")
    return int(number) * _UNITS[unit]


def _yaml(file: ContentFile, kind: type[T]) -> T:
    tree = load_located(file.data, file.where).value
    try:
        return msgspec.convert(tree, kind)
    except msgspec.ValidationError as error:
        raise ContentError(file.where, str(error)) from None
