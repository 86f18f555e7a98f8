"""`tocsin up`."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from tocsin.app import site as sites
from tocsin.app.up import serve_site


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
        return serve_site(place, [demo_part(place)])
    return serve_site(sites.required_site(site), [])
