"""The report of a hunt: what it says of itself is gathered here, around what the hunt found."""

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from tocsin.app.attacking import labels_of
from tocsin.app.clock import SystemClock
from tocsin.app.hunt import Report
from tocsin.app.report import About, render, view_of
from tocsin.app.report.inputs import inputs_of
from tocsin.app.site import open_site
from tocsin.model.ports import Clock


class Reporter:
    """Makes the page of one hunt; made before the hunt, so that a broken site is known early."""

    def __init__(self, site: Path | None, clock: Clock | None = None) -> None:
        """`site` is the site folder, else the one found here; its ATT&CK release judges labels."""
        self._labels = labels_of(open_site(site))
        self._site = site
        self._clock = clock or SystemClock()

    def page(self, report: Report, paths: Sequence[Path], rules: Path | None) -> bytes:
        """The page in UTF-8; reads the inputs once more, for their digests."""
        inputs, left = inputs_of(paths)
        settings = (
            ("Inputs", ", ".join(map(str, paths))),
            (
                "Rules",
                str(rules) if rules else "those that ship" if not self._site else "the site's",
            ),
            ("Site", str(self._site) if self._site else "none"),
        )
        about = About(self._clock.now(), version("tocsin"), self._labels, settings, inputs, left)
        return render(view_of(report, about))
