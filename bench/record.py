"""Where the figures of detection are kept: `docs/proof/detection.json`.

The page docs/reference/detection-figures.md is made from it (`make docs`).
"""

import json
import platform
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RECORD = ROOT / "docs" / "proof" / "detection.json"


def keep(part: str, figures: dict[str, Any]) -> None:
    """Put the figures of one measurement beside the others, with the commit that they are of."""
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    record[part] = {"commit": commit(), "machine": machine(), **figures}
    RECORD.parent.mkdir(parents=True, exist_ok=True)
    RECORD.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")


def commit() -> str:
    """The commit that is measured, with `+` where files differ from it."""
    command = ["git", "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)  # noqa: S603 - a fixed command
    return done.stdout.decode().strip() or "unknown"


def machine() -> str:
    """What it was measured on."""
    return f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}"
