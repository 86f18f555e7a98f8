"""Readiness and overrides are kept as evidence, and a person's word stands in the journal."""

import pytest

from tocsin.app.readiness import evidence_of, override_evidence, overrides_of, readiness_of
from tocsin.model.evidence import OVERRIDE
from tocsin.model.readiness import (
    Gap,
    Override,
    Scope,
    SourceReadiness,
    Use,
    keys_to_json,
)
from tocsin.store import State

USE = Use.AUTONOMY


@pytest.fixture
def state(tmp_path) -> State:
    return State(tmp_path / "state.db")


def ready(issued: int, *gaps: Gap) -> SourceReadiness:
    return SourceReadiness("zeek", USE, issued, issued + 100, gaps)


def test_the_newest_readiness_counts_and_old_ones_go(state):
    gap = Gap("silence", 900, 600, 5, "nothing came", "look")
    with state.think("readiness") as tx:
        tx.put_evidence(evidence_of(ready(1)))
        tx.put_evidence(evidence_of(ready(50, gap)))
    [newest] = state.readiness.readiness()
    assert readiness_of([newest], 60) == {("zeek", USE): ready(50, gap)}
    assert readiness_of([newest], 150) == {}
    with state.think("readiness") as tx:
        tx.forget_readiness(["zeek:autonomy"], 120)
    assert len(state.evidence("readiness", "zeek:autonomy")) == 1


def test_evidence_that_was_altered_does_not_count(state):
    import msgspec

    evidence = evidence_of(ready(1, Gap("silence", 900, 600, 5, "nothing came", "look")))
    forged = msgspec.structs.replace(evidence, claims=evidence_of(ready(1)).claims)
    assert readiness_of([forged], 10) == {}


COVERS = (("place", Scope(unit="plant")), ("history", Scope()))


def test_an_override_is_journaled_and_ends_when_a_person_says_so(state):
    word = Override("zeek", USE, "mira", "the sensor is replaced on Friday", 10, 90, COVERS)
    state.readiness.override(override_evidence(word), 10, word.person, word.reason)
    assert overrides_of(state.readiness.overrides()) == [word]
    assert state.readiness.revoke("zeek:autonomy", 20, "mira", "it is back") == 1
    assert overrides_of(state.readiness.overrides()) == []
    assert state.readiness.revoke("zeek:autonomy", 21, "mira", "again") == 0
    kinds = [(r.kind, r.actor, r.subject) for r in state.journal.tail(10)]
    assert (OVERRIDE, "mira", "zeek:autonomy") in kinds
    assert (f"{OVERRIDE}-end", "mira", "zeek:autonomy") in kinds


def test_a_forged_override_does_not_count():
    import msgspec

    word = Override("zeek", USE, "mira", "reason", 10, 90, COVERS)
    evidence = override_evidence(word)
    assert overrides_of([msgspec.structs.replace(evidence, subject="zeek:detection")]) == []
    assert overrides_of([msgspec.structs.replace(evidence, claims={"reason": "other"})]) == []
    assert overrides_of([msgspec.structs.replace(evidence, subject="zeek:flying")]) == []
    assert overrides_of([msgspec.structs.replace(evidence, expires=900)]) == []
    assert overrides_of([msgspec.structs.replace(evidence, issuer="somebody")]) == []
    wider = {**evidence.claims, "covers": keys_to_json([("clock", Scope())]).decode()}
    assert overrides_of([msgspec.structs.replace(evidence, claims=wider)]) == []
