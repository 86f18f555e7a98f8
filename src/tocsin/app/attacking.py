"""ATT&CK releases of a site: loaded from a file, kept, one of them in use; and labels judged by it.

A release is one file named by its digest, in `attack/` of the site's data, or of the account's
where there is no site. It is written whole before it gets its name; `current` names the one in use.
"""

import os
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import msgspec
import platformdirs

from tocsin.app import parts
from tocsin.app.clock import SystemClock
from tocsin.app.content import disk_content, person
from tocsin.app.site import Site
from tocsin.enrich.attack import Labels, read_bundle, read_crosswalk
from tocsin.enrich.attack.bundle import MAX_BYTES
from tocsin.enrich.attack.components import DataComponents, read_data_components
from tocsin.errors import InputError, StorageError, UsageError
from tocsin.formats.containers import Leaf, Opening, leaves
from tocsin.formats.limits import DEFAULT, Account
from tocsin.formats.read import printable
from tocsin.formats.streams import Opened, Peeked
from tocsin.model.attack import Crosswalk, Label, LabelState, Release
from tocsin.model.content import Problem
from tocsin.model.ports import Clock

FORMAT = 1
"""Version of a stored release."""

CROSSWALKS = "attack/"
"""Where content keeps crosswalk files."""

MAX_RELEASES = 100
_CHUNK = 1024 * 1024
_ID = re.compile(r"[0-9a-f]{16}")


class Stored(msgspec.Struct, frozen=True):
    """A release as it is kept: what it is, which file it came from, when (us UTC) and by whom."""

    format: int
    release: Release
    source: str
    source_sha256: str
    loaded_at: int
    by: str

    @property
    def release_id(self) -> str:
        """The beginning of its digest: its name here."""
        return self.release.digest[:16]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Stored).decode
_decode_components = msgspec.msgpack.Decoder(DataComponents).decode


