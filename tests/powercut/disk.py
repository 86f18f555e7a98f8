"""A mounted file system whose power can be cut."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.integration.programs import need

WITHIN = 10.0
"""Seconds in which it must be mounted."""
ROOT = Path(__file__).resolve().parents[2]


def need_fuse() -> None:
    """Install what is needed, or skip the test and say why."""
    if not Path("/dev/fuse").exists():
        pytest.skip("there is no /dev/fuse: file systems of programs are not possible here")
    need("fusermount3", "fuse3", "libfuse2")
    if os.geteuid():
        pytest.skip("mounting for other processes needs root here")


class Disk:
    """What lies in `store` survives a cut; programs see `mount`."""

    def __init__(self, folder: Path) -> None:
        self.mount = folder / "mount"
        self._store = folder / "store"
        self._log = folder / "disk.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.mount.mkdir(parents=True)
        self._store.mkdir()

    def on(self) -> None:
        """Mount what is durable."""
        program = [sys.executable, "-m", "tests.powercut.filesystem"]
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(
                [*program, str(self._store), str(self.mount)], cwd=ROOT, stdout=out, stderr=out
            )
        deadline = time.monotonic() + WITHIN
        while not os.path.ismount(self.mount):
            assert time.monotonic() < deadline, self._log.read_text()
            assert self._process.poll() is None, self._log.read_text()
            time.sleep(0.02)

    def cut(self) -> None:
        """The power fails: what was not synced is gone, and whoever writes gets an error."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        command = [shutil.which("fusermount3") or "fusermount3", "-u", "-z", str(self.mount)]
        subprocess.run(command, check=False, capture_output=True)
