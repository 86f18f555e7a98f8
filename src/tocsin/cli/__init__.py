"""The command line: thin commands over `app`.

A command is imported only when it runs, so that `tocsin --help` stays instant. Exit codes: 0 done
and nothing found, 1 findings (hunt) or problems (check), 2 an error that the message explains or a
bug (with a traceback), 130 stopped with Ctrl-C.
"""

import os
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError, Group

from tocsin.errors import TocsinError

app = App(
    name="tocsin",
    help="Point Tocsin at logs, get incidents. Autonomy is earned by dated evidence.",
    help_format="plaintext",
    suppress_keyboard_interrupt=False,
)

_COMMANDS = {
    "hunt": ("tocsin.cli.hunt:hunt", "Read log files once and tell the incidents in them."),
    "up": ("tocsin.cli.service:up", "Run the service: collect, detect and keep, until stopped."),
    "backfill": (
        "tocsin.cli.backfill:backfill",
        "Bring exports and archives into the lake, at the time of their events.",
    ),
    "init": ("tocsin.cli.content:init", "Make a site folder: settings and your own content."),
    "check": ("tocsin.cli.content:check", "Check all content with its own tests."),
    "apply": ("tocsin.cli.content:apply", "Show what changed in the content and put it to work."),
    "sources": ("tocsin.cli.sources:sources", "Say of every source where its records are."),
    "source": (
        "tocsin.cli.source:source",
        "Propose a source from samples, tell what is blind, test one.",
    ),
    "readiness": (
        "tocsin.cli.readiness:readiness",
        "Say what is missing before telemetry may be used.",
    ),
    "rules": ("tocsin.cli.rules:rules", "List the rules, take new ones in, put them on trial."),
    "attack": (
        "tocsin.cli.attack:attack",
        "Load and show ATT&CK, and tell how labels stand towards it.",
    ),
    "context": (
        "tocsin.cli.context:context",
        "Load and show what the site knows of itself, day by day.",
    ),
    "suppress": (
        "tocsin.cli.suppress:suppress",
        "Make an exception: hide or lower findings of a rule, for a reason and a time.",
    ),
    "incidents": (
        "tocsin.cli.incidents:incidents",
        "List incidents, tell one of them, or merge, split, link and reopen them.",
    ),
    "intelligence": (
        "tocsin.cli.intelligence:intelligence",
        "Show feeds of intelligence, load them, search the past, tell what became of it.",
    ),
    "verdict": ("tocsin.cli.desk:verdict", "Give an incident its grade, with a reason."),
    "siem": ("tocsin.cli.desk:siem", "Show what was told to the SIEMs that alerts came from."),
    "journal": ("tocsin.cli.desk:journal", "Show the end of the journal and verify its chain."),
    "dead-letters": (
        "tocsin.cli.desk:dead_letters",
        "Show the records that could not be used, and why.",
    ),
    "backup": ("tocsin.cli.backup:backup", "Copy the data of a site, also while it runs."),
    "restore": ("tocsin.cli.backup:restore", "Put a backup where the data of a site lies."),
    "upkeep": ("tocsin.cli.upkeep:upkeep", "Remove what expired, and join small files."),
    "hold": ("tocsin.cli.upkeep:hold", "Say what retention must not remove."),
    "reprocess": (
        "tocsin.cli.desk:reprocess",
        "Send dead letters through once more, after a mapping was mended.",
    ),
    "query": ("tocsin.cli.lake:query", "Ask the stored events one SELECT."),
    "normalize": ("tocsin.cli.lake:normalize", "Print what log files look like in OCSF."),
    "lab": ("tocsin.cli.lab:app", "Simulate an enterprise: native logs, the truth apart."),
}
_GROUPS = {
    "Start": ("hunt", "up", "init"),
    "Every day": ("incidents", "verdict", "suppress", "intelligence", "query", "siem"),
    "Content": ("check", "apply", "rules", "source", "attack", "context"),
    "Data": (
        "sources", "readiness", "dead-letters", "reprocess", "backfill", "upkeep", "hold",
        "backup", "restore",
    ),
    "Proof": ("journal", "normalize", "lab"),
}  # fmt: skip
"""What a newcomer looks for, in the order in which it is needed."""

_REST = "More"


_HEADINGS = {title: Group(title, sort_key=n) for n, title in enumerate((*_GROUPS, _REST))}


def _group_of(name: str) -> Group:
    """The heading under which a command is listed."""
    title = next((title for title, names in _GROUPS.items() if name in names), _REST)
    return _HEADINGS[title]


def _place_of(name: str) -> int:
    """Where in its group a command stands."""
    return next((names.index(name) for names in _GROUPS.values() if name in names), 0)


for _name, (_target, _help) in _COMMANDS.items():
    app.command(_target, name=_name, help=_help, group=_group_of(_name), sort_key=_place_of(_name))


def run(tokens: Sequence[str]) -> int:
    """Run one command line; returns the exit code. A bug comes out as the exception it is."""
    try:
        result = app(
            list(tokens), exit_on_error=False, print_error=False, result_action="return_value"
        )
    except TocsinError as error:
        _complain(str(error))
        return 2
    except CycloptsError as error:
        _complain(f"{error} (`tocsin {tokens[0] if tokens else ''} --help` lists what there is)")
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is still buffered goes nowhere
        return 2
    except (OSError, EOFError) as error:
        _complain(str(error) or type(error).__name__)
        return 2
    except KeyboardInterrupt:
        return 130
    return result if isinstance(result, int) else 0


def _complain(text: str) -> None:
    from tocsin.model.text import visible  # noqa: PLC0415  # only when there is something to say

    print(f"tocsin: {visible(' '.join(text.split()), 2_000)}", file=sys.stderr)
