"""`tocsin source`: propose one from samples, say what sources see, test one through and through."""

import sys
import textwrap
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import orjson
from cyclopts import App, Parameter
from cyclopts.validators import Number

from tocsin.app import site as sites
from tocsin.cli.arguments import Count, Flag, Json
from tocsin.cli.screen import Screen
from tocsin.cli.tell import JSON_OPTIONS, plural
from tocsin.errors import UsageError
from tocsin.model.text import visible

if TYPE_CHECKING:
    from tocsin.app.coverage import Coverage

source = App(name="source", help="Propose a source from samples, tell what is blind, test one.")


@source.command
def new(source_id: str, *samples: Path, site: Path | None = None) -> int:
    """Propose a source from samples and write it into the site.

    Parameters
    ----------
    source_id
        What to call it: a-z, 0-9 and _.
    samples
        Files or folders of records of one form.
    site
        Site folder; without it the one found here.
    """
    from tocsin.app.proposing import new_source  # noqa: PLC0415  # compiles everything: only here
    from tocsin.normalize.propose import THRESHOLD  # noqa: PLC0415  # the same

    made = new_source(sites.open_site(site), source_id, list(samples))
    screen = Screen()
    for name in sorted(made.files):
        screen.line(f"made {made.folder / name}")
    proposal = made.proposal
    sure = [line for line in proposal.fields if _best(line.candidates) >= THRESHOLD]
    told = f"{plural(proposal.samples, 'sample')} read by {proposal.reading.reader}"
    screen.line(f"{told}, {plural(made.unread, 'record')} left out")
    screen.line(
        f"{len(sure)} of {plural(len(proposal.fields), 'field')} have a path that scores "
        f"{THRESHOLD} or more; events of {', '.join(proposal.classes) or 'no class'} proposed"
    )
    screen.line("Read both files and the samples: change names in them that must not be kept.")
    screen.line("Then: `tocsin check`, `tocsin apply`.")
    return 0


def _best(candidates: tuple[object, ...]) -> float:
    return max((getattr(one, "score", 0.0) for one in candidates), default=0.0)


@source.command(name="test")
def probe(
    source_id: str,
    *,
    input: Annotated[str | None, Parameter(name="--input")] = None,  # noqa: A002 - the option's name
    timeout: Annotated[float, Parameter(validator=Number(gt=0, lte=3600))] = 60.0,
    site: Path | None = None,
    json: Json = False,
) -> int:
    """Send a harmless, marked event through the running service and tell where it stopped.

    Nothing is removed afterwards: the event stays, under the identity that is told.

    Parameters
    ----------
    source_id
        The source whose event it is.
    input
        The input to send it over, as tocsin.toml names it (`logs`, `http/token`); without it the
        first that takes records of the source.
    timeout
        Seconds until it counts as stopped.
    site
        Site folder; without it the one found here.
    json
        Print JSON.
    """
    from tocsin.app.probing import probe_source  # noqa: PLC0415  # compiles everything: only here

    tested = probe_source(sites.open_site(site), source_id, input, timeout)
    if json:
        body = msgspec.to_builtins(tested)
        sys.stdout.buffer.write(orjson.dumps(body, option=JSON_OPTIONS))
        return 1 if tested.stopped else 0
    screen = Screen()
    screen.line(f"{tested.source_id} over {tested.kind} {tested.input}, marked {tested.marker}")
    rows = [[one.stage, f"{one.seconds:.2f} s", one.detail] for one in tested.steps]
    screen.table(["stage", "after", "what"], rows, right=frozenset({"after"}))
    if not tested.dated:
        screen.line("its time could not be set: it is that of the sample")
    if tested.stopped:
        screen.line(f"stopped before: {tested.stopped}")
        screen.line(f"cause: {tested.cause}")
        screen.line(f"do: {tested.advice}")
        return 1
    screen.line(f"arrived as event {tested.uid}")
    return 0


KEY_FIELDS = {
    "user.name": "user",
    "actor.user.name": "by",
    "device.hostname": "host",
    "src_endpoint.ip": "src",
    "dst_endpoint.ip": "dst",
    "process.name": "proc",
    "process.cmd_line": "cmd",
    "actor.process.name": "from",
    "file.name": "file",
    "query.hostname": "dns",
    "http_request.url.url_string": "url",
    "api.operation": "api",
}
"""Columns of the short table: the fields whose presence is measured, and their heads."""
WIDTH, NAME = 98, 23
"""Columns of a line, and of the name of a source in a table."""


