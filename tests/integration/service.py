"""A real `tocsin up` in processes of its own, to be fed, killed and looked at."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from deltalake import DeltaTable

from tocsin.model.findings import Finding
from tocsin.store import State

READY_WITHIN = 10.0


def free_port() -> int:
    """A loopback port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Service:
    """One site folder and the service that runs on it."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def logs(self) -> Path:
        """The folder that the service reads."""
        return self.folder / "logs"

    def prepare(self, *, lake_seconds: int = 1) -> None:
        """Write the site's settings."""
        self.logs.mkdir(parents=True)
        (self.folder / "tocsin.toml").write_text(
            f'site = "kill"\n[lake]\ncommit_seconds = {lake_seconds}\n'
            f'[http]\nport = {self.port}\n[[input]]\npath = "logs"\n'
        )

    def start(self, crash_at: str = "") -> float:
        """Start and wait until it is ready; returns the seconds that took.

        With `crash_at` it returns at once: that service may never become ready.
        """
        environment = dict(os.environ)
        if crash_at:
            environment["TOCSIN_CRASH_AT"] = crash_at
        with (self.folder / "up.log").open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tocsin", "up", "--site", str(self.folder)],
                env=environment, stdout=out, stderr=out, start_new_session=True,
            )  # fmt: skip
        return 0.0 if crash_at else self.wait_ready()

    def wait_ready(self) -> float:
        """Seconds until `/readyz` answers 200; fails after READY_WITHIN."""
        began = time.monotonic()
        while time.monotonic() - began < READY_WITHIN:
            with contextlib.suppress(OSError, urllib.error.URLError):
                url = f"http://127.0.0.1:{self.port}/readyz"
                if urllib.request.urlopen(url, timeout=1).status == 200:
                    return time.monotonic() - began
            time.sleep(0.02)
        raise AssertionError(f"not ready within {READY_WITHIN} s: {self.log()[-2000:]}")

    def kill(self, *, whole_group: bool) -> None:
        """`kill -9`: the supervisor alone (its children must follow) or all processes at once."""
        assert self.process is not None
        if whole_group:
            os.killpg(self.process.pid, signal.SIGKILL)
        else:
            self.process.kill()
        self.process.wait()

    def kill_part(self, name: bytes) -> bool:
        """`kill -9` of one child by the words of its command line; False when it is not there."""
        assert self.process is not None
        for pid in _descendants(self.process.pid):
            with contextlib.suppress(OSError):
                if name in Path(f"/proc/{pid}/cmdline").read_bytes():
                    os.kill(pid, signal.SIGKILL)
                    return True
        return False

    def stop(self) -> None:
        """SIGTERM and wait."""
        assert self.process is not None
        self.process.terminate()
        self.process.wait(timeout=30)

    def log(self) -> str:
        """What the service wrote so far."""
        return (self.folder / "up.log").read_text(errors="replace")

    def stored(self) -> Counter[tuple[str, int]]:
        """How often each input record (origin, position) is in the lake."""
        counts: Counter[tuple[str, int]] = Counter()
        for table in sorted((self.folder / "data" / "lake").glob("*/_delta_log")):
            columns = ["tocsin_origin", "tocsin_position"]
            rows = DeltaTable(str(table.parent)).to_pyarrow_table(columns=columns)
            counts.update(zip(*(rows.column(c).to_pylist() for c in columns), strict=True))
        return counts

    def findings(self) -> list[Finding]:
        """All findings of the state database."""
        state = State(self.folder / "data" / "state.db", read_only=True)
        return list(state.casebook.all_findings())

    def wait_stored(self, total: int, within: float = 60.0) -> None:
        """Wait until `total` rows are in the lake."""
        deadline = time.monotonic() + within
        while (found := self.stored().total()) < total:
            assert time.monotonic() < deadline, f"{found} of {total} stored: {self.log()[-3000:]}"
            time.sleep(0.2)


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found += [child, *_descendants(child)]
    return found
