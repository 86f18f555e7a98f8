"""What the lab writes is what the shipped sources read, line by line."""

from collections import Counter
from pathlib import PurePath

from tests.lab.conftest import DAY, MONDAY, Whole

from tocsin import flow
from tocsin.content import load
from tocsin.formats.limits import DEFAULT
from tocsin.formats.read import read_batches
from tocsin.formats.records import Stamp, to_envelope
from tocsin.model.stages import ContextSnapshot
from tocsin.normalize import compile_sources

FAMILIES = {"windows", "entra", "okta", "aws", "zeek", "paloalto", "linux", "samba"}
MAY_BE_REFUSED = "-syslog.log"
"""Of syslog only some programs are read."""


def test_every_line_is_recognized_and_keeps_its_time(whole: Whole) -> None:
    normalizer, problems = compile_sources(load(None))
    assert normalizer is not None, problems
    refused: Counter[str] = Counter()
    kinds: Counter[tuple[str, int]] = Counter()
    offset = 0
    for batch in read_batches([whole.folder], DEFAULT):
        assert not batch.problems
        raw = to_envelope(batch, Stamp("lab", "p0", offset, None, MONDAY + DAY))
        decoded = flow.decode(raw, normalizer)
        offset += len(batch)
        refused.update(PurePath(row["origin"]).name for row in decoded.rejects.to_pylist())
        clocks = normalizer.host_clocks(decoded.records)
        context = ContextSnapshot("lab", host_clocks=clocks)
        rows = zip(decoded.records, decoded.positions, decoded.raws, strict=True)
        for record, position, text in list(rows)[::7]:
            _, event = normalizer.event(record, position, text, context)
            kinds[record.source_id, event["class_uid"]] += 1
            at = event["time"] * 1000
            assert MONDAY - 1_000_000 <= at <= MONDAY + DAY + 1_000_000, text
    assert {source.split("_")[0] for source, _ in kinds} == FAMILIES
    assert [name for name in refused if not name.endswith(MAY_BE_REFUSED)] == []
