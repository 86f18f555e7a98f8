"""More readings never open the guard, however many there are and wherever they are cut off."""

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.normalize.quality.test_measure import NOW, SECOND, envelope, logon, measured

from tocsin.model.quality import QUALITY, WHOLE, HostDelay, Measured, measured_to_bytes
from tocsin.model.readiness import Asked, Fit, Refused, Scope, Use, guard
from tocsin.model.sources import IdentitySpec, ProductSpec, SourceSpec
from tocsin.normalize.quality.days import Days
from tocsin.normalize.quality.fold import HOUR, MOST_HOSTS, QualityFold, Recent, recent_from_bytes
from tocsin.normalize.quality.judge import MOST_GAPS, Memory, judge, learned
from tocsin.normalize.quality.judge import measured as said_by
from tocsin.normalize.quality.measure import MOST_ODD
from tocsin.normalize.quality.readings import Reading
from tocsin.normalize.quality.thresholds import Thresholds

SOURCE = SourceSpec("s", "s", ProductSpec("s", ""), (), (), IdentitySpec())
LIMITS = {measure: {Use.AUTONOMY: 0.1} for measure in ("field", "format", "place", "schema")}
THRESHOLDS = Thresholds(
    measures={**LIMITS, "clock": {Use.AUTONOMY: 300.0}, "history": {Use.AUTONOMY: 81.0}}
)
KNOWN = learned(Days(), THRESHOLDS)

SCOPES = st.builds(
    Scope, st.sampled_from(["", "a"]), st.integers(0, 99).map("f{}".format),
    host=st.integers(0, 99).map("h{}".format),
)  # fmt: skip
READINGS = st.builds(
    Reading, st.sampled_from([*LIMITS]), st.sampled_from([0.05, 0.5, 0.9]), SCOPES, st.just(5),
    st.just("it is so"), st.just("mend it"),
)  # fmt: skip
ASKED = st.builds(
    Asked, st.just("s"), fields=st.integers(0, 99).map(lambda n: (f"f{n}",)),
    hosts=st.integers(0, 99).map(lambda n: (f"h{n}",)),
)  # fmt: skip


def issued(said, thresholds=THRESHOLDS, recent=None, now=NOW):
    found, _ = judge(
        SOURCE, recent or Recent(newest=NOW), KNOWN, Memory(), thresholds, now=now, said=list(said)
    )
    return {one.use: one for one in found}[Use.AUTONOMY]


def answer(said, asked, thresholds=THRESHOLDS):
    one = issued(said, thresholds)
    return guard([asked], Use.AUTONOMY, {("s", Use.AUTONOMY): one}, (), NOW + 1)


WITHOUT_HISTORY = Thresholds(measures=LIMITS)


@settings(max_examples=60)
@given(st.lists(READINGS, max_size=90), READINGS, st.integers(0, 90), ASKED)
def test_one_more_reading_never_turns_refused_into_fit(said, more, at, asked):
    before = answer(said, asked, WITHOUT_HISTORY)
    after = answer([*said[:at], more, *said[at:]], asked, WITHOUT_HISTORY)
    assert not (isinstance(before, Refused) and isinstance(after, Fit))


@settings(max_examples=60)
@given(st.lists(READINGS, min_size=40, max_size=120))
def test_whatever_is_too_much_is_refused_and_told_within_bounds(said):
    one = issued(said)
    assert len(one.gaps) <= MOST_GAPS
    assert "history" in {gap.measure for gap in one.gaps}
    for reading in said:
        if reading.value > 0.1:
            scope = reading.scope
            asked = Asked("s", (scope.class_name,) if scope.class_name else (), (scope.field,),
                          hosts=(scope.host,))  # fmt: skip
            found = guard([asked], Use.AUTONOMY, {("s", Use.AUTONOMY): one}, (), NOW + 1)
            assert isinstance(found, Refused)


def test_history_is_told_beside_a_hundred_gaps_and_the_rest_is_one_gap_of_the_source():
    said = [Reading("field", 0.5, Scope(field=f"f{n}"), 5, "gone", "mend it") for n in range(100)]
    one = issued(said)
    assert [gap.measure for gap in one.gaps[:2]] == ["history", "field"]
    assert one.gaps[1].scope == Scope()
    assert "and 38 more gaps of this measure" in one.gaps[1].cause
    assert isinstance(answer(said, Asked("s", fields=("other",))), Refused)
    few = answer(said[:20], Asked("s", fields=("other",)), WITHOUT_HISTORY)
    assert few == Fit()


