"""How a label stands towards the loaded release.

- A label that the release knows is judged by the release alone.
- One that it does not know is `newer` when its number lies beyond what the release had given out,
  or when a crosswalk says that a later release made it; that is no fault of the rule.
- Numbers are given out rising and shared by all matrices, so that a gap below the highest is an id
  of another matrix or a slip: `unknown`.
"""

import re
from collections.abc import Iterable

from tocsin.enrich.attack.bundle import TECHNIQUE_ID
from tocsin.model.attack import Crosswalk, Label, LabelState, Release, Tactic, Technique

AHEAD = 300
"""How far beyond the highest number of a release an id may lie; ten years gave out 680."""

REMEMBERED = 10_000
"""Labels whose judgement is kept; a rule set has about 400."""

SUBS_AHEAD = 30
"""The same for the sub-techniques of one technique; the most that one has is about 20."""

_TACTIC = re.compile(r"[a-z]+(-[a-z]+)*")
_OTHER = re.compile(r"(G|S|C|M|DS|DC|DET|AN)[0-9]{4}")
_ICS = re.compile(r"T0[0-9]{3}(\.[0-9]{3})?")


class Labels:
    """Judges labels by one release (None: none is loaded) and what is known to have moved."""

    def __init__(
        self, release: Release | None, crosswalk: Crosswalk, earlier: Iterable[Release] = ()
    ) -> None:
        """`earlier` are older releases, newest first: they tell which names changed."""
        self.release = release
        self._earlier = _names_before(earlier)
        self._crosswalk = crosswalk
        self._techniques = {t.technique_id: t for t in release.techniques} if release else {}
        self._tactics = {t.shortname: t for t in release.tactics} if release else {}
        self._tactic_ids = {t.tactic_id: t for t in self._tactics.values()}
        self._judged: dict[str, Label] = {}
        self._highest = max((_number(known) for known in self._techniques), default=0)

    def judge(self, text: str) -> Label:
        """How one label stands, whether technique or tactic, in any case of letters."""
        known = self._judged.get(text)
        if known is None:
            known = self._judge(text)
            if len(self._judged) < REMEMBERED:
                self._judged[text] = known
        return known

    def _judge(self, text: str) -> Label:
        technique, tactic = text.strip().upper(), text.strip().lower().replace("_", "-")
        if TECHNIQUE_ID.fullmatch(technique):
            known = self._techniques.get(technique)
            return self._known(known) if known else self._absent(technique)
        if technique in self._tactic_ids:
            return self._column(self._tactic_ids[technique])
        if _TACTIC.fullmatch(tactic):
            column = self._tactics.get(tactic)
            return self._column(column) if column else self._no_column(tactic)
        if _OTHER.fullmatch(technique):
            return Label(technique, LabelState.UNCHECKED, note="neither technique nor tactic")
        return Label(text, LabelState.MALFORMED, note="neither a technique's id nor a tactic")

    def all(self, texts: Iterable[str]) -> list[Label]:
        """How these labels stand, each once, in their order."""
        return [self.judge(text) for text in dict.fromkeys(texts)]

    def _known(self, known: Technique) -> Label:
        text, name, tactics = known.technique_id, known.name, known.tactics
        if known.active:
            before = self._earlier.get(text, name)
            if before.casefold() != name.casefold():
                return Label(text, LabelState.RENAMED, name, tactics, note=f"once named {before}")
            later = self._crosswalk.newer(text)
            note = f"a later release calls it {_either(later)}" if later else ""
            return Label(text, LabelState.CURRENT, name, tactics, later, note)
        heirs = self._heirs(known)
        if heirs:
            found = [self._techniques[heir] for heir in heirs]
            inherited = tuple(dict.fromkeys(t for one in found for t in one.tactics))
            called = _either([f"{one.technique_id} {one.name}" for one in found])
            note = f"this release calls it {called}"
            return Label(text, LabelState.RENAMED, name, inherited, heirs, note)
        state = LabelState.REVOKED if known.revoked else LabelState.DEPRECATED
        return Label(text, state, name, tactics, note="nothing that is active replaces it")

    def _heirs(self, known: Technique) -> tuple[str, ...]:
        """Active techniques at the ends of the chains of `revoked-by` and of the crosswalk."""
        waiting, seen, heirs = [known.technique_id], set[str](), list[str]()
        while waiting:
            here = waiting.pop(0)
            one = self._techniques.get(here)
            if here in seen or one is None:
                continue
            seen.add(here)
            if one.active:
                heirs.append(here)
            else:
                waiting += one.successors or self._crosswalk.newer(here)
        return tuple(heirs)

    def _absent(self, text: str) -> Label:
        if self.release is None:
            return Label(text, LabelState.UNCHECKED, note="no ATT&CK release is loaded")
        older = tuple(old for old in self._crosswalk.older(text) if old in self._techniques)
        if older:
            names = _either([f"{old} {self._techniques[old].name}" for old in older])
            tactics = tuple(dict.fromkeys(t for o in older for t in self._techniques[o].tactics))
            note = f"later than the loaded release, which calls it {names}"
            return Label(text, LabelState.NEWER, "", tactics, older, note)
        newer = tuple(new for new in self._crosswalk.newer(text) if new in self._techniques)
        if newer:
            names = _either([f"{new} {self._techniques[new].name}" for new in newer])
            return Label(text, LabelState.RENAMED, "", (), newer, f"this release calls it {names}")
        if self._plausible(text):
            return Label(text, LabelState.NEWER, note="later than the loaded release")
        return Label(text, LabelState.UNKNOWN, note=self._why(text))

    def _plausible(self, text: str) -> bool:
        """Whether a later release can have given out this id."""
        head, dot, sub = text.partition(".")
        known = self._techniques.get(head)
        if known is None:
            ahead = self._highest < _number(head) <= self._highest + AHEAD
            return ahead and (not dot or int(sub) > 0)
        given = [int(t.partition(".")[2]) for t in self._techniques if t.startswith(f"{head}.")]
        return max(given, default=0) < int(sub) <= max(given, default=0) + SUBS_AHEAD

    def _why(self, text: str) -> str:
        if _ICS.fullmatch(text):
            return "an id of the ICS matrix; the enterprise release is loaded"
        if _number(text) > self._highest + AHEAD:
            return "its number is far beyond any release"
        return "the release has later numbers, but not this one: of another matrix, or a slip"

    def _column(self, column: Tactic) -> Label:
        later = self._crosswalk.newer(column.shortname)
        note = f"a later release calls it {_either(later)}" if later else ""
        shortname = column.shortname
        return Label(shortname, LabelState.CURRENT, column.name, (shortname,), later, note)

    def _no_column(self, text: str) -> Label:
        if self.release is None:
            return Label(text, LabelState.UNCHECKED, note="no ATT&CK release is loaded")
        older = tuple(old for old in self._crosswalk.older(text) if old in self._tactics)
        if older:
            note = f"later than the loaded release, which calls it {_either(older)}"
            return Label(text, LabelState.NEWER, "", (), older, note)
        newer = tuple(new for new in self._crosswalk.newer(text) if new in self._tactics)
        if newer:
            note = f"this release calls it {_either(newer)}"
            return Label(text, LabelState.RENAMED, "", newer, newer, note)
        return Label(text, LabelState.UNKNOWN, note="the release has no tactic of this name")


def _names_before(earlier: Iterable[Release]) -> dict[str, str]:
    """What the newest of these releases called each technique that it knew as active."""
    names: dict[str, str] = {}
    for release in earlier:
        for one in release.techniques:
            if one.active:
                names.setdefault(one.technique_id, one.name)
    return names


def _number(technique_id: str) -> int:
    return int(technique_id[1:5])


def _either(names: Iterable[str]) -> str:
    return " or ".join(names)
