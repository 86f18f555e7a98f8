"""TLP out of marking definitions: the fixed ones of STIX 2.1 (TLP 1.0) and of OASIS (TLP 2.0)."""

from collections.abc import Callable, Iterable

from tocsin.enrich.intelligence.bundle import StixObject
from tocsin.model.intelligence import Tlp

_PREFIX = "marking-definition--"
_FIXED = {
    "613f2e26-407d-48c7-9eca-b8e91df99dc9": Tlp.CLEAR,
    "34098fce-860f-48ae-8e50-ebd3cc5e41da": Tlp.GREEN,
    "f88d31f6-486f-44da-b317-01333bde0b82": Tlp.AMBER,
    "5e57c739-391a-4eb3-b6be-7d15ca92d5ed": Tlp.RED,
    "94868c89-83c2-464b-929b-a1a8aa3c8487": Tlp.CLEAR,
    "bab4a63c-aed9-4cf5-a766-dfca5abac2bb": Tlp.GREEN,
    "55d920b0-5e8b-4f79-9ee9-91f868d9b421": Tlp.AMBER,
    "939a9414-2ddd-4d32-a0cd-375ea402b003": Tlp.AMBER_STRICT,
    "e828b379-4e03-4974-9ac4-e53a884c97c1": Tlp.RED,
}
"""STIX 2.1, section 7.2.1.4, then the STIX extension for TLP 2.0."""
_WORDS = {"white": Tlp.CLEAR} | {one.value: one for one in Tlp}


def tlp_word(text: str) -> Tlp | None:
    """A level as people write it: `TLP:AMBER+STRICT`, `white`, `red`."""
    return _WORDS.get(text.strip().lower().removeprefix("tlp:").replace("_", "+"))


def tlp_of_marking(one: StixObject) -> Tlp | None:
    """What a marking definition says of TLP; None for one about something else."""
    fixed = _FIXED.get(one.id.removeprefix(_PREFIX))
    if fixed is not None:
        return fixed
    if one.definition_type == "tlp":
        return tlp_word(str(one.definition.get("tlp", "")))
    for extension in one.extensions.values():
        if isinstance(extension, dict) and (word := extension.get("tlp_2_0")):
            return tlp_word(str(word))
    return tlp_word(one.name) if one.name.lower().startswith("tlp:") else None


def strictest(
    refs: Iterable[str], marking: Callable[[str], StixObject | None], least: Tlp | None
) -> Tlp | None:
    """The strictest level of some markings, at least `least`; `marking` knows definitions by id.

    A marking that nobody knows is taken for AMBER: its publisher wanted some limit.
    """
    found = [least] if least is not None else []
    for ref in refs:
        level = _FIXED.get(ref.removeprefix(_PREFIX))
        if level is None:
            known = marking(ref)
            level = tlp_of_marking(known) if known is not None else Tlp.AMBER
        if level is not None:
            found.append(level)
    return max(found, key=lambda one: one.rank, default=None)