@source.command(name="coverage")
def show_coverage(
    *,
    site: Path | None = None,
    every: Flag = False,
    only: Annotated[str | None, Parameter(name="--source")] = None,
    limit: Count = 15,
    json: Json = False,
) -> int:
    """Tell which fields and ATT&CK data components the sources deliver, and what is blind.

    Parameters
    ----------
    site
        Site folder; without it the one found here.
    every
        All sources that are known, not only those from which something came.
    only
        One source in full: its classes, activities, fields and data components.
    limit
        How many blind components and kinds of blind rules to list.
    json
        Print JSON, with everything.
    """
    from tocsin.app.coverage import coverage  # noqa: PLC0415  # compiles rules: only here

    report = coverage(sites.open_site(site), every=every or only is not None)
    if json:
        body = msgspec.to_builtins(report)
        sys.stdout.buffer.write(orjson.dumps(body, option=JSON_OPTIONS))
        return 0
    screen = Screen()
    if only is not None:
        _in_full(screen, report, only)
        return 0
    _summary(screen, report)
    _fields(screen, report)
    _blind_components(screen, report, limit)
    _blind_rules(screen, report, limit)
    return 0


def _summary(screen: Screen, report: "Coverage") -> None:
    which = "known" if report.every else "from which something came"
    can = report.rules - len(report.blind_rules)
    screen.line(f"{plural(len(report.sources), 'source')} {which}")
    if report.release:
        components, covered = len(report.components), len(report.covered)
        screen.line(f"{covered} of {components} data components of {report.release} are delivered")
        screen.line(f"{report.seen} of {report.techniques} techniques need one that is delivered")
    else:
        screen.line(f"{len(report.covered)} data components are delivered; no ATT&CK release with")
        screen.line("data components is loaded: `tocsin attack load` tells what techniques need")
    screen.line(f"{can} of {plural(report.rules, 'rule')} can fire")
    screen.line()


def _fields(screen: Screen, report: "Coverage") -> None:
    screen.line("Fields: percent of events that have it where measured, else + for mapped")
    rows = []
    for one in report.sources:
        mapped = {field for delivered in one.classes for field in delivered.fields}
        cells = [_cell(one.measured.get(path), path in mapped) for path in KEY_FIELDS]
        rows.append([one.source_id[:NAME], *cells, str(len(mapped)), str(len(one.components))])
    heads = [*KEY_FIELDS.values(), "all", "comp"]
    screen.table(["source", *heads], rows, right=frozenset(heads))
    screen.line(
        "all: OCSF fields mapped; comp: data components; --source ID shows them", style="dim"
    )
    screen.line()


def _cell(share: float | None, mapped: bool) -> str:  # noqa: FBT001 - a plain truth
    if share is None:
        return "+" if mapped else "."
    return f"{100 * share:.0f}"


def _blind_components(screen: Screen, report: "Coverage", limit: int) -> None:
    if not report.blind_components:
        return
    screen.line("Blind: data components that nothing here delivers (techniques seen by them alone)")
    for one in report.blind_components[:limit]:
        helps = f"lacks {', '.join(one.missing)}" if one.missing else ""
        helps = helps or (
            f"known to {', '.join(one.sources)}" if one.sources else "no source known"
        )
        told = f"{one.component}: {one.alone} of {one.techniques} techniques; {helps}"
        screen.paragraph(told, "  ")
    rest = len(report.blind_components) - limit
    if rest > 0:
        screen.line(f"  ... and {rest} more (--limit, --json)", style="dim")
    screen.line()


def _blind_rules(screen: Screen, report: "Coverage", limit: int) -> None:
    if not report.blind_rules:
        return
    why = Counter(one.why for one in report.blind_rules)
    screen.line(f"Rules that cannot fire here: {len(report.blind_rules)}, by what is missing")
    for reason, n in why.most_common(limit):
        titles = [one.title for one in report.blind_rules if one.why == reason]
        named = "; ".join(titles[:2]) + (" ..." if n > 2 else "")  # noqa: PLR2004 - two are named
        for line in textwrap.wrap(
            f"{n}: {visible(reason, 400)} ({visible(named, 200)})", WIDTH - 4
        ):
            screen.line(f"  {line}")
    if len(why) > limit:
        screen.line(f"  ... and {len(why) - limit} more reasons (--limit, --json)", style="dim")


def _in_full(screen: Screen, report: "Coverage", source_id: str) -> None:
    found = [one for one in report.sources if one.source_id == source_id]
    if not found:
        raise UsageError(f"there is no source {source_id}; `tocsin sources --every` lists them")
    for one in found[0].classes:
        screen.line(f"{one.class_name}: {', '.join(one.activities)}")
        for line in textwrap.wrap(", ".join(one.fields), WIDTH - 4, break_on_hyphens=False):
            screen.line(f"    {line}")
    for name, share in found[0].measured.items():
        screen.line(f"{name} is there in {share:.1%} of the events that can have it")
    screen.paragraph(f"data components: {', '.join(found[0].components) or 'none'}", "")
    for component, lacks in found[0].partly.items():
        screen.line(f"{component} but for {', '.join(lacks)}")
