"""`tocsin init`, `check` and `apply`."""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePath

from tocsin.app import attacking
from tocsin.app import content as contents
from tocsin.app import site as sites
from tocsin.cli.arguments import Flag
from tocsin.cli.screen import Screen
from tocsin.cli.tell import plural
from tocsin.content import init_site
from tocsin.errors import UsageError

UNASKED = "nobody is there to ask, and nothing was {0}: --yes {1} without asking"


def init(folder: Path = Path("soc")) -> int:
    """Make a site folder: settings and your own content.

    Parameters
    ----------
    folder
        Where to make it; it must be new or empty.
    """
    screen = Screen()
    for path in init_site(folder):
        screen.line(f"made {path}")
    screen.line(f"Next: name what to read in {folder / 'tocsin.toml'}, then run `tocsin up`.")
    return 0


def check(site: Path | None = None) -> int:
    """Check all content with its own tests.

    Parameters
    ----------
    site
        Site folder; without it the one found here, or only what ships.
    """
    screen = Screen()
    where = sites.open_site(site)
    problems = contents.problems_of(where)
    for problem in problems:
        screen.line(str(problem))
    files = Counter(file.path.partition("/")[0] for file in contents.disk_content(where).files)
    counted = ", ".join(f"{n} files in {folder}" for folder, n in sorted(files.items()))
    for note in attacking.check_labels(where):
        screen.line(str(note))
    screen.line(f"{len(problems)} problems; {counted}")
    return 1 if any(problem.severity == "error" for problem in problems) else 0


def apply(site: Path | None = None, *, yes: Flag = False, details: Flag = False) -> int:
    """Show what changed in the content and put it to work.

    Parameters
    ----------
    site
        Site folder; without it the one found here.
    yes
        Do not ask.
    details
        Name every file, also those that ship.
    """
    screen = Screen()
    where = sites.required_site(site)
    content, changes = contents.plan_apply(where)
    shipped = [] if details else [change for change in changes if change.ships]
    if shipped:
        screen.line(f"what ships: {_counted(shipped)} (--details names the files)")
    for change in changes:
        if change not in shipped:
            screen.line(f"{change.kind:<8} {change.path}")
    if not changes:
        screen.line(f"content {content.content_id} is in force already")
        return 0
    if not yes and not agreed(f"Apply {len(changes)} changes? [y/N] "):
        screen.line("nothing was applied")
        return 1
    contents.apply(where, content, contents.person())
    screen.line(f"content {content.content_id} is in force from the next batch on")
    return 0


def _counted(changes: Sequence[contents.Change]) -> str:
    """Such as `97 rules, 24 sources, 205 other files added; 1 rule changed`."""
    counts: dict[str, Counter[str]] = {}
    for change in changes:
        path = PurePath(change.path)
        rule = path.parts[0] == "rules" and path.suffix == ".yml"
        kind = "rule" if rule else "source" if path.name == "source.yaml" else "other file"
        counts.setdefault(change.kind, Counter({"rule": 0, "source": 0}))[kind] += 1
    return "; ".join(
        f"{', '.join(plural(n, kind) for kind, n in found.items() if n)} {what}"
        for what, found in counts.items()
    )


def agreed(question: str, done: str = "applied", does: str = "applies") -> bool:
    """Ask at the terminal; UsageError, in the words of the act, when nobody is there."""
    if sys.stdin is None:
        raise UsageError(UNASKED.format(done, does))
    try:
        return input(question).strip().lower() == "y"
    except EOFError:
        raise UsageError(UNASKED.format(done, does)) from None
