"""How a process of the service begins: tied to its supervisor, loading only what it needs."""

import os
import signal
import sys
import threading
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any

import structlog

from tocsin.app.flag import Flag
from tocsin.errors import TocsinError


@dataclass(frozen=True, slots=True)
class Part:
    """A process of the service: `target` (`module:function`) called with `args`."""

    name: str
    target: str
    args: tuple[Any, ...] = ()
    ready: Flag | None = None
    """What it sets when it is ready; whoever watches it clears that when it has died."""


def run_child(target: str, lifeline: Connection, *args: Any) -> None:
    """Run `module:function` with `args`; leave at once when the supervisor is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, args=(lifeline,), daemon=True).start()
    module, _, name = target.partition(":")
    try:
        getattr(import_module(module), name)(*args)
    except TocsinError as error:
        structlog.get_logger().error("cannot go on", part=name, reason=str(error))
        sys.exit(2)


def _leave_with_parent(lifeline: Connection) -> None:
    try:
        lifeline.recv_bytes()
    except (EOFError, OSError):
        os._exit(0)