class Shelf:
    """The releases of one folder. Reading never makes the folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, stored: Stored) -> None:
        """Keep a release and use it; the same one again only changes when it was loaded."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._write(f"{stored.release_id}.release", _encode(stored))
        except OSError as error:
            raise StorageError(f"{self.folder}: {error.strerror or error}") from error
        self.use(stored.release_id)

    def use(self, release_id: str) -> None:
        """Make a stored release the one in use."""
        try:
            self._write("current", release_id.encode())
        except OSError as error:
            raise StorageError(f"{self.folder}: {error.strerror or error}") from error

    def all(self) -> list[Stored]:
        """Every stored release, that with the newest change first."""
        if not self.folder.is_dir():
            return []
        names = sorted(path.stem for path in self.folder.glob("*.release"))
        found = [self.get(name) for name in names[:MAX_RELEASES] if _ID.fullmatch(name)]
        return sorted(found, key=lambda one: (-one.release.modified, one.release_id))

    def get(self, release_id: str) -> Stored:
        """One release by its id; raises StorageError when it cannot be read or was changed."""
        path = self.folder / f"{release_id}.release"
        again = "`tocsin attack load` mends it"
        try:
            stored = _decode(path.read_bytes())
        except (OSError, msgspec.DecodeError) as error:
            raise StorageError(f"{path} cannot be read ({error}); {again}") from error
        if stored.format != FORMAT:
            raise StorageError(f"{path} was written by another version of Tocsin; {again}")
        plain = msgspec.structs.replace(stored.release, digest="")
        if sha256(_encode(plain)).hexdigest() != stored.release.digest:
            raise StorageError(f"{path} was changed on disk; {again}")
        return stored

    def current(self) -> Stored | None:
        """The release in use; None when none was loaded."""
        try:
            name = (self.folder / "current").read_text(encoding="ascii")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise StorageError(f"{self.folder / 'current'} cannot be read: {error}") from error
        if not _ID.fullmatch(name):
            raise StorageError(f"{self.folder / 'current'} names no release: `tocsin attack use`")
        return self.get(name)

    def put_components(self, release_id: str, components: DataComponents) -> None:
        """Keep the data components of a release beside it."""
        try:
            self._write(f"{release_id}.components", _encode(components))
        except OSError as error:
            raise StorageError(f"{self.folder}: {error.strerror or error}") from error

    def components(self, release_id: str) -> DataComponents:
        """The data components of a release; none when it was loaded before they were kept."""
        path = self.folder / f"{release_id}.components"
        try:
            return _decode_components(path.read_bytes())
        except FileNotFoundError:
            return DataComponents({})
        except (OSError, msgspec.DecodeError) as error:
            again = "`tocsin attack load` mends it"
            raise StorageError(f"{path} cannot be read ({error}); {again}") from error

    def _write(self, name: str, data: bytes) -> None:
        fresh = self.folder / f".{name}.{os.getpid()}"
        with fresh.open("wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(self.folder / name)


def shelf(site: Site) -> Shelf:
    """Where the releases of a site are, or of this account where there is no site."""
    if site.folder is not None:
        return Shelf(site.data / "attack")
    return Shelf(platformdirs.user_data_path("tocsin") / "attack")


def load_bundle(site: Site, path: Path, clock: Clock | None = None) -> tuple[Stored, list[Problem]]:
    """Read a STIX bundle (plain or packed), keep its release and use it.

    Raises UsageError, InputError or ContentError when the file is none; then nothing changes.
    """
    data = read_one(path)
    release, problems = read_bundle(data, printable(path))
    now = (clock or SystemClock()).now()
    digest = sha256(data).hexdigest()
    stored = Stored(FORMAT, release, printable(path), digest, now, person())
    shelved = shelf(site)
    shelved.put(stored)
    shelved.put_components(stored.release_id, read_data_components(data))
    return stored, problems


def read_one(path: Path) -> bytes:
    """The bytes of a file, or of the only member of an archive, within the limits of a bundle."""
    if not path.is_file():
        raise UsageError(f"{path} is not a file: name an ATT&CK bundle (enterprise-attack.json)")
    with path.open("rb") as file:
        size = path.stat().st_size
        opening = Opening(printable(path), Peeked(Opened(file)), 0, file)
        found: bytes | None = None
        for leaf in leaves(opening, Account(DEFAULT, size)):
            if not isinstance(leaf, Leaf):
                raise InputError(leaf.reason, f"{leaf.origin}: {leaf.detail}")
            if found is not None:
                raise UsageError(f"{path} holds several files: unpack it and name the bundle")
            found = _whole(leaf)
    if not found:
        raise UsageError(f"{path} is empty")
    return found


def _whole(leaf: Leaf) -> bytes:
    data = bytearray()
    while part := leaf.source.read(_CHUNK):
        data += part
        if len(data) > MAX_BYTES:
            raise InputError(
                "too-large", f"{leaf.origin}: a bundle has at most {MAX_BYTES:,} bytes"
            )
    return bytes(data)


def pick(site: Site, beginning: str) -> Stored:
    """The one stored release whose id or version begins so; raises UsageError otherwise."""
    releases = shelf(site).all()
    exact = [one for one in releases if beginning in {one.release_id, one.release.version} - {""}]
    begun = [one for one in releases if one.release_id.startswith(beginning)]
    found = exact or begun
    if len(found) == 1:
        return found[0]
    what = "several releases begin" if found else "no release begins"
    raise UsageError(f"{what} with {beginning}: `tocsin attack` lists them")


def labels_of(site: Site) -> Labels:
    """What judges labels here: the release in use, the older ones, and the crosswalk."""
    shelved = shelf(site)
    current = shelved.current()
    crosswalk = crosswalk_of(site)
    if current is None:
        return Labels(None, crosswalk)
    earlier = [one.release for one in shelved.all()]
    older = [one for one in earlier if one.modified < current.release.modified]
    return Labels(current.release, crosswalk, older)


def components_of(site: Site) -> DataComponents:
    """The data components of the release in use; none while none is loaded."""
    shelved = shelf(site)
    current = shelved.current()
    return DataComponents({}) if current is None else shelved.components(current.release_id)


def crosswalk_of(site: Site) -> Crosswalk:
    """The crosswalk files, shipped and own, as one."""
    return read_crosswalk(disk_content(site).under(CROSSWALKS))


class LabelledRule(msgspec.Struct, frozen=True):
    """A rule and how each of its labels stands."""

    rule_id: str
    title: str
    where: str
    labels: tuple[Label, ...]

    @property
    def worst(self) -> LabelState:
        """The state that most needs somebody's attention."""
        return max((label.state for label in self.labels), key=ATTENTION.index)


ATTENTION = (
    LabelState.UNCHECKED,
    LabelState.CURRENT,
    LabelState.NEWER,
    LabelState.RENAMED,
    LabelState.DEPRECATED,
    LabelState.REVOKED,
    LabelState.UNKNOWN,
    LabelState.MALFORMED,
)
"""How much a state needs somebody's attention, rising."""


def labelled_rules(site: Site, folder: Path | None, labels: Labels) -> list[LabelledRule]:
    """Every readable rule that has ATT&CK labels: of `folder`, or of the content on disk."""
    from tocsin.detect.sigma import parse_rules  # noqa: PLC0415  # slow to load

    found = []
    for parsed in parse_rules(parts.rule_files(disk_content(site), folder)).rules:
        rule = parsed.rule
        if texts := (*rule.tactics, *rule.techniques):
            judged = tuple(labels.all(texts))
            found.append(LabelledRule(rule.rule_id, rule.title, rule.where, judged))
    return found


def check_labels(site: Site) -> list[Problem]:
    """Notes about labels of the rules on disk; none while no release is loaded."""
    labels = labels_of(site)
    if labels.release is None:
        return []
    return label_notes(labelled_rules(site, None, labels))


def label_states(site: Site, folder: Path | None) -> dict[str, str]:
    """By rule id: how its labels stand, in a few words; each that is not current by name."""
    rules = labelled_rules(site, folder, labels_of(site))
    return {rule.rule_id: _in_brief(rule) for rule in rules}


def _in_brief(rule: LabelledRule) -> str:
    odd = [label for label in rule.labels if label.state is not LabelState.CURRENT]
    if all(label.state is LabelState.UNCHECKED for label in odd):
        return LabelState.UNCHECKED.value if odd else LabelState.CURRENT.value
    return ", ".join(f"{label.text} {label.state.value}" for label in odd)


def label_notes(rules: Iterable[LabelledRule]) -> list[Problem]:
    """A note for each rule with labels that its author should change."""
    return [
        Problem(rule.where, "; ".join(map(explain, bad)), "note")
        for rule in rules
        if (bad := [label for label in rule.labels if label.faulty])
    ]


def release_title(release: Release) -> str:
    """`ATT&CK 18.1`, or by its newest change where the bundle says no version."""
    if release.version:
        return f"ATT&CK {release.version}"
    day = datetime.fromtimestamp(release.modified // 1_000_000, UTC)
    return f"ATT&CK of {day:%Y-%m-%d}" if release.modified else "ATT&CK without a date"


def remarks(labels: Labels, texts: Iterable[str]) -> list[str]:
    """What there is to say of these labels; nothing of current ones, nor while none is checked."""
    quiet = (LabelState.CURRENT, LabelState.UNCHECKED)
    return [explain(label) for label in labels.all(texts) if label.state not in quiet]


def explain(label: Label) -> str:
    """`T1100 is renamed: this release calls it T1505.003 Web Shell`."""
    return f"{label.text} is {label.state.value}" + (f": {label.note}" if label.note else "")
