"""What people read: facts in order, in plain words, and nothing that steers a screen."""

from tests.correlate.findings import HOUR, MINUTE, SECOND, address, finding, host, process, user
from tests.correlate.test_incidents import grouped

from tocsin.model.findings import Finding, Level, Match
from tocsin.model.incidents import Incident


def told(*findings: Finding) -> Incident:
    [incident] = grouped(*findings).incidents.values()
    return incident


def attack() -> list[Finding]:
    shell = process("g1", "powershell.exe")
    about = (host("ws05"), user("pgustavo"), shell)
    return [
        finding(
            1,
            0,
            *about,
            rule="encoded",
            matched=(Match("CommandLine", "contains", "-enc AAA"),),
            tactics=("execution",),
        ),
        finding(
            2,
            2 * MINUTE,
            *about,
            address("203.0.113.9", "destination"),
            rule="beacon",
            level=Level.MEDIUM,
            tactics=("command-and-control",),
        ),
        finding(
            3,
            2 * MINUTE + 5 * SECOND,
            *about,
            address("203.0.113.9", "destination"),
            rule="beacon",
            level=Level.MEDIUM,
            tactics=("command-and-control",),
        ),
        finding(
            4, 3 * HOUR, *about, rule="dump", level=Level.CRITICAL, tactics=("credential-access",)
        ),
    ]


def test_a_story_says_who_where_what_first_and_what_then() -> None:
    assert told(*attack()).story == (
        "On ws05, involving THESHIRE\\pgustavo, 4 findings of 3 rules "
        "between 2023-11-14 22:13:20 UTC and 2023-11-15 01:13:20 UTC. "
        "At 22:13:20 UTC on ws05, pgustavo's powershell.exe, “-enc AAA”: Title of encoded. "
        "2 minutes later, pgustavo's powershell.exe: Title of beacon (2 times). "
        "2 hours later, pgustavo's powershell.exe: Title of dump. "
        "Tactics in order: execution, command-and-control, credential-access. "
        "Techniques: T1059.001. Addresses: 203.0.113.9."
    )


def test_the_title_is_the_worst_finding_and_how_much_more() -> None:
    assert told(*attack()).title == "Title of dump on ws05 and 2 more"
    assert told(attack()[0]).title == "Title of encoded on ws05"


def test_the_timeline_is_in_order_and_repeats_are_one_line() -> None:
    lines = told(*reversed(attack())).timeline
    assert [(line.title, line.count) for line in lines] == [
        ("Title of encoded", 1),
        ("Title of beacon", 2),
        ("Title of dump", 1),
    ]


def test_text_of_the_log_is_shown_and_steers_nothing() -> None:
    evil = Match("CommandLine", "contains", "a\x1b]0;x\x07\u202e\nfake line")
    incident = told(finding(1, 0, host("ws05"), rule="r\x1b", matched=(evil,)))
    for text in (incident.story, incident.title, incident.timeline[0].detail):
        assert text.isprintable()
    assert "a\\x1b]0;x\\x07\\u202e fake line" in incident.story


def test_a_long_story_tells_the_worst_and_counts_the_rest() -> None:
    many = [
        finding(n, n * SECOND, host("ws05"), user("ann"), rule=f"rule{n:02}", level=Level.MEDIUM)
        for n in range(40)
    ]
    worst = finding(99, 39 * SECOND + 1, host("ws05"), user("ann"), rule="worst")
    story = told(*many, worst).story
    assert "Title of worst" in story
    assert "29 more steps can be read in the timeline." in story
    assert len(story) < 4_000


def test_an_incident_without_host_person_or_program() -> None:
    incident = told(finding(1, 0))
    assert incident.title == "Title of rule"
    assert incident.story.startswith("On hosts that the logs do not name 1 finding of 1 rule at ")
