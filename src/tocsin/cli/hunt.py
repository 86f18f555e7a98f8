"""`tocsin hunt`."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from tocsin.app.hunt import Progress, hunt_files
from tocsin.cli.screen import Screen
from tocsin.cli.tell import report_json, tell_report


def hunt(
    *paths: Path,
    rules: Path | None = None,
    lake: Path | None = None,
    json: Annotated[Path | None, Parameter(name="--json")] = None,
    site: Path | None = None,
    top: int = 10,
) -> int:
    """Read log files once and tell the incidents in them.

    Parameters
    ----------
    paths
        Files, folders or archives (zip, tar, gz, xz, EVTX), in any mixture.
    rules
        Folder or archive of Sigma rules to use instead of the shipped ones.
    lake
        New folder to also keep every event in, as Delta tables.
    json
        Also write everything that was found to this file ("-" for standard output).
    site
        Site folder whose content to use; without it, what ships.
    top
        How many incidents to tell in full.
    """
    screen = Screen(sys.stderr if json == Path("-") else sys.stdout)
    with screen.progress() as bar:

        def show(progress: Progress) -> None:
            bar.update(progress)

        report = hunt_files(list(paths), rules=rules, lake=lake, site=site, progress=show)
    if json is not None:
        data = report_json(report)
        if json == Path("-"):
            sys.stdout.buffer.write(data)
        else:
            json.write_bytes(data)
    tell_report(screen, report, top=top)
    return 1 if report.findings else 0