def folded(rows) -> Recent:
    table = pa.RecordBatch.from_pylist(rows, schema=QUALITY)
    state, _ = QualityFold().step(None, table, watermark=0, now=0)
    return recent_from_bytes(state)


def clock_gaps(recent: Recent):
    thresholds = Thresholds(measures={"clock": {Use.AUTONOMY: 300.0}})
    said = said_by(SOURCE, recent, KNOWN, thresholds, recent.newest)
    return issued(said, thresholds, recent, recent.newest)


def refused(one, hosts):
    state = {("s", Use.AUTONOMY): one}
    return [
        isinstance(guard([Asked("s", hosts=(h,))], Use.AUTONOMY, state, (), one.issued), Refused)
        for h in hosts
    ]


def test_forty_of_sixty_hosts_an_hour_off_are_all_refused(normalizer):
    """From records on: 30 of each host, so that no slice can tell of all of them."""
    names = [f"h{n:03}.x.example" for n in range(60)]
    late = dict.fromkeys(names[:40], 3600 * SECOND)
    raws = [logon(host=name, at=NOW + late.get(name, 0)) for _ in range(30) for name in names]
    recent = folded(measured(normalizer, envelope(raws)))
    assert all(refused(clock_gaps(recent), names[:40]))


def row(first: int, hosts: dict[str, HostDelay], at: int = NOW, untold=()):
    body = Measured({WHOLE: {"n": 100}}, {}, hosts, untold=list(untold))
    return {
        "source_id": "s", "partition": "p", "first": first, "last": first, "at": at,
        "history": False, "events": 100, "body": measured_to_bytes(body),
    }  # fmt: skip


def test_hosts_beyond_those_told_by_name_are_refused_as_a_whole():
    off = {f"h{n:03}": HostDelay(30, -3_600.0, 1.0) for n in range(40)}
    good = {f"g{n:03}": HostDelay(30, 1.0, 1.0) for n in range(20)}
    one = clock_gaps(folded([row(1, {"": HostDelay(9, -3_600.0, 3_600.0), **off, **good})]))
    assert one.gaps[0].scope == Scope()
    assert "20 more hosts" in one.gaps[0].cause
    assert all(refused(one, [*off, *good]))
    few = dict(list(off.items())[:15])
    one = clock_gaps(folded([row(1, {**few, **good})]))
    assert all(refused(one, few))
    assert not any(refused(one, good))


def test_a_host_that_is_let_go_of_is_not_forgotten_and_many_good_ones_are_no_gap():
    off = {f"h{n:03}": HostDelay(30, -3_600.0, 1.0) for n in range(10)}
    good = {f"g{n:03}": HostDelay(30, 1.0, 1.0) for n in range(2 * MOST_HOSTS)}
    recent = folded([row(1, off), row(2, good, NOW + SECOND)])
    assert len(recent.hosts) == MOST_HOSTS
    one = clock_gaps(recent)
    assert all(refused(one, off))
    assert not any(refused(one, good))
    many = {f"h{n:03}": HostDelay(30, -3_600.0, 1.0) for n in range(2 * MOST_HOSTS)}
    assert clock_gaps(folded([row(1, many)])).gaps[0].scope == Scope()
    one = clock_gaps(folded([row(1, {}, untold=[HostDelay(3, -3_600.0, 1.0)])]))
    assert [gap.scope for gap in one.gaps] == [Scope()]


def test_what_was_untold_ends_when_it_is_stale():
    old = row(1, {}, NOW, [HostDelay(3, -3_600.0, 1.0)])
    assert clock_gaps(folded([old, row(2, {}, NOW + HOUR)])).gaps
    assert not clock_gaps(folded([old, row(2, {}, NOW + 3 * HOUR)])).gaps


def test_a_slice_tells_the_extremes_of_those_it_has_no_room_for(normalizer):
    names = [f"h{n:03}.x.example" for n in range(3 * MOST_ODD)]
    raws = [logon(host=names[0]) for _ in range(200)]
    raws += [logon(host=name, at=NOW + (300 + n) * SECOND) for n, name in enumerate(names)]
    old = [logon(host=f"x{n}.x.example", at=NOW - 40 * 24 * HOUR) for n in range(20)]
    recent = folded(measured(normalizer, envelope([*raws, *old])))
    assert len(recent.untold) == 2
    assert clock_gaps(recent).gaps[0].scope == Scope()
