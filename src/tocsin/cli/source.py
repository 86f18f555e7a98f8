"""`tocsin source`: propose one from samples, say what sources see, test one through and through."""

from pathlib import Path

from cyclopts import App

from tocsin.app import site as sites
from tocsin.cli.screen import Screen
from tocsin.cli.tell import plural

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
