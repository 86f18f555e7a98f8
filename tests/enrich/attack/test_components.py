"""Data components of a release, and which events are which."""

import json
from typing import Any

import pytest

from tocsin.content import load
from tocsin.enrich.attack.components import (
    component_errors,
    read_component_rules,
    read_data_components,
)
from tocsin.errors import ContentError
from tocsin.model.content import ContentFile
from tocsin.normalize.ocsf.schema import ocsf_schema

COMPONENT = {"type": "x-mitre-data-component", "id": "dc--1", "name": "Process Creation"}


def technique(number: str, **more: Any) -> dict[str, Any]:
    reference = {"source_name": "mitre-attack", "external_id": number}
    return {
        "type": "attack-pattern",
        "id": f"ap--{number}",
        "external_references": [reference],
        **more,
    }


def detects(source: str, target: str) -> dict[str, Any]:
    ends = {"source_ref": source, "target_ref": f"ap--{target}"}
    return {
        "type": "relationship",
        "id": f"r--{source}{target}",
        "relationship_type": "detects",
        **ends,
    }


def read(*objects: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    return read_data_components(
        json.dumps({"type": "bundle", "objects": objects}).encode()
    ).of_technique


def test_a_release_says_it_in_three_ways() -> None:
    old = technique("T1001", x_mitre_data_sources=["Process: Process Creation"])
    middle = [technique("T1002"), COMPONENT, detects("dc--1", "T1002")]
    strategy = {
        "type": "x-mitre-detection-strategy",
        "id": "ds--1",
        "x_mitre_analytic_refs": ["an--1"],
    }
    sources = [{"x_mitre_data_component_ref": "dc--1"}, {"x_mitre_data_component_ref": "gone"}]
    analytic = {"type": "x-mitre-analytic", "id": "an--1", "x_mitre_log_source_references": sources}
    new = [technique("T1003"), strategy, analytic, detects("ds--1", "T1003")]
    found = read(old, *middle, *new)
    assert found == dict.fromkeys(("T1001", "T1002", "T1003"), ("Process Creation",))


def test_what_is_gone_or_unreadable_says_nothing() -> None:
    gone = {**COMPONENT, "x_mitre_deprecated": True}
    assert read(technique("T1002"), gone, detects("dc--1", "T1002"), {"type": 7}) == {}
    assert read(technique("T1002", revoked=True), COMPONENT, detects("dc--1", "T1002")) == {}
    with pytest.raises(ContentError):
        read_data_components(b"[]")


def test_the_shipped_table_names_what_ocsf_has() -> None:
    files = [one for one in load(None).files if one.path.startswith("attack/")]
    assert component_errors(files) == []
    schema = ocsf_schema()
    known = {one.path.split("/")[1] for one in load(None).files if one.path.startswith("sources/")}
    for rule in read_component_rules(files):
        for way in rule.ways:
            captions = schema.classes[way.class_name].attributes["activity_id"].enum.values()
            assert set(way.activities) <= set(captions), rule.component
            assert set(way.sources) <= known, rule.component
            for need in way.needs:
                assert schema.attribute(way.class_name, tuple(need.split("."))), need


@pytest.mark.parametrize(
    "text",
    ["a: b", "- component: X", "- {component: X, from: [{activities: [a]}]}",
     "- {component: X, from: [{class: a, needs: b}]}",
     "- {component: X, from: [{class: a, odd: 1}]}"],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(text: str) -> None:
    [error] = component_errors([ContentFile("attack/my_components.yaml", text.encode(), "site")])
    assert "components.yaml:1" in error.where
