from tests.correlate.findings import MINUTE, finding, host, process, user
from tests.correlate.test_incidents import grouped

from tocsin.model.findings import Entity, Level
from tocsin.model.incidents import incident_from_bytes, incident_to_bytes


def test_hosts_and_people_come_first_and_a_process_known_by_two_keys_is_one() -> None:
    both = (
        Entity("process", "aa-1", "a.exe (42)"),
        Entity("process", "ws01#42", "a.exe (42)"),
        Entity("file", "ws01|c:\\x", "C:\\x", "target"),
    )
    [incident] = grouped(finding(1, 0, *both, user("ann"), host("ws01"))).incidents.values()
    assert [entity.kind for entity in incident.entities] == ["host", "user", "process", "file"]
    assert incident_from_bytes(incident_to_bytes(incident)) == incident


def test_a_process_is_shown_by_the_name_that_any_event_gave_it() -> None:
    [incident] = grouped(
        finding(1, 0, host("ws01"), Entity("process", "ws01#42", "process 42")),
        finding(2, 0, host("ws01"), Entity("process", "ws01#42", "zsh (42)")),
    ).incidents.values()
    assert [e.name for e in incident.entities if e.kind == "process"] == ["zsh (42)"]


def test_rules_are_counted_over_all_their_steps_the_worst_first() -> None:
    about = (host("ws01"), user("ann"))
    [incident] = grouped(
        *(
            finding(
                n,
                n * MINUTE,
                *about,
                process(f"g{n}", f"{n}.exe"),
                rule="often",
                level=Level.MEDIUM,
            )
            for n in range(7)
        ),
        finding(99, 7 * MINUTE, *about, rule="once", level=Level.CRITICAL),
    ).incidents.values()
    assert [(rule.rule_id, rule.count) for rule in incident.rules] == [("once", 1), ("often", 7)]
    assert incident.rules[1].finding_ids == tuple(f"{n:032x}" for n in range(5))
    assert incident.level is Level.CRITICAL
    assert incident.finding_count == 8
