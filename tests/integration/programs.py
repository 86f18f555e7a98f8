"""Programs of other makers, installed where that is possible: real senders to be fed by."""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

WITHIN = 300
"""Seconds that an installation may take."""


def need(program: str, *packages: str) -> str:
    """The path of a program; installs Debian packages that hold it, or skips the test."""
    found = shutil.which(program)
    wanted = tuple(name for name in packages if not _is_installed(name))
    if wanted:
        reason = _install(wanted)
        if reason:
            pytest.skip(f"{', '.join(wanted)} cannot be installed: {reason}")
        found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not there, and no package of it was named")
    return found


def _is_installed(package: str) -> bool:
    return Path(f"/var/lib/dpkg/info/{package}.list").exists()


@cache
def _install(packages: tuple[str, ...]) -> str:
    """Why packages could not be installed; empty when they were."""
    if shutil.which("apt-get") is None:
        return "there is no apt-get"
    if os.geteuid():
        return "only root may"
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (("update",), ("install", "-y", "--no-install-recommends", *packages)):
        command = ["apt-get", "-qq", *words]
        done = subprocess.run(
            command, env=quiet, capture_output=True, text=True, timeout=WITHIN, check=False
        )
        if done.returncode:
            return f"apt-get {words[0]}: {done.stderr.strip()[-300:]}"
    return ""
