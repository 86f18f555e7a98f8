"""A small bundle of our own, in the form of ATT&CK's, with everything that labels can meet."""

import json
from typing import Any

MITRE = "mitre-attack"


def technique(number: str, name: str, *tactics: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "attack-pattern",
        "id": f"attack-pattern--{number}",
        "name": name,
        "modified": "2025-05-01T00:00:00.000Z",
        "external_references": [
            {"source_name": MITRE, "external_id": number},
            {"source_name": "a paper"},
        ],
        "kill_chain_phases": [{"kill_chain_name": MITRE, "phase_name": t} for t in tactics],
        **more,
    }


def tactic(number: str, short: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "x-mitre-tactic",
        "id": f"x-mitre-tactic--{number}",
        "name": short.replace("-", " ").title(),
        "modified": "2025-05-02T00:00:00.000Z",
        "external_references": [{"source_name": MITRE, "external_id": number}],
        "x_mitre_shortname": short,
        **more,
    }


def matrix(*tactics: str) -> dict[str, Any]:
    return {
        "type": "x-mitre-matrix",
        "id": "x-mitre-matrix--1",
        "name": "Own matrix",
        "modified": "2025-05-03T00:00:00.000Z",
        "external_references": [{"source_name": MITRE, "external_id": "enterprise-attack"}],
        "tactic_refs": [f"x-mitre-tactic--{number}" for number in tactics],
    }


def revoked_by(old: str, new: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "relationship",
        "id": f"relationship--{old}-{new}",
        "relationship_type": "revoked-by",
        "source_ref": f"attack-pattern--{old}",
        "target_ref": f"attack-pattern--{new}",
        **more,
    }


def collection(version: str) -> dict[str, Any]:
    return {
        "type": "x-mitre-collection",
        "id": "x-mitre-collection--1",
        "name": "Own collection",
        "x_mitre_version": version,
        "modified": "2025-06-01T00:00:00.000Z",
    }


OBJECTS = [
    tactic("TA0002", "execution"),
    tactic("TA0005", "defense-evasion"),
    tactic("TA0001", "initial-access"),
    matrix("TA0001", "TA0002", "TA0005"),
    technique("T1059", "Running things", "execution"),
    technique("T1059.001", "Running shells", "execution"),
    technique("T1059.003", "Running more shells", "execution"),
    technique("T1566", "Letters", "initial-access"),
    technique("T1600", "Hiding", "defense-evasion", "execution"),
    technique("T1086", "Old shells", "execution", revoked=True),
    technique("T1085", "Older shells", "execution", revoked=True),
    technique("T1064", "Given up", "execution", x_mitre_deprecated=True),
    technique("T1500", "Taken back", "execution", revoked=True),
    revoked_by("T1086", "T1059.001"),
    revoked_by("T1085", "T1086"),
    {"type": "malware", "id": "malware--1", "name": ["not", "looked", "at"]},
]


def bundle(objects: list[Any] | None = None, **more: Any) -> bytes:
    """A bundle as STIX 2.1 has it: without a version of its own."""
    listed = OBJECTS if objects is None else objects
    return json.dumps({"type": "bundle", "id": "bundle--1", "objects": listed, **more}).encode()
