"""What the terminal is told: news once, in words that cannot steer it."""

import pytest

from tocsin.app.telling import Teller
from tocsin.model.findings import Level
from tocsin.model.incidents import Incident


def incident(name: str, level: Level, story: str = "On ws01, something.") -> Incident:
    return Incident(
        incident_id=name,
        site="t",
        title=f"Title of {name}",
        level=level,
        entities=(),
        techniques=(),
        tactics=("execution",),
        first=0,
        last=0,
        finding_count=1,
        rules=(),
        timeline=(),
        links=(),
        story=story,
    )


@pytest.fixture
def told(capsys):
    return lambda: capsys.readouterr().out


def test_an_incident_is_told_when_it_opens_and_when_it_gets_worse(told):
    teller = Teller([])
    teller.tell([incident("inc-a", Level.MEDIUM)], [])
    assert told().startswith("new incident inc-a  medium  Title of inc-a")
    teller.tell([incident("inc-a", Level.MEDIUM)], [])
    assert told() == ""
    teller.tell([incident("inc-a", Level.CRITICAL)], [])
    assert told().startswith("worse incident inc-a  critical")


def test_low_incidents_and_those_of_before_are_not_told(told):
    teller = Teller([incident("inc-old", Level.HIGH)])
    teller.tell([incident("inc-old", Level.HIGH), incident("inc-low", Level.LOW)], [])
    assert told() == ""


def test_an_incident_that_is_part_of_another_is_said_once(told):
    teller = Teller([incident("inc-a", Level.HIGH), incident("inc-b", Level.HIGH)])
    teller.tell([], [("inc-b", "inc-a"), ("inc-b", "inc-a"), ("inc-unknown", "inc-a")])
    assert told() == "incident inc-b is part of inc-a\n\n"


def test_a_story_cannot_steer_the_terminal(told):
    Teller([]).tell([incident("inc-a", Level.HIGH, "\x1b[2J\u202egone")], [])
    said = told()
    assert "\x1b" not in said
    assert "\u202e" not in said
