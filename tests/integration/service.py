"""A real `tocsin up` in processes of its own, to be fed, killed and looked at."""

import contextlib
import os
import re
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

READY_WITHIN = 90.0
TICKS = os.sysconf("SC_CLK_TCK")


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

    def cpu(self) -> float:
        """Seconds of a processor that this run's processes have used, those that ended too."""
        assert self.process is not None
        ticks = 0
        for path in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                words = path.read_text().rpartition(")")[2].split()
                ticks += sum(map(int, words[11:15])) * (int(words[2]) == self.process.pid)
        return ticks / TICKS

    def memory(self) -> int:
        """Bytes of memory that this run's processes hold, shared pages counted by share."""
        assert self.process is not None
        kilobytes = 0
        for path in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                words = path.read_text().rpartition(")")[2].split()
                if int(words[2]) == self.process.pid:
                    told = (path.parent / "smaps_rollup").read_text()
                    kilobytes += int(told.partition("\nPss:")[2].split()[0])
        return kilobytes * 1024

    def command(self, *words: str) -> str:
        """What a command of `tocsin` says about this site; fails when it does."""
        command = [sys.executable, "-m", "tocsin", *words, "--site", str(self.folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def kill(self, *, whole_group: bool) -> None:
        """`kill -9`: the supervisor alone (its children must follow) or all processes at once."""
        assert self.process is not None
        if whole_group:
            os.killpg(self.process.pid, signal.SIGKILL)
        else:
            self.process.kill()
        self.process.wait()

    def kill_part(self, name: str) -> None:
        """`kill -9` of the newest child of that name."""
        started = self._started(name)
        assert started, f"no {name} in {self.log()[-2000:]}"
        os.kill(started[-1], signal.SIGKILL)

    def starts(self, name: str) -> int:
        """How often a child of that name was started."""
        return len(self._started(name))

    def _started(self, name: str) -> list[int]:
        """Process ids of the children of that name, the newest last."""
        plain = re.sub(r"\x1b\[[0-9;]*m", "", self.log())
        found = re.findall(rf"started .*part={name} .*?pid=(\d+)|pid=(\d+).*part={name}\b", plain)
        return [int("".join(pids)) for pids in found]

    def stop(self) -> None:
        """SIGTERM and wait."""
        assert self.process is not None
        self.process.terminate()
        self.process.wait(timeout=30)

    def end(self) -> None:
        """Make sure that nothing runs any more."""
        if self.process is not None and self.process.poll() is None:
            self.kill(whole_group=True)

    def log(self) -> str:
        """What the service wrote so far."""
        return (self.folder / "up.log").read_text(errors="replace")

    def stored(self) -> Counter[bytes]:
        """How often each original record is in the lake."""
        counts: Counter[bytes] = Counter()
        for table in sorted((self.folder / "data" / "lake").glob("*/_delta_log")):
            column = DeltaTable(str(table.parent)).to_pyarrow_table(columns=["raw_data"])[
                "raw_data"
            ]
            counts.update(raw.encode() for raw in column.to_pylist())
        return counts

    def journal_break(self) -> int | None:
        """The first record of the journal that does not follow."""
        return State(self.folder / "data" / "state.db", read_only=True).journal.verify()

    def logged(self, words: str, within: float) -> bool:
        """Whether the service writes these words within so many seconds."""
        deadline = time.monotonic() + within
        while words not in self.log():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def findings(self) -> list[Finding]:
        """All findings of the state database."""
        state = State(self.folder / "data" / "state.db", read_only=True)
        return list(state.casebook.all_findings())

    def dead_letters(self) -> list[str]:
        """Reasons of what could not be used."""
        state = State(self.folder / "data" / "state.db", read_only=True)
        return [letter.reason for letter in state.intake.dead_letters(1_000)]

    def wait_stored(self, total: int, within: float = 60.0) -> None:
        """Wait until `total` rows are in the lake."""
        deadline = time.monotonic() + within
        while (found := self.stored().total()) < total:
            assert time.monotonic() < deadline, f"{found} of {total} stored: {self.log()[-3000:]}"
            time.sleep(0.2)
