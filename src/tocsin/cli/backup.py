"""`tocsin backup` and `tocsin restore`."""

from pathlib import Path

from tocsin.app import backup as backups
from tocsin.app import site as sites
from tocsin.app.clock import SystemClock
from tocsin.cli.arguments import Flag
from tocsin.cli.screen import Screen
from tocsin.cli.tell import utc

_MIB = 1024 * 1024


def backup(target: Path, *, verify: Flag = False, site: Path | None = None) -> int:
    """Copy the data of a site into a new folder, also while the service runs.

    Parameters
    ----------
    target
        Folder to write into: new or empty.
    verify
        Make none; check every file of the backup that is in the folder.
    site
        Site folder; without it the one found here.
    """
    if verify:
        made = backups.verify(target)
    else:
        made = backups.back_up(sites.required_site(site), target, SystemClock().now())
    did = "whole" if verify else "made"
    Screen().line(
        f"{did}: {len(made.files):,} files, {made.size / _MIB:,.1f} MiB,"
        f" site {made.site} as of {utc(made.at)}"
    )
    return 0


def restore(source: Path, *, site: Path | None = None) -> int:
    """Put a backup where the data of the site lies; nothing may be there yet.

    Every file is checked first. `tocsin up` then goes on from the moment of the backup.

    Parameters
    ----------
    source
        Folder that `tocsin backup` wrote.
    site
        Site folder; without it the one found here.
    """
    made = backups.restore(source, sites.required_site(site))
    Screen().line(f"restored: {len(made.files):,} files as of {utc(made.at)}")
    return 0
