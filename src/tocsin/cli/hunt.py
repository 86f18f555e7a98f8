"""`tocsin hunt`."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from tocsin.app.hunt import Progress, hunt_files
from tocsin.app.reporting import Reporter
from tocsin.cli.arguments import Count
from tocsin.cli.screen import Screen
from tocsin.cli.tell import report_json, tell_report
from tocsin.errors import UsageError


def _target(_kind: object, path: Path | None) -> None:
    """A file, or "-": what else begins so is an option behind a forgotten name."""
    if path is not None and path != Path("-") and str(path).startswith("-"):
        raise ValueError(f'name a file before {path}, or "-" for standard output')


def hunt(
    *paths: Path,
    rules: Path | None = None,
    lake: Path | None = None,
    json: Annotated[
        Path | None, Parameter(name="--json", allow_leading_hyphen=True, validator=_target)
    ] = None,
    report: Path | None = None,
    site: Path | None = None,
    top: Count = 10,
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
    report
        Also write a page for people to this file: incidents, timeline, ATT&CK, evidence.
    site
        Site folder whose content to use; without it, what ships.
    top
        How many incidents to tell in full.
    """
    screen = Screen(sys.stderr if json == Path("-") else sys.stdout)
    cores = max(1, len(os.sched_getaffinity(0)))
    keep, publish = _writer("--json", json), _writer("--report", report)
    reporter = Reporter(site) if publish is not None else None
    with screen.progress() as bar:

        def show(progress: Progress) -> None:
            bar.update(progress)

        found = hunt_files(
            list(paths), rules=rules, lake=lake, site=site, cores=cores, progress=show
        )
    # What prints may be cut short (`| head`): the page is safe by then.
    if publish is not None and reporter is not None:
        publish(reporter.page(found, list(paths), rules))
    if keep is not None:
        keep(report_json(found))
    tell_report(screen, found, top=top)
    if report is not None:
        screen.line(f"The report is in {report}.")
    return 1 if found.findings else 0


def _writer(option: str, path: Path | None) -> Callable[[bytes], object] | None:
    """What writes a result, tried before the work: hours of it are not lost to a wrong name.

    A file gets its name when it is complete; until then an older one of that name stays.
    """
    if path is None:
        return None
    if path == Path("-"):
        return sys.stdout.buffer.write
    if path.is_dir():
        raise UsageError(f"{option} {path}: this is a folder; name a file")
    if path.exists() and not path.is_file():
        return path.write_bytes  # a device or pipe
    if not path.parent.is_dir():
        raise UsageError(f"{option} {path}: there is no folder {path.parent}")
    path = path.resolve()
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.touch()
    fresh.unlink()  # not to be read as one of the logs

    def write(data: bytes) -> None:
        try:
            fresh.write_bytes(data)
            fresh.replace(path)
        finally:
            fresh.unlink(missing_ok=True)

    return write
