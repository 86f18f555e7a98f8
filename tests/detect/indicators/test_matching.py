"""Indicators on rows: which rows, which places, one finding an hour and host."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.detect.indicators import Indicators, KnownValues, Table, known_columns, write_table
from tocsin.detect.indicators.matching import counted
from tocsin.model.findings import Level, Standing, findings_from_arrow
from tocsin.model.intelligence import DAY, Indicator, Term, WarningList
from tocsin.model.stages import ContextSnapshot

HOUR = 3_600_000_000
NOW = 1_795_000_000_000_000
END = pa.struct([("ip", pa.string()), ("port", pa.int32()), ("hostname", pa.string())])
SCHEMA = pa.schema(
    [
        ("src_endpoint", END),
        ("dst_endpoint", END),
        ("device", pa.struct([("hostname", pa.string()), ("ip", pa.string())])),
        ("query", pa.struct([("hostname", pa.string())])),
        ("answers", pa.list_(pa.struct([("rdata", pa.string())]))),
        ("http_request", pa.struct([("url", pa.struct([("url_string", pa.string())]))])),
        ("metadata", pa.struct([("uid", pa.string()), ("logged_time", pa.int64())])),
        ("raw_data", pa.string()),
        ("tocsin_time", pa.int64()),
        ("tocsin_offset", pa.int64()),
        ("tocsin_source", pa.string()),
    ]
)


def rows(*given, at=NOW):
    made = [
        {
            "device": {"hostname": "fs01.example"},
            "src_endpoint": {"ip": "10.0.0.5"},
            "metadata": {"uid": f"e{number:03}", "logged_time": at // 1000},
            "tocsin_time": at,
            "tocsin_offset": number,
            "tocsin_source": "zeek",
            "raw_data": "raw",
        }
        | row
        for number, row in enumerate(given)
    ]
    return pa.RecordBatch.from_pylist(made, schema=SCHEMA)


def to(ip, port=443):
    return {"dst_endpoint": {"ip": ip, "port": port}}


def asked(name):
    return {"query": {"hostname": name}}


def fetched(url):
    return {"http_request": {"url": {"url_string": url}}}


def indicator(*alternatives, number=1, **more):
    settings = {"confidence": 80, "basis": NOW} | more
    made = tuple((one,) if isinstance(one, Term) else one for one in alternatives)
    return Indicator("acme", f"indicator--{number}", f"d{number}", made, **settings)


def table(*indicators, lists=(), older=()):
    tables = [Table(write_table(indicators))]
    tables += [Table(write_table(older))] if older else []
    return Indicators("t", tables, KnownValues(lists))


def looked(found, batch):
    said = found.look({"dns_activity": batch}, ContextSnapshot("s", "c"), lambda _c, _e: ())
    return findings_from_arrow(said.findings), said.counts


def uids(found, batch):
    return sorted(f.event_uids[0] for f in looked(found, batch)[0])


def test_two_events_of_a_record_are_one_sighting():
    found, batch = table(indicator(ADDRESS)), rows(to("198.51.100.7"), to("198.51.100.7"))
    marked = batch.append_column("tocsin_also", pa.array([False, True]))
    [finding] = looked(found, marked)[0]
    assert finding.event_uids == ("e000",)
    assert looked(found, marked)[1] == {"indicator-hits|acme|address": 1}
    assert not looked(found, marked.slice(1))[0]
    assert "tocsin_also" in known_columns(marked.schema)


ADDRESS = Term("address", "is", "198.51.100.7")
NAME = Term("domain", "is", "evil.example")


@pytest.mark.parametrize(
    ("term", "row", "found"),
    [
        (ADDRESS, to("198.51.100.7"), True),
        (ADDRESS, to("198.51.100.8"), False),
        (ADDRESS, {"answers": [{"rdata": "1.2.3.4"}, {"rdata": "198.51.100.7"}]}, True),
        (ADDRESS, {"http_request": {"url": {"url_string": "http://198.51.100.7:81/x"}}}, True),
        (ADDRESS, {"device": {"hostname": "fs01", "ip": "198.51.100.7"}}, False),
        (Term("address", "is", "198.51.100.7", "source"), to("198.51.100.7"), False),
        (Term("address", "is", "198.51.100.7", "destination"), to("198.51.100.7"), True),
        (Term("address", "net", "198.51.96.0/20"), to("198.51.100.7"), True),
        (Term("address", "net", "198.51.96.0/20"), to("198.51.112.7"), False),
        (Term("address", "net", "2001:db8::/32"), to("2001:db8::7"), True),
        (NAME, asked("evil.example"), True),
        (NAME, asked("WWW.evil.example."), True),
        (NAME, asked("devil.example"), False),
        (NAME, {"http_request": {"url": {"url_string": "https://a.evil.example/x"}}}, True),
        (NAME, {"dst_endpoint": {"hostname": "evil.example"}}, True),
        (Term("url", "is", "evil.example/x"), fetched("HTTP://Evil.example:80/x#y"), True),
        (Term("domain", "re", "(?s)^evil[0-9]+\\.example$"), asked("EVIL77.example"), True),
    ],
)  # fmt: skip
def test_where_a_value_is_found(term, row, found):
    assert uids(table(indicator(term)), rows(asked("fine.example"), row)) == ["e001"] * found


def test_all_of_an_alternative_must_hold_on_one_event():
    both = (ADDRESS, Term("port", "is", "443", "destination"))
    found = table(indicator(both))
    assert uids(found, rows(to("198.51.100.7", 80), to("1.2.3.4", 443))) == []
    assert uids(found, rows(to("198.51.100.7", 80), to("198.51.100.7", 443))) == ["e001"]
    other = (ADDRESS, Term("port", "is", "443", "destination", negated=True))
    assert uids(table(indicator(other)), rows(to("198.51.100.7", 80))) == ["e000"]


def test_hits_of_an_hour_and_host_are_one_finding_however_the_batch_is_cut():
    found = table(indicator(NAME))
    whole = rows(*[asked("evil.example")] * 5, *[asked("x.evil.example")] * 3)
    findings, counts = looked(found, whole)
    assert len(findings) == 1
    assert counts == {"indicator-hits|acme|domain": 8, "indicator-grouped|acme|": 7}
    parts = [whole.slice(0, 3), whole.slice(3, 5)]
    cut = {f.finding_id for part in parts for f in looked(found, part)[0]}
    assert cut == {findings[0].finding_id}
    turned = whole.take(pa.array(range(7, -1, -1)))
    assert looked(found, turned)[0] == findings


def test_another_host_address_or_hour_is_another_finding():
    found = table(indicator(NAME))
    host = asked("evil.example") | {"device": {"hostname": "fs02"}}
    source = asked("evil.example") | {"src_endpoint": {"ip": "10.0.0.6"}}
    later = rows(asked("evil.example"), at=NOW + HOUR)
    ids = {f.finding_id for f in looked(found, rows(asked("evil.example"), host, source))[0]}
    ids |= {f.finding_id for f in looked(found, later)[0]}
    assert len(ids) == 4


def test_an_indicator_that_ended_or_decayed_does_not_match_and_a_younger_event_is_worth_less():
    ended = indicator(NAME, until=NOW)
    assert uids(table(ended), rows(asked("evil.example"))) == []
    aged = indicator(NAME, half_life=DAY, floor=10)
    [fresh], _ = looked(table(aged), rows(asked("evil.example")))
    [older], _ = looked(table(aged), rows(asked("evil.example"), at=NOW + DAY))
    assert (fresh.level, fresh.indicator.confidence) == (Level.HIGH, 80)
    assert (older.level, older.indicator.confidence) == (Level.MEDIUM, 40)
    assert looked(table(aged), rows(asked("evil.example"), at=NOW + 5 * DAY))[0] == []


def test_a_newer_table_decides_what_an_indicator_is():
    other = Term("domain", "is", "other.example")
    found = table(indicator(other), older=[indicator(NAME), indicator(ADDRESS, number=2)])
    assert uids(found, rows(asked("evil.example"), asked("other.example"))) == ["e001"]
    assert uids(found, rows(to("198.51.100.7"))) == ["e000"]


def test_warning_lists_hide_or_lower_and_are_named():
    network = indicator(Term("address", "net", "198.51.0.0/16"))
    hide = WarningList("Known", "cidr", ("address",), ("198.51.100.7",), "suppress")
    [hidden], counts = looked(table(network, lists=[hide]), rows(to("198.51.100.7")))
    assert (hidden.standing, hidden.exception) == (Standing.HIDDEN, "warninglist/Known")
    assert counts["indicator-benign|acme|Known"] == 1
    lower = WarningList("Popular", "hostname", ("domain",), ("evil.example",), "lower")
    [lowered], _ = looked(table(indicator(NAME), lists=[lower]), rows(asked("www.evil.example")))
    assert (lowered.level, lowered.rule_level) == (Level.LOW, Level.HIGH)
    assert lowered.indicator.listed == ("Popular",)


def test_a_search_of_some_columns_finds_what_the_whole_rows_give():
    found = table(indicator(NAME), indicator(ADDRESS, number=2))
    whole = rows(asked("evil.example"), to("198.51.100.7"), asked("fine.example"))
    wanted = {path.split(".")[0] for path in known_columns(SCHEMA)}
    assert "raw_data" not in wanted
    part = whole.select([name for name in SCHEMA.names if name in wanted])
    assert found.sightings("dns_activity", part) == found.sightings("dns_activity", whole)
    assert counted(found.sightings("dns_activity", whole))["indicator-hits|acme|address"] == 1


def test_what_a_finding_says():
    made = indicator(
        NAME, name="Gull", threats=("Gull",), techniques=("T1071.004",), tlp="amber", source="ACME"
    )
    [one], _ = looked(table(made), rows(asked("www.evil.example")))
    assert one.title == "Indicator of Gull: domain evil.example"
    assert (one.matched[0].predicate, one.matched[0].value) == (
        "domain is evil.example",
        "www.evil.example",
    )
    assert (one.indicator.tlp, one.indicator.source) == ("amber", "ACME")
    assert (one.site, one.content_id, one.source_id) == ("s", "c", "zeek")
    assert one.events[0].raw == "raw"
    assert one.received_at == NOW


def test_values_are_remembered_as_misses_and_memory_stays_bounded(monkeypatch):
    monkeypatch.setattr("tocsin.detect.indicators.probing.MISSES", 10)
    found = table(indicator(NAME))
    for start in range(0, 100, 10):
        batch = rows(*(asked(f"x{start + n}.example") for n in range(10)), asked("evil.example"))
        assert uids(found, batch) == ["e010"]
    prober = found._matching._prober
    kept = (prober._fresh, prober._older)
    assert sum(len(values) for side in kept for values in side.values()) <= 22


@given(st.lists(st.text(max_size=60), min_size=1, max_size=20))
def test_no_value_breaks_the_search(values):
    found = table(
        indicator(NAME), indicator(Term("address", "net", "198.51.96.0/20"), number=2),
        indicator(Term("url", "re", "(?s)^evil.*$"), number=3),
    )  # fmt: skip
    batch = rows(*(asked(v) | fetched(v) | {"answers": [{"rdata": v}]} | to(v) for v in values))
    looked(found, batch)
