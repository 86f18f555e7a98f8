"""Some rules, and what they need to mean what they mean."""

from typing import Any

import yaml

from tocsin.app.selecting import documents, needed
from tocsin.model.content import ContentFile, ContentSet

DETECTION = {"sel": {"F": "a"}, "condition": "sel"}


def file(name: str, *trees: dict[str, Any]) -> ContentFile:
    return ContentFile(f"rules/{name}", yaml.safe_dump_all(trees).encode(), "site")


def rule(name: str, **more: Any) -> dict[str, Any]:
    return {"title": name, "id": f"id-{name}", "name": name, "detection": DETECTION, **more}


def over(name: str, **section: Any) -> dict[str, Any]:
    return {"title": name, "id": f"id-{name}", "name": name, "correlation": section}


CONTENT = ContentSet.of(
    [
        file("a.yml", rule("a")),
        file("b.yml", rule("b")),
        file("c.yml", rule("c")),
        file("c.tests.yaml", {"match": [{"F": "a"}], "no_match": [{"F": "id-a"}]}),
        file("inner.yml", over("inner", type="event_count", rules=["a", "id-b"])),
        file("outer.yml", over("outer", type="temporal", condition="inner and not c")),
        file("leave.yml", {"title": "f", "id": "id-f", "filter": {"rules": "any"}}),
        file("placeholders.yaml", {"Admins": ["x"]}),
    ]
)
ALWAYS = {"leave.yml", "placeholders.yaml"}


def names(*rule_ids: str, **coming: dict[str, Any]) -> set[str]:
    files = {f"rules/{name}.yml": yaml.safe_dump(tree).encode() for name, tree in coming.items()}
    return {place.rpartition("/")[2] for place, _ in needed(CONTENT, rule_ids, files)}


def test_a_rule_comes_with_filters_and_placeholders() -> None:
    assert names("id-c") == {"c.yml"} | ALWAYS
    assert names("nothing") == ALWAYS


def test_a_correlation_comes_with_all_below_it() -> None:
    assert names("id-inner") == {"inner.yml", "a.yml", "b.yml"} | ALWAYS
    whole = {"outer.yml", "inner.yml", "a.yml", "b.yml", "c.yml"}
    assert names("id-outer") == whole | ALWAYS
    assert names("id-new", new=over("new", rules=["id-a"])) == {"new.yml", "a.yml"} | ALWAYS


def test_what_comes_stands_in_for_what_is_there() -> None:
    changed = rule("a", level="high")
    for name in ("a", "elsewhere"):
        found = needed(CONTENT, ["id-a"], {f"rules/{name}.yml": yaml.safe_dump(changed).encode()})
        rules = [one for place, data in found for one in documents(place, data)]
        assert [one.level for one in rules if one.rule_id == "id-a"] == ["high"]
