import orjson
import pytest
from tests.app.stored import NOW, PACKING, packing

from tocsin.app import parts, samples
from tocsin.flow import Compiled
from tocsin.model.findings import Level


@pytest.fixture(scope="module")
def compiled() -> Compiled:
    content = parts.load_content(None)
    files = [(f, d) for f, d in parts.rule_files(content, None) if "archive_with" in f]
    return parts.build(parts.prepare(content, files, parts.cache_folder()))


def test_a_record_is_seen_as_it_would_arrive(compiled: Compiled) -> None:
    raw = orjson.dumps(packing("NQ\\eve", 3))
    seen = samples.look_at(raw, compiled, NOW, source_ids=[None])
    assert seen is not None
    assert seen.record.source_id == "windows_sysmon"
    assert [finding.rule_id for finding in seen.findings] == [PACKING]
    assert seen.time % 86_400_000_000 == 3 * 3_600_000_000
    assert {entity.kind for entity in seen.entities} >= {"host", "user"}


def test_what_no_source_reads_is_nothing(compiled: Compiled) -> None:
    assert samples.look_at(b"no record", compiled, NOW, source_ids=[None]) is None
    assert samples.look_at(b"{}", compiled, NOW, source_ids=[]) is None


def test_plain_fields_are_seen_as_rules_see_them(compiled: Compiled) -> None:
    seen = samples.as_fields(packing("NQ\\eve"), compiled, NOW)
    assert [(f.rule_id, f.level) for f in seen.findings] == [(PACKING, Level.MEDIUM)]
    assert samples.as_fields({"a": 1}, compiled, NOW).findings == []
