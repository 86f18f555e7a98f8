"""The guard refuses what it cannot evaluate; more gaps never open it."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tocsin.model.readiness import (
    Asked,
    Fit,
    Gap,
    Override,
    Refused,
    Scope,
    SourceReadiness,
    Use,
    guard,
    keys_from_json,
    keys_to_json,
    readiness_from_json,
    readiness_to_json,
    touches,
)

NAMES = st.sampled_from(["", "a", "b"])
SCOPES = st.builds(Scope, NAMES, NAMES, NAMES, NAMES, NAMES)
GAPS = st.builds(
    Gap, st.just("field"), st.just(0.5), st.just(0.1), st.just(0), st.just("it is missing"),
    st.just("mend it"), scope=SCOPES,
)  # fmt: skip
TUPLES = st.lists(st.sampled_from(["a", "b"]), max_size=2).map(tuple)
ASKED = st.builds(Asked, st.sampled_from(["s", "t"]), TUPLES, TUPLES, NAMES, NAMES, TUPLES)
USES = st.sampled_from(list(Use))
TIMES = st.integers(0, 100)


def ready(gaps: tuple[Gap, ...] = (), source: str = "s", use: Use = Use.AUTONOMY):
    return SourceReadiness(source, use, 10, 50, gaps)


def known(*all_of: SourceReadiness):
    return {(one.source_id, one.use): one for one in all_of}


@given(st.lists(GAPS, max_size=4), st.lists(GAPS, max_size=3), st.lists(ASKED, max_size=3), TIMES)
def test_more_gaps_never_open_it(gaps, more, asked, now):
    before = guard(asked, Use.AUTONOMY, known(ready(tuple(gaps))), (), now)
    after = guard(asked, Use.AUTONOMY, known(ready((*gaps, *more))), (), now)
    assert not (isinstance(before, Refused) and isinstance(after, Fit))


@given(st.lists(ASKED, max_size=3), USES, TIMES)
def test_what_is_missing_expired_or_of_another_form_refuses(asked, use, now):
    assert isinstance(guard(asked, use, {}, (), now), Refused)
    unreadable = {(one.source_id, use): "fit" for one in asked}
    assert isinstance(guard(asked, use, unreadable, (), now), Refused)
    swapped = {(one.source_id, use): ready(source="other", use=use) for one in asked}
    assert isinstance(guard(asked, use, swapped, (), now), Refused)
    late = {(one.source_id, use): ready(source=one.source_id, use=use) for one in asked}
    assert isinstance(guard(asked, use, late, (), max(now, 50)), Refused)


def word(covers, source="s", use=Use.AUTONOMY, made=0, until=100, *, person="p", reason="r"):  # noqa: PLR0913 - all that an override says
    return Override(source, use, person, reason, made, until, tuple(gap.key for gap in covers))


@given(st.lists(GAPS, min_size=1, max_size=3), TIMES, TIMES, TIMES, USES, st.sampled_from("st"))
def test_an_override_counts_for_its_source_and_use_until_it_ends(
    gaps, made, until, now, use, whose
):
    mine = word(gaps, whose, use, made, until)
    answer = guard([Asked("s")], Use.AUTONOMY, known(ready(tuple(gaps))), [mine], now)
    holds = whose == "s" and use is Use.AUTONOMY and made <= now < until and 10 <= now < 50
    assert isinstance(answer, Fit) == holds
    if isinstance(answer, Fit):
        assert answer.overrides == (mine,)


@given(st.lists(GAPS, max_size=3), st.lists(GAPS, max_size=3), st.lists(ASKED, max_size=3), TIMES)
def test_an_override_opens_nothing_that_it_does_not_name(covered, gaps, asked, now):
    """With it the guard says what it would say if exactly the named gaps were not there."""
    named = {gap.key for gap in covered}
    rest = tuple(gap for gap in gaps if gap.key not in named)
    given_ = guard(asked, Use.AUTONOMY, known(ready(tuple(gaps))), [word(covered)], now)
    without = guard(asked, Use.AUTONOMY, known(ready(rest)), (), now)
    assert isinstance(given_, Fit) == isinstance(without, Fit)


@given(st.lists(GAPS, max_size=3), st.lists(ASKED, min_size=1, max_size=3), TIMES)
def test_no_override_covers_readiness_that_does_not_count(gaps, asked, now):
    words = [word(gaps, source) for source in ("s", "t")]
    assert isinstance(guard(asked, Use.AUTONOMY, {}, words, now), Refused)
    unreadable = {(one.source_id, Use.AUTONOMY): "fit" for one in asked}
    assert isinstance(guard(asked, Use.AUTONOMY, unreadable, words, now), Refused)
    other = {(one.source_id, Use.AUTONOMY): ready(tuple(gaps), "other") for one in asked}
    assert isinstance(guard(asked, Use.AUTONOMY, other, words, now), Refused)
    late = known(ready(tuple(gaps)), ready(tuple(gaps), "t"))
    assert isinstance(guard(asked, Use.AUTONOMY, late, words, max(now, 50)), Refused)


def test_a_clock_that_drifts_later_is_not_covered():
    place = Gap("place", 1, 0, 0, "wrong directory", "mend it", scope=Scope(unit="plant"))
    clock = Gap("clock", 3_600, 300, 0, "an hour off", "set it", scope=Scope(host="ws1"))
    later = known(ready((place, clock)))
    assert isinstance(
        guard([Asked("s")], Use.AUTONOMY, known(ready((place,))), [word([place])], 20), Fit
    )
    answer = guard([Asked("s")], Use.AUTONOMY, later, [word([place])], 20)
    assert answer == Refused(("s: an hour off (host ws1)",))
    both = guard([Asked("s")], Use.AUTONOMY, later, [word([place]), word([clock])], 20)
    assert both == Fit((word([place]), word([clock])))


@given(st.lists(GAPS, min_size=1, max_size=3))
def test_an_override_without_person_or_reason_is_none(gaps):
    state = known(ready(tuple(gaps)))
    for person, reason in (("", "x"), ("x", "")):
        mine = word(gaps, person=person, reason=reason)
        assert isinstance(guard([Asked("s")], Use.AUTONOMY, state, [mine], 20), Refused)


@given(st.lists(GAPS, max_size=3))
def test_what_an_override_covers_is_stored_and_rubbish_covers_nothing(gaps):
    keys = tuple(gap.key for gap in gaps)
    assert keys_from_json(keys_to_json(keys)) == keys
    assert keys_from_json(keys_to_json(keys)[:-1]) == ()


@given(SCOPES, ASKED)
def test_what_is_not_known_is_touched(scope, asked):
    gap = Gap("field", 1, 0, 0, "c", "f", scope=scope)
    assert touches(msgspec.structs.replace(gap, scope=Scope()), asked)
    if touches(gap, asked):
        assert touches(gap, Asked(asked.source_id))


def test_a_gap_of_one_unit_leaves_the_others_alone():
    gap = Gap("place", 1, 0, 0, "wrong directory", "mend it", scope=Scope(unit="plant"))
    state = known(ready((gap,)))
    assert isinstance(guard([Asked("s", unit="plant")], Use.AUTONOMY, state, (), 20), Refused)
    assert guard([Asked("s", unit="office")], Use.AUTONOMY, state, (), 20) == Fit()
    refused = guard([Asked("s")], Use.AUTONOMY, state, (), 20)
    assert refused == Refused(("s: wrong directory (unit plant)",))


def test_a_field_is_touched_by_what_is_above_and_below_it():
    gap = Gap("field", 1, 0, 0, "c", "f", scope=Scope(field="user.name"))
    assert touches(gap, Asked("s", fields=("user",)))
    assert touches(gap, Asked("s", fields=("user.name",)))
    assert not touches(gap, Asked("s", fields=("user_agent",)))


@given(st.lists(GAPS, max_size=3))
def test_it_is_stored_as_it_is_and_rubbish_is_not_read(gaps):
    one = ready(tuple(gaps))
    assert readiness_from_json(readiness_to_json(one)) == one
    assert readiness_from_json(readiness_to_json(one)[:-1]) is None


def test_every_source_of_a_finding_must_be_fit():
    state = known(ready(), ready((Gap("silence", 1, 0, 0, "silent", "f"),), source="t"))
    assert isinstance(guard([Asked("s"), Asked("t")], Use.AUTONOMY, state, (), 20), Refused)
    assert isinstance(guard([], Use.AUTONOMY, state, (), 20), Refused)
