"""`tocsin up --demo`: the same service, fed by a small simulated enterprise.

The lab writes log files as real machines would; the service reads them as it reads any folder. The
truth about the attack lies outside the folder that the service can read.
"""

import shutil
import signal
import threading
from pathlib import Path

import platformdirs

from tocsin.app.child import Part
from tocsin.app.clock import SystemClock
from tocsin.app.site import Site, open_site
from tocsin.errors import UsageError
from tocsin.settings import FILE

SEED = 7
SPEED = 60.0
"""How many times faster than it happened the attack is played."""

SOURCES = ("windows", "firewall", "entra", "okta", "cloudtrail")
"""Whose logs are shown: those that 20 people have."""

MARK = ".tocsin-demo"
SETTINGS = """site = "demo"

[lake]
commit_seconds = 10

[[input]]
path = "logs"
"""


def demo_site() -> Site:
    """A fresh site for the demonstration; the one of the last time is removed."""
    folder = platformdirs.user_state_path("tocsin") / "demo"
    if folder.exists() and not (folder / MARK).exists():
        raise UsageError(f"{folder} is not a demonstration of ours: move it away first")
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "logs").mkdir(parents=True)
    (folder / MARK).touch()
    (folder / FILE).write_text(SETTINGS, encoding="utf-8")
    return open_site(folder)


def demo_part(site: Site) -> Part:
    """The process in which the simulated enterprise works."""
    assert site.folder is not None  # noqa: S101  # demo_site made it
    logs, truth = site.folder / "logs", site.folder / "truth.jsonl"
    return Part("lab", "tocsin.cli.demo:run_lab", (str(logs), str(truth)))


def run_lab(logs: str, truth: str) -> None:
    """Body of the lab's process: writes log files until it is ended."""
    from tocsin.lab import Enterprise, live  # noqa: PLC0415  # only in this process

    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    enterprise = Enterprise(sources=SOURCES)
    live(Path(logs), Path(truth), SEED, SystemClock(), SPEED, stop, enterprise=enterprise)
