"""New indicators over stored events, in a short-lived process that can be stopped at any time.

A match-back is done when it has searched every file of the lake with events that the stream saw
before it knew the indicators. Files are searched the newest first; which were is kept with what
they gave, so that a search that was stopped goes on where it was. What is found has the identity
that the stream would give it: the same finding is never kept twice.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pyarrow as pa

from tocsin.app.content import applied_content, is_applied
from tocsin.app.indicators import search_table
from tocsin.app.previewing import day_of
from tocsin.app.site import Site
from tocsin.correlate.entities import entities_of
from tocsin.detect.exceptions import Standings, compile_standings
from tocsin.detect.indicators import Indicators, known_columns
from tocsin.detect.indicators.matching import Sighting
from tocsin.model.findings import Finding, Standing
from tocsin.model.stages import ContextSnapshot
from tocsin.store import State
from tocsin.store.intelligence import Job
from tocsin.store.lake_parts import ingest_day, lake_files, read_parts, read_rows
from tocsin.store.scan import LakeFile, records_of
from tocsin.store.seen import HISTORY

HOUR = 60 * 60 * 1_000_000
MOST_FINDINGS = 20_000
"""Findings that one file may give; an indicator that everything touches has more."""


class Searched(NamedTuple):
    """What a file of the lake gave."""

    events: int
    findings: list[Finding]


def search_lake(site: Site, state: State, job: Job, now: int) -> Iterator[tuple[int, int]]:
    """Search files that this match-back has not searched yet, keeping each as it is done.

    Gives for each how many events it has, and how many findings came that nobody had.

    After the last one the match-back is finished, if the lake holds all that it must see.
    """
    indicators = search_table(site.data, job.table_id, job.segment)
    content_id = _content_id(state)
    context = ContextSnapshot(site.settings.site, content_id)
    standings = standings_of(site)
    whole = is_whole(state, job)
    done = state.intelligence.searched(job.number)
    oldest = day_of(max(0, job.since))
    for file in lake_files(site.lake):
        name = f"{file.class_name}/{Path(file.path).name}"
        if name in done or ingest_day(file) < oldest:
            continue
        found = search_file(file, indicators, context, job.since)
        decided = (standings.of(one, {}) for one in found.findings)
        standing = [as_past(site, one, file.partition, now) for one in decided]
        yield (
            found.events,
            state.intelligence.put_searched(job.number, name, found.events, standing),
        )
    if whole:
        state.intelligence.finish(job.number, now)


def search_file(
    file: LakeFile, indicators: Indicators, context: ContextSnapshot, since: int
) -> Searched:
    """What indicators say of the rows of a file that came in at `since` (us UTC) or later."""
    first, events = 0, 0
    sightings: dict[int, list[Sighting]] = {}
    for batch in read_parts(file, known_columns):
        for one in indicators.sightings(file.class_name, batch):
            sightings.setdefault(first + one.row, []).append(one)
        first += batch.num_rows
        events += records_of(pa.Table.from_batches([batch])).num_rows
    found: dict[str, Finding] = {}
    for number, row in read_rows(file, sightings):
        event = row.to_pylist()[0]
        if ((event.get("metadata") or {}).get("logged_time") or 0) * 1_000 < since:
            continue
        for one in sightings[number]:
            made = indicators.finding(one, file.class_name, event, context, entities_of)
            known = found.get(made.finding_id)
            if known is None or made.time < known.time:
                found[made.finding_id] = made
        if len(found) >= MOST_FINDINGS:
            break
    return Searched(events, sorted(found.values(), key=lambda one: (one.time, one.finding_id)))


def as_past(site: Site, finding: Finding, partition: str, now: int) -> Finding:
    """Old matches count, but nobody is woken for them; what a warning list hid stays hidden.

    What was backfilled is old whatever its time: it can never page.
    """
    oldest = now - site.settings.intelligence.open_hours * HOUR
    recent = finding.received_at >= oldest and not partition.startswith(HISTORY)
    if finding.standing is not Standing.OPEN or recent:
        return finding
    return msgspec.structs.replace(finding, standing=Standing.HISTORY)


def standings_of(site: Site) -> Standings:
    """What the site's content in force decides about findings."""
    return compile_standings(applied_content(site).files)[0] if is_applied(site) else Standings()


def is_whole(state: State, job: Job) -> bool:
    """Whether the lake holds what every partition was observed for with older tables."""
    newer = state.intelligence.tables_since(job.table_id)
    taken = state.intelligence.taken()
    return all(one.table_id in newer for one in taken) and all(
        state.cursor(one.partition, "lake") >= one.first - 1 for one in taken
    )


def _content_id(state: State) -> str:
    applied = state.applied_content()
    return applied.content_id if applied else ""
