"""`tocsin incidents`: the list, one of them, and what people decide about them."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import orjson
from cyclopts import App, Parameter

from tocsin.app import attacking, content, overview
from tocsin.app import site as sites
from tocsin.app.clock import SystemClock
from tocsin.app.delivering import saw_incident
from tocsin.app.steering import Book, about, named, open_book
from tocsin.cli.arguments import Count, Flag, Json
from tocsin.cli.screen import Screen
from tocsin.cli.tell import (
    JSON_OPTIONS,
    finding_json,
    incident_json,
    iso,
    tell_incident,
    tell_vendors,
    utc,
)
from tocsin.model.context import merged_notes
from tocsin.model.decisions import Decision
from tocsin.model.findings import Finding
from tocsin.model.incidents import Incident

REASONS = 20
"""Reasons for which findings are together that the terminal shows; JSON has all."""

SHORT = 12
"""Characters of an id that the terminal shows."""

incidents = App(
    name="incidents",
    help="List incidents, tell one of them, or merge, split, link and reopen them.",
)


@incidents.default
def show(
    incident: str | None = None,
    *,
    site: Path | None = None,
    limit: Count = 20,
    newest: Flag = False,
    every: Annotated[bool, Parameter(name="--all", negative="")] = False,
    json: Json = False,
) -> int:
    """List open incidents, worst first, or tell one of them.

    Parameters
    ----------
    incident
        Id of one incident, or the beginning of it; without it they are listed.
    site
        Site folder; without it the one found here.
    limit
        How many to list.
    newest
        The most recent first, not the worst.
    every
        Also those that were closed by a verdict.
    json
        Print JSON.
    """
    where = sites.required_site(site)
    casebook = overview.casebook(where)
    if incident is not None:
        chosen = overview.find_incident(casebook, incident)
        saw_incident(where, chosen.incident_id, content.person(), SystemClock().now())
        if json:
            _print_json(_tree(casebook, chosen))
        else:
            _tell(casebook, chosen)
            labels = attacking.labels_of(where)
            for remark in attacking.remarks(labels, (*chosen.tactics, *chosen.techniques)):
                Screen().line(f"  ATT&CK: {remark}", style="dim")
        return 0
    listed = overview.listed(casebook, limit, newest=newest, closed=every)
    if json:
        _print_json([_brief(casebook, one) for one in listed])
        return 0
    Screen().table(
        ["level", "incident", "first", "findings", "title", "verdict"],
        [
            [
                one.level.value,
                one.incident_id[:SHORT],
                utc(one.first),
                f"{one.finding_count:,}",
                one.title,
                overview.last_grade(casebook, one.incident_id),
            ]
            for one in listed
        ],
        right=frozenset({"findings"}),
    )
    return 0


@incidents.command
def merge(*incident: str, reason: str, site: Path | None = None) -> int:
    """Make several incidents one, and keep them so whatever comes.

    Parameters
    ----------
    incident
        Ids of two or more incidents, or the beginnings of them. The one that began first gives its
        id; the other ids stay valid.
    reason
        Why they are one, in your words.
    site
        Site folder; without it the one found here.
    """
    book = open_book(site, reason)
    names = [overview.find_incident(book, one).incident_id for one in incident]
    made = book.merge(names, reason=reason, by=content.person(), at=SystemClock().now())
    return _done(book, made, f"{', '.join(one[:SHORT] for one in made.incident_ids)} are one")


@incidents.command
def split(
    incident: str,
    *finding: str,
    entity: Sequence[str] = (),
    reason: str,
    site: Path | None = None,
) -> int:
    """Take findings out of an incident into one of their own, and keep them apart.

    Parameters
    ----------
    incident
        Id of the incident, or the beginning of it.
    finding
        Ids of the findings to take out, or the beginnings of them. `--json` lists them.
    entity
        Take out all findings that are about this, for example `host=ws05` or `session=0x3e8a1`.
    reason
        Why they do not belong together, in your words.
    site
        Site folder; without it the one found here.
    """
    book = open_book(site, reason)
    one = overview.find_incident(book, incident)
    whole = list(book.findings(one.incident_id))
    chosen = {named(whole, beginning) for beginning in finding}
    for text in entity:
        chosen |= about(whole, text)
    by, at = content.person(), SystemClock().now()
    made = book.split(one.incident_id, chosen, reason=reason, by=by, at=at)
    return _done(
        book, made, f"taken out of {one.incident_id[:SHORT]}: {made.blocks[1].incident_id}"
    )


@incidents.command
def link(*incident: str, reason: str, site: Path | None = None) -> int:
    """Note that incidents are related, though they are not one.

    Parameters
    ----------
    incident
        Ids of two or more incidents, or the beginnings of them.
    reason
        How they are related, in your words.
    site
        Site folder; without it the one found here.
    """
    book = open_book(site, reason)
    names = [overview.find_incident(book, one).incident_id for one in incident]
    made = book.link(names, reason=reason, by=content.person(), at=SystemClock().now())
    return _done(book, made, f"{', '.join(one[:SHORT] for one in made.incident_ids)} are linked")


@incidents.command
def reopen(incident: str, *, reason: str, site: Path | None = None) -> int:
    """Open a closed incident again; its verdicts stay as they were given.

    Parameters
    ----------
    incident
        Id of the incident, or the beginning of it.
    reason
        Why it is not done, in your words.
    site
        Site folder; without it the one found here.
    """
    book = open_book(site, reason)
    one = overview.find_incident(book, incident)
    made = book.reopen(
        one.incident_id,
        reason=reason,
        by=content.person(),
        at=SystemClock().now(),
        writable=overview.writable(sites.required_site(site)),
    )
    return _done(book, made, f"{one.incident_id[:SHORT]} is open again")


def _done(book: Book, made: Decision, text: str) -> int:
    screen = Screen()
    screen.line(f"{text} (decision {made.number} by {made.by})")
    if made.blocks and book.decisions_done() < made.number:
        screen.line("the running service does it at its next step; without one, `tocsin up` does")
    return 0


def _tell(book: Book, one: Incident) -> None:
    screen = Screen()
    tell_incident(screen, one, timeline=len(one.timeline))
    whole = list(book.findings(one.incident_id))
    tell_vendors(screen, whole)
    _tell_context(screen, whole)
    own = {finding.finding_id for finding in whole}
    links = [link for link in one.links if link.finding_id in own]
    if links:
        screen.line("  together because", style="bold")
    for link in links[:REASONS]:
        other = f" {link.joined_to[:SHORT]}" if link.joined_to in own else ""
        screen.short(f"    {link.finding_id[:SHORT]}{other}: {link.reason}")
    if len(links) > REASONS:
        screen.line(f"    ... and {len(links) - REASONS} more reasons (--json)")
    for related, made in book.linked(one.incident_id):
        screen.line(f"  linked to {related.incident_id[:SHORT]} {related.title}: {made.reason}")
    done = book.decisions_done()
    for made in book.decisions(one.incident_id):
        waits = " (not done yet)" if made.blocks and made.number > done else ""
        screen.line(f"  {utc(made.at)} {made.kind.value} by {made.by}: {made.reason}{waits}")
    for verdict in book.verdicts(one.incident_id):
        screen.line(f"  verdict {verdict.grade.value} by {verdict.by}: {verdict.reason}")
    if one.aliases:
        screen.line(f"  also known as {', '.join(one.aliases)}", style="dim")
    screen.line(f"  {book.status(one.incident_id)}", style="dim")


def _tell_context(screen: Screen, whole: list[Finding]) -> None:
    """What the site knew of what the findings are about, the most telling first."""
    places = sorted({one.unit for one in whole if one.unit})
    notes = merged_notes(note for one in whole for note in one.context)
    if places or notes:
        screen.line("  known of it on its day", style="bold")
    if places:
        screen.line(f"    of {', '.join(places)}")
    for note in notes[:REASONS]:
        screen.line(f"    {note.about.partition(':')[2]}: {note.text}")
    if len(notes) > REASONS:
        screen.line(f"    ... and {len(notes) - REASONS} more (--json)")


def _brief(book: Book, one: Incident) -> dict[str, Any]:
    tree = incident_json(one, [f.finding_id for f in book.findings(one.incident_id)])
    return {**tree, "status": book.status(one.incident_id), "aliases": list(one.aliases)}


def _tree(book: Book, one: Incident) -> dict[str, Any]:
    tree = _brief(book, one)
    own = set(tree["findings"])
    tree["links"] = [link for link in tree["links"] if link["finding"] in own]
    tree["findings"] = [finding_json(f) for f in book.findings(one.incident_id)]
    done = book.decisions_done()
    tree["decisions"] = [
        {
            "number": made.number,
            "kind": made.kind.value,
            "by": made.by,
            "at": iso(made.at),
            "reason": made.reason,
            "incidents": list(made.incident_ids),
            "done": not made.blocks or made.number <= done,
        }
        for made in book.decisions(one.incident_id)
    ]
    tree["linked"] = [
        {"id": other.incident_id, "title": other.title, "reason": made.reason}
        for other, made in book.linked(one.incident_id)
    ]
    return tree


def _print_json(tree: Any) -> None:
    sys.stdout.buffer.write(orjson.dumps(tree, option=JSON_OPTIONS))
