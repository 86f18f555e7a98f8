"""A test event is dated now, marked, of its source, and fires nothing."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.app import probe_event
from tocsin.app.probe_event import KEY, _Maker, marks, written_now
from tocsin.content import load
from tocsin.detect.exceptions import Standings
from tocsin.detect.sigma import Matcher, compile_plan, parse_rules
from tocsin.detect.sigma.logsources import load_logsources
from tocsin.flow import Compiled
from tocsin.model.content import ContentSet
from tocsin.model.sources import TimeSpec
from tocsin.normalize import compile_sources
from tocsin.normalize.folders import source_files
from tocsin.normalize.propose.knowledge import sample_records
from tocsin.normalize.quality import Meter
from tocsin.normalize.times import TimeReader

NOW = 1_772_439_250_123_000  # 2026-03-02 08:14:10.123 UTC
MARKER = "tocsin-test-0123456789abcdef"
SOURCES = ("okta_system_log", "linux_sshd", "fortinet_fortigate")


@pytest.fixture(scope="module")
def content() -> ContentSet:
    files = load(None).files
    return ContentSet.of([one for one in files if one.path.split("/")[1] in SOURCES])


@pytest.fixture(scope="module")
def compiled(content: ContentSet) -> Compiled:
    normalizer, problems = compile_sources(content)
    assert normalizer is not None, problems
    plan = compile_plan(parse_rules([]), [], use_hyperscan=False)
    return Compiled(normalizer, plan, Matcher(plan), Standings(), Meter(normalizer.sources))


def maker(compiled: Compiled, source_id: str) -> _Maker:
    [spec] = [one for one in compiled.normalizer.sources if one.id == source_id]
    return _Maker(compiled, spec, MARKER, NOW, "site", None)


@pytest.mark.parametrize("source_id", SOURCES)
def test_a_sample_becomes_an_event_of_now(
    source_id: str, compiled: Compiled, content: ContentSet
) -> None:
    samples = list(sample_records(source_files(content)[source_id]))
    made = maker(compiled, source_id)
    *_, probe = made.probes(iter(samples))
    assert probe is not None
    assert probe.dated
    assert probe.class_name != "base_event"
    assert MARKER.encode() in probe.raw
    assert probe.raw not in samples


def test_a_sample_that_a_rule_fires_on_is_not_sent(content: ContentSet, compiled: Compiled) -> None:
    rule = b"""
title: Anything at all
id: 3f2a0f0e-6a1e-4a63-9d3e-0c8f1b2d4e5f
status: test
logsource: {product: okta, service: okta}
detection: {any: {eventType: '*'}, condition: any}
level: low
"""
    files = [one for one in load(None).files if one.path.endswith("okta_logsources.yaml")]
    bindings = [one for file in files for one in load_logsources(file.where, file.data)]
    plan = compile_plan(parse_rules([("rule.yml", rule)]), bindings, use_hyperscan=False)
    assert len(plan.rules) == 1
    firing = replace(compiled, plan=plan, matcher=Matcher(plan))
    made = maker(firing, "okta_system_log")
    samples = sample_records(source_files(content)["okta_system_log"])
    assert [one for one in made.probes(samples) if one] == []
    assert "would make a finding" in made.why()


@pytest.mark.parametrize(
    ("old", "form"),
    [
        ("2019-10-10T12:00:00.123Z", "iso"), ("2019-10-10 12:00:00", "iso"),
        ("2019/10/10 12:00:00", "iso"), ("2019-10-10T12:00:00.1234567+02:00", "iso"),
        ("1570708800", "epoch"), ("1570708800.123", "epoch"), ("1570708800123", "epoch_ms"),
        ("1570708800123456789", "epoch_any"), ("Oct  3 07:15:09", "rfc3164"),
        ("10/Oct/2019:13:55:36 -0700", "day_first"), ("28-Nov-2019 10:00:00.123", "day_first"),
    ],
)  # fmt: skip
def test_a_time_is_written_as_the_old_one_was(old: str, form: str) -> None:
    new = written_now(old, TimeSpec(old, format=form), NOW)
    assert new is not None
    assert len(new) == len(old)
    read = TimeReader().read(new, form, NOW)
    assert read is not None
    assert abs(read - NOW) < 1_000_000


@given(st.text(max_size=40), st.sampled_from(["iso", "epoch", "rfc3164", "day_first"]))
def test_what_is_no_time_is_left_alone(old: str, form: str) -> None:
    new = written_now(old, TimeSpec("t", format=form), NOW)
    assert new is None or len(new) <= len(old) + 4


def test_a_mark_does_not_break_the_record() -> None:
    assert list(marks(b"{}", "m")) == [b'{"%s":"m"}' % KEY.encode()]
    assert all(b"m-1" in one for one in marks(b'<Event a="b"></Event>', "m-1"))


def test_no_content_in_force_is_told(tmp_path: Path) -> None:
    from tocsin.app.site import open_site
    from tocsin.errors import UsageError

    (tmp_path / "tocsin.toml").write_text('site = "x"\n')
    with pytest.raises(UsageError, match="no content is in force"):
        probe_event.make_probe(open_site(tmp_path), "okta_system_log", MARKER, NOW, declared=False)
