"""A site on disk: its settings and where its data lies."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tocsin import settings as settings_file
from tocsin.errors import UsageError
from tocsin.settings import Settings

DEAD = "dead"
"""The partition of the spool in which the edge keeps what it refused."""


@dataclass(frozen=True, slots=True)
class Site:
    """One site. `folder` is None when only what ships is at hand."""

    folder: Path | None
    settings: Settings
    data: Path

    @property
    def state(self) -> Path:
        """The state database."""
        return self.data / "state.db"

    @property
    def spool(self) -> Path:
        """The folder of spool segments."""
        return self.data / "spool"

    @property
    def lake(self) -> Path:
        """The folder of Delta tables."""
        return self.data / "lake"

    @property
    def contents(self) -> Path:
        """The folder of applied content sets."""
        return self.data / "content"

    @property
    def plans(self) -> Path:
        """The cache of compiled rules of this site."""
        return self.data / "plans"


def open_site(folder: Path | None, environment: Mapping[str, str] = os.environ) -> Site:
    """The named site, else the one found here; without any, shipped content and defaults."""
    found = folder if folder is not None else settings_file.find_site(Path.cwd(), environment)
    settings = settings_file.load(found, environment)
    return Site(found, settings, (found or Path.cwd()) / settings.paths.data)


def required_site(folder: Path | None) -> Site:
    """Like `open_site`, but there must be one."""
    site = open_site(folder)
    if site.folder is None:
        raise UsageError("there is no site here: `tocsin init soc` makes one, --site names another")
    return site
