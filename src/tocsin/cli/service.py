"""`tocsin up`."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from tocsin.app import site as sites
from tocsin.app.site import Site
from tocsin.app.up import serve_site
from tocsin.cli.screen import Screen


def up(site: Path | None = None, *, demo: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Run the service: collect, detect and keep, until stopped.

    Parameters
    ----------
    site
        Site folder; without it the one found here.
    demo
        A site of its own with a small simulated enterprise that writes log files.
    """
    if demo:
        from tocsin.cli.demo import demo_part, demo_site  # noqa: PLC0415  # the lab only when asked

        place = demo_site()
        _welcome(place)
        return serve_site(place, [demo_part(place)])
    return serve_site(sites.required_site(site), [])


def _welcome(site: Site) -> None:
    screen = Screen()
    screen.line(
        "A small simulated enterprise is writing logs; somewhere in it an attack is under way."
    )
    screen.line(
        "The first incident is told here within a minute. Ctrl-C stops. In another terminal:"
    )
    screen.line(f"  tocsin incidents --site {site.folder}")
    screen.line(f"  tocsin query --site {site.folder} 'from process_activity limit 3'")
    screen.line()
