"""From what is published to what is looked for."""

import pytest

from tocsin.enrich.intelligence.bundle import Phase, Reference, StixObject, moment
from tocsin.enrich.intelligence.resolving import Decay, Related, confidence_of, resolve
from tocsin.model.intelligence import DAY, FeedSpec

FEED = FeedSpec("acme", "ACME", "taxii", confidence=40, tlp="green")
DECAY = Decay({"address": 7 * DAY, "hash": 700 * DAY}, floor=5, other=90 * DAY)
NOBODY = {}.get


def thing(kind, **more):
    return StixObject(type=kind, id=f"{kind}--1", created="2026-11-01T00:00:00Z", **more)


def indicator(pattern="[ipv4-addr:value = '198.51.100.7']", **more):
    settings = {"pattern": pattern, "pattern_type": "stix", "valid_from": "2026-11-02T00:00:00Z"}
    return thing("indicator", **settings | more)


ALONE = Related()


def made(one, related=ALONE, known=NOBODY):
    return resolve(one, related, FEED, DECAY, known).indicator


@pytest.mark.parametrize(
    ("given", "confidence"),
    [
        (None, 40), (85, 85), (300, 100), (-5, 0), ("High", 85), ("low", 15), ("none", 0),
        ("2 - Probably True", 70), ("6 - Truth cannot be judged", 40), ("certain", 100),
        ("70", 70), ("perhaps", 40), (True, 40),
    ],
)  # fmt: skip
def test_confidence_is_read_in_the_scales_of_stix(given, confidence):
    assert confidence_of(given, 40) == confidence


def test_what_it_relates_to_goes_along():
    technique = thing(
        "attack-pattern", external_references=(Reference("mitre-attack", "T1071.004"),)
    )
    actor = thing("threat-actor", name="Gull")
    phase = Phase("mitre-attack", "command-and-control")
    one = made(indicator(kill_chain_phases=(phase,)), Related((actor, technique)))
    assert (one.threats, one.techniques) == (("Gull",), ("T1071.004",))
    assert one.tactics == ("command-and-control",)
    assert made(indicator(), Related((actor,), (technique,))).techniques == ("T1071.004",)


def test_times_confidence_marking_and_source():
    identity = thing("identity", name="Their lab")
    one = made(
        indicator(
            valid_until="2026-12-01T00:00:00Z",
            created_by_ref=identity.id,
            object_marking_refs=("marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed",),
        ),
        Related(last_seen=moment("2026-11-05T00:00:00Z")),
        {identity.id: identity}.get,
    )
    assert one.until == moment("2026-12-01T00:00:00Z")
    assert one.basis == moment("2026-11-05T00:00:00Z")
    assert (one.source, one.tlp, one.confidence) == ("Their lab", "red", 40)
    assert made(indicator()).tlp == "green"


def test_it_ages_with_what_ages_fastest_in_it():
    pattern = f"[ipv4-addr:value = '198.51.100.7' OR file:hashes.MD5 = '{'a' * 32}']"
    assert made(indicator(pattern)).half_life == 7 * DAY
    assert made(indicator("[file:name = 'a.exe']")).half_life == 90 * DAY


def test_other_words_leave_its_identity_and_another_pattern_changes_it():
    first = made(indicator())
    assert made(indicator(name="Other", confidence=90)).digest == first.digest
    assert made(indicator("[ipv4-addr:value = '198.51.100.8']")).digest != first.digest


@pytest.mark.parametrize(
    "one",
    [indicator(revoked=True), indicator("[x:y = 'z']"), indicator(pattern_type="sigma")],
)
def test_what_is_not_looked_for_is_nothing(one):
    assert made(one) is None
