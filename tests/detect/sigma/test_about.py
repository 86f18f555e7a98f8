"""What a document says about itself."""

from datetime import date

from tocsin.detect.sigma.about import about, digest_of, status_of, unreadable
from tocsin.model.findings import Level
from tocsin.model.rules import RuleState


def test_tags_level_and_name() -> None:
    found = about(
        "w",
        {
            "id": 7,
            "title": "T",
            "name": "n",
            "level": "HIGH",
            "tags": ["attack.T1059.001", "attack.defense_evasion", "cve.2024.1", 3],
        },
    )
    assert (found.rule_id, found.name, found.level, found.leveled) == ("7", "n", Level.HIGH, True)
    assert (found.techniques, found.tactics) == (("T1059.001",), ("defense-evasion",))


def test_what_is_left_out_has_a_default() -> None:
    found = about("w.yml", {})
    assert (found.title, found.level, found.leveled) == ("w.yml", Level.INFORMATIONAL, False)
    assert found.rule_id == f"unnamed-{found.digest}"


def test_a_digest_knows_the_order_of_no_key() -> None:
    assert digest_of({"a": 1, "b": date(2024, 1, 1)}) == digest_of({"b": date(2024, 1, 1), "a": 1})
    assert digest_of({"a": 1}) != digest_of({"a": True})


def test_statuses() -> None:
    rule = about("w", {"id": "i", "title": "t"})
    assert status_of(rule, RuleState.INACTIVE, "why").reason == "why"
    assert unreadable("w", "why").state is RuleState.UNSUPPORTED


def test_cve_tags_are_kept_in_cve_s_own_form() -> None:
    tags = ["attack.t1190", "cve.2021-44228", "CVE.2021.45046", "cve.2021-44228", 5, "detection.x"]
    assert about("x", {"tags": tags}).cves == ("CVE-2021-44228", "CVE-2021-45046")
    assert about("x", {"tags": "cve.2021-44228"}).cves == ()
