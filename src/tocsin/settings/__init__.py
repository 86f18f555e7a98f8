"""Settings of one site: `tocsin.toml`, then the environment, into one frozen tree.

`TOCSIN_HTTP__PORT=9000` sets `port` of `[http]`: two underscores stand between section and key.
A value for a list is written as JSON. An unknown key is an error, never ignored.
"""

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from tocsin.errors import SettingsError
from tocsin.settings.directory import Directory
from tocsin.settings.fetching import KafkaInput, MailboxInput, RestInput
from tocsin.settings.inputs import FilesInput, HttpInput, Input, Listener, RelpInput, SyslogInput
from tocsin.settings.secret import Secret
from tocsin.settings.siems import Siem

__all__ = [
    "FILE",
    "HOME",
    "Directory",
    "Entry",
    "FilesInput",
    "HttpInput",
    "Input",
    "KafkaInput",
    "Listener",
    "MailboxInput",
    "RelpInput",
    "RestInput",
    "Secret",
    "Settings",
    "Siem",
    "SyslogInput",
    "catalog",
    "find_site",
    "load",
]

FILE = "tocsin.toml"
HOME = "TOCSIN_HOME"
PREFIX = "TOCSIN_"
OTHER_USES = frozenset({HOME, "TOCSIN_DATA", "TOCSIN_CRASH_AT"})
"""Variables with the prefix that are no settings: the site folder and two for tests."""

MIB = 1024 * 1024


class Log(msgspec.Struct, frozen=True, kw_only=True):
    """What the service writes about itself, to standard error."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="The least level shown.")
    ] = "info"


class Paths(msgspec.Struct, frozen=True, kw_only=True):
    """Where things are kept. A relative path starts at the folder of `tocsin.toml`."""

    data: Annotated[
        str, Meta(description="State, spool and lake. Keep it on a disk of its own in production.")
    ] = "data"


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What is accepted from outside; anything beyond becomes a dead letter with its reason."""

    record_bytes: Annotated[int, Meta(ge=1024, le=64 * MIB, description="Bytes of one record.")] = (
        8 * MIB
    )
    depth: Annotated[int, Meta(ge=4, le=512, description="Nesting of one JSON record.")] = 128
    ratio: Annotated[
        int, Meta(ge=2, le=10_000, description="Unpacked to packed size of an archive.")
    ] = 200


class Lake(msgspec.Struct, frozen=True, kw_only=True):
    """When events are committed to the lake; findings never wait for it."""

    commit_seconds: Annotated[int, Meta(ge=1, le=3600, description="The longest wait.")] = 30
    commit_rows: Annotated[
        int, Meta(ge=1, le=1_048_576, description="Events after which it does not wait.")
    ] = 131_072


class Http(msgspec.Struct, frozen=True, kw_only=True):
    """Where `/healthz`, `/readyz` and `/metrics` answer."""

    host: Annotated[str, Meta(description="The address; only this machine by default.")] = (
        "127.0.0.1"
    )
    port: Annotated[int, Meta(ge=0, le=65_535, description="The port; 0 takes a free one.")] = 8870


class Intelligence(msgspec.Struct, frozen=True, kw_only=True):
    """How intelligence is fetched and matched; the feeds themselves are content."""

    poll_seconds: Annotated[
        int,
        Meta(ge=1, le=86_400, description="How often a feed is asked that declares no `every`."),
    ] = 15
    match_back_days: Annotated[
        int,
        Meta(ge=0, le=3_650, description="How far back stored events are searched; 0: not at all."),
    ] = 30
    open_hours: Annotated[
        int,
        Meta(ge=0, le=87_600, description="Matches in older events count and open no incident."),
    ] = 24


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """One site. Keys outside any section stand at the top of the file."""

    site: Annotated[
        str,
        Meta(
            pattern="^[a-z0-9][a-z0-9-]{0,62}$",
            description="The site's id: it is stored with every event and never changes.",
        ),
    ] = "default"
    log: Log = Log()
    paths: Paths = Paths()
    input: tuple[Input, ...] = ()
    limits: Limits = Limits()
    lake: Lake = Lake()
    http: Http = Http()
    intelligence: Intelligence = Intelligence()
    siem: tuple[Siem, ...] = ()
    directory: tuple[Directory, ...] = ()


class Entry(msgspec.Struct, frozen=True):
    """What there is to say about one setting: the reference and the template are made from it."""

    section: str
    key: str
    kind: str
    default: str
    """As it is written in the file; empty when the setting must be given."""
    text: str
    within: type[msgspec.Struct]
    """The section's own type: kinds of `[[input]]` share the section's name."""


def catalog() -> list[Entry]:
    """Every setting in the order of the tree; `section` is empty, `http`, `[input]` and so on."""
    return _entries(Settings, "")


def _entries(within: type[msgspec.Struct], section: str) -> list[Entry]:
    found: list[Entry] = []
    deeper: list[Entry] = []
    tag = within.__struct_config__.tag
    if tag is not None:
        kind = _KIND_TEXT
        found.append(Entry(section, _KIND, f'"{tag}"', f'"{tag}"', kind, within))
    hints = get_type_hints(within, include_extras=True)
    for item in msgspec.structs.fields(within):
        plain, *notes = _parts(hints[item.name])
        inner = _sections(plain)
        if inner:
            name = f"{section.strip('[]')}.{item.name}".lstrip(".")
            name = f"[{name}]" if get_origin(plain) is tuple else name
            deeper += [entry for one in inner for entry in _entries(one, name)]
            continue
        text = next(note.description or "" for note in notes if isinstance(note, Meta))
        required = item.default is msgspec.NODEFAULT
        default = "" if required or item.default is None else msgspec.json.encode(item.default)
        written = default if isinstance(default, str) else default.decode()
        found.append(Entry(section, item.name, _kind(plain), written, text, within))
    return found + deeper


