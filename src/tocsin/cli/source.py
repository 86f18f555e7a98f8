"""`tocsin source`: propose one from samples, say what sources see, test one through and through."""

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import orjson
from cyclopts import App, Parameter
from cyclopts.validators import Number

from tocsin.app import site as sites
from tocsin.cli.arguments import Json
from tocsin.cli.screen import Screen
from tocsin.cli.tell import JSON_OPTIONS, plural

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
