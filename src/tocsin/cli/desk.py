"""`tocsin verdict`, `journal` and `dead-letters`."""

import sys
from pathlib import Path
from typing import Any

import orjson

from tocsin.app import again, content, overview
from tocsin.app import site as sites
from tocsin.app.clock import SystemClock
from tocsin.cli.arguments import Count, Json
from tocsin.cli.screen import Screen
from tocsin.cli.tell import JSON_OPTIONS, iso, plural, utc
from tocsin.errors import UsageError
from tocsin.model.incidents import Grade, Verdict
from tocsin.model.text import visible
from tocsin.model.writeback import Cause, closing_of, wanted

FIRST = 120
"""Characters of a dead letter's original that are shown."""


def verdict(
    incident: str,
    grade: Grade,
    *,
    reason: str,
    cause: Cause | None = None,
    site: Path | None = None,
) -> int:
    """Give an incident its grade, with a reason.

    Its alerts are closed at the SIEM that they came from, where the settings have it as [[siem]].

    Parameters
    ----------
    incident
        Id of the incident, or the beginning of it.
    grade
        What it turned out to be.
    reason
        Why, in your words: models learn from the grade, people from the reason.
    cause
        Why, in a word that SIEMs share: a false positive is one of incorrect logic (without a
        cause) or of inaccurate data.
    site
        Site folder; without it the one found here.
    """
    if not reason.strip():
        raise UsageError("--reason must not be empty")
    where = sites.required_site(site)
    casebook = overview.casebook(where, writing=True)
    one = overview.find_incident(casebook, incident)
    _check_cause(grade, cause)
    by, at = content.person(), SystemClock().now()
    given = Verdict(one.incident_id, grade, reason, by, at, cause or "")
    casebook.give(given, overview.writable(where))
    Screen().line(f"{one.incident_id[:12]} {one.title}: {grade.value} by {given.by}")
    return 0


def _check_cause(grade: Grade, cause: Cause | None) -> None:
    try:
        closing_of(grade, cause)
    except ValueError as error:
        raise UsageError(f"--cause: {error}") from error


def siem(*, site: Path | None = None, limit: Count = 20) -> int:
    """Show what was told to the SIEMs that alerts came from, newest first.

    Parameters
    ----------
    site
        Site folder; without it the one found here.
    limit
        How many orders to show.
    """
    where = sites.required_site(site)
    screen = Screen()
    counts, orders = overview.orders(where, limit)
    for one in where.settings.siem:
        said = ", ".join(
            f"{n:,} {state}" for (source, state), n in counts.items() if source == one.source
        )
        screen.line(f"{one.source}  {one.kind}  {visible(one.url, FIRST)}  {said or 'nothing yet'}")
    if not where.settings.siem:
        screen.line("no [[siem]] in tocsin.toml: nothing is written back")
    if orders:
        screen.line()
        screen.table(
            ["decided", "by", "alert", "wanted", "state", "outcome"],
            [
                [
                    utc(one.order.at),
                    one.order.by,
                    f"{one.order.source_id} {one.order.seen.uid}",
                    wanted(one.order),
                    one.state,
                    visible(one.outcome, FIRST),
                ]
                for one in orders
            ],
        )
    return 0


def reprocess(
    *,
    reason: str | None = None,
    source: str | None = None,
    declare: str | None = None,
    site: Path | None = None,
) -> int:
    """Send dead letters through once more, after a mapping was mended and applied.

    What was stored already is recognized and not stored twice. What cannot be used even now becomes
    a dead letter again.

    Parameters
    ----------
    reason
        Only those with this reason.
    source
        Only those that were declared to be of this source.
    declare
        Say that they are all of this source.
    site
        Site folder; without it the one found here.
    """
    sent = again.send_again(
        sites.required_site(site),
        content.person(),
        SystemClock().now(),
        reason=reason,
        source=source,
        declare=declare,
    )
    screen = Screen()
    screen.line(f"going through once more, when `tocsin up` runs: {plural(sent.sent, 'record')}")
    if sent.cut:
        screen.line(f"staying, since they are no whole record: {plural(sent.cut, 'letter')}")
    return 0


def journal(*, site: Path | None = None, limit: Count = 20) -> int:
    """Show the end of the journal and verify its chain.

    Parameters
    ----------
    site
        Site folder; without it the one found here.
    limit
        How many records to show.
    """
    screen = Screen()
    book = overview.journal(sites.required_site(site))
    for record in book.tail(limit):
        screen.line(
            f"{record.sequence:>8}  {utc(record.at)}  {record.actor}  {record.kind}  "
            f"{record.subject}  {record.body}"
        )
    broken = book.verify()
    head = book.head()
    if broken is not None:
        screen.line(f"BROKEN at record {broken}: it does not follow from the one before it")
        return 1
    screen.line(f"{head.sequence if head else 0} records, every one follows from the one before it")
    return 0


def dead_letters(
    *,
    reason: str | None = None,
    site: Path | None = None,
    limit: Count = 20,
    json: Json = False,
) -> int:
    """Show the records that could not be used, and why, newest first.

    Parameters
    ----------
    reason
        Only those kept for this reason.
    site
        Site folder; without it the one found here.
    limit
        How many to show.
    json
        Print JSON: counts by reason, and the records with the whole of what was kept of each.
    """
    where = sites.required_site(site)
    counts = overview.refused(where)
    letters = overview.dead_letters(where, limit, reason)
    if json:
        tree = {"counts": counts, "records": [_letter_json(letter) for letter in letters]}
        sys.stdout.buffer.write(orjson.dumps(tree, option=JSON_OPTIONS))
        return 0
    screen = Screen()
    for name, n in counts.items():
        screen.line(f"{n:>10,} {name}")
    if not counts:
        screen.line("every record could be used")
    if letters:
        screen.line()
        screen.table(
            ["received", "reason", "detail", "at", "original"],
            [
                [
                    utc(letter.received_at),
                    letter.reason,
                    letter.detail,
                    f"{letter.origin}:{letter.position}",
                    visible(letter.raw[: 4 * FIRST].decode(errors="replace"), FIRST),
                ]
                for letter in letters
            ],
        )
    return 0


def _letter_json(letter: overview.Refused) -> dict[str, Any]:
    return {
        "received": iso(letter.received_at),
        "reason": letter.reason,
        "detail": letter.detail,
        "origin": letter.origin,
        "position": letter.position,
        "raw": letter.raw.decode(errors="replace"),
    }