def _parts(hint: Any) -> tuple[Any, ...]:
    """A type and its notes."""
    return get_args(hint) if get_origin(hint) is Annotated else (hint,)


def _kind(plain: Any) -> str:
    if get_origin(plain) is Literal:
        return " | ".join(f'"{choice}"' for choice in get_args(plain))
    if get_origin(plain) is tuple:
        return f"list of {_kind(get_args(plain)[0])}"
    if get_args(plain) and type(None) in get_args(plain):
        return f"{_kind(get_args(plain)[0])} | None"
    return _KINDS.get(plain, getattr(plain, "__name__", str(plain)))


_KINDS = {str: "text", int: "number", Secret: "secret"}
_KIND = "kind"
_KIND_TEXT = "The transport; without it, files are read."
_DEFAULT_KIND = "files"


def find_site(start: Path, environment: Mapping[str, str]) -> Path | None:
    """The site folder: TOCSIN_HOME, else `start` or its `soc/` when they hold a tocsin.toml."""
    if named := environment.get(HOME):
        return Path(named)
    return next((at for at in (start, start / "soc") if (at / FILE).is_file()), None)


def load(folder: Path | None, environment: Mapping[str, str]) -> Settings:
    """Read the settings of the site in `folder`; without one, defaults and environment.

    Raises SettingsError that names the place, the key and, for an unknown key, the nearest known.
    """
    tree: dict[str, Any] = {}
    place = "the environment"
    if folder is not None:
        place = str(folder / FILE)
        tree = _read(folder / FILE)
        _known(tree, Settings, place, "")
    extra = _from_environment(environment)
    _merge(tree, extra)
    for one in tree.get("input", ()):
        if isinstance(one, dict):
            one.setdefault(_KIND, _DEFAULT_KIND)
    try:
        return msgspec.convert(tree, Settings, strict=False, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise SettingsError(_explain(error, place, environment)) from None


def _decode(kind: type, value: Any) -> Any:
    """Values of types that msgspec does not know."""
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise ValueError("a secret is a reference: env:NAME or file:/path")


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{path} is not there: `tocsin init {path.parent}` makes it") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from None


def _known(tree: Mapping[str, Any], kind: Any, place: str, above: str) -> None:
    """Refuse keys that `kind` does not have, at every level."""
    hints = get_type_hints(kind)
    for key, value in tree.items():
        if key not in hints and not (key == _KIND and kind.__struct_config__.tag):
            near = difflib.get_close_matches(key, hints, n=1, cutoff=0.0)
            raise SettingsError(
                f"{place}: unknown setting {above}{key}; is {above}{near[0]} meant?"
            )
        inner = _sections(hints.get(key))
        for part in value if isinstance(value, list) else (value,):
            if inner and isinstance(part, Mapping):
                _known(part, _meant(part, inner, place, above + key), place, f"{above}{key}.")


def _meant(
    part: Mapping[str, Any], choices: tuple[type[msgspec.Struct], ...], place: str, key: str
) -> type[msgspec.Struct]:
    """Which of several kinds a section is of."""
    if len(choices) == 1:
        return choices[0]
    tags = {str(one.__struct_config__.tag): one for one in choices}
    named = part.get(_KIND, _DEFAULT_KIND)
    if named not in tags:
        near = difflib.get_close_matches(str(named), tags, n=1, cutoff=0.0)
        raise SettingsError(f"{place}: {key}.{_KIND}: no {named!r}; is {near[0]} meant?")
    return tags[named]


def _sections(hint: Any) -> tuple[type[msgspec.Struct], ...]:
    """The sections that a type names: itself, the item of a tuple, or several kinds of item."""
    found = get_args(hint)[0] if get_origin(hint) is tuple else hint
    choices = get_args(found) if isinstance(found, UnionType) else (found,)
    return tuple(
        one for one in choices if isinstance(one, type) and issubclass(one, msgspec.Struct)
    )


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name in sorted(environment):
        if not name.startswith(PREFIX) or name in OTHER_USES:
            continue
        *sections, key = name.removeprefix(PREFIX).lower().split("__")
        one: dict[str, Any] = {key: _value(name, environment[name])}
        for section in reversed(sections):
            one = {section: one}
        _known(one, Settings, name, "")
        _merge(tree, one)
    return tree


def _value(name: str, text: str) -> Any:
    if not text.startswith(("[", "{")):
        return text
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise SettingsError(f"{name}: not JSON: {error}") from None


def _merge(tree: dict[str, Any], extra: Mapping[str, Any]) -> None:
    for key, value in extra.items():
        if isinstance(value, Mapping) and isinstance(tree.get(key), dict):
            _merge(tree[key], value)
        else:
            tree[key] = value


def _explain(error: msgspec.ValidationError, place: str, environment: Mapping[str, str]) -> str:
    """Turn `text - at `$.http.port`` into `place: http.port: text`."""
    text, _, path = str(error).partition(" - at `$")
    key = path.strip("`.")
    variable = PREFIX + key.replace(".", "__").upper()
    return f"{variable if variable in environment else place}: {key or 'top'}: {text}"
