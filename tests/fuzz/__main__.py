"""Drive one target by coverage, then say how far it came.

    python -m tests.fuzz records --seconds 120
    python -m tests.fuzz all --record docs/proof/2.json     goes on where it was

The last line of each is JSON: inputs tried, those kept, lines covered of how many in its files,
the slowest input kept (CPU seconds) and what went wrong, with the input in hexadecimal.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "tocsin"
STALLED = 10
"""Seconds after which the fuzzer, whose instrumented code is slow, calls an input stalled."""


MOST_SECONDS = 1.0
"""CPU seconds that no input may take."""
LINE = 300


def fuzz(name: str, corpus: str, seconds: int) -> None:
    """The fuzzing process: never returns."""
    import atheris  # must come before what it instruments

    with atheris.instrument_imports(include=["tocsin"]):
        from tests.fuzz.targets import TARGETS, attempt

    target = TARGETS[name]
    for number, seed in enumerate(target.seeds()):
        (Path(corpus) / f"seed-{number:04}").write_bytes(seed)
    attempt(target, seed)  # what is compiled once must not count as the time of an input
    arguments = [
        "fuzz", corpus, f"-max_total_time={seconds}", f"-timeout={STALLED}", "-rss_limit_mb=4096",
        f"-artifact_prefix={corpus}/../found-", "-print_final_stats=1", "-max_len=8192",
    ]  # fmt: skip
    atheris.Setup(arguments, lambda data: void(attempt(target, data)))
    atheris.Fuzz()


def void(_: object) -> None:
    """The fuzzer takes no answer."""


def replay(name: str, corpus: Path) -> dict[str, object]:
    """Run what the fuzzer kept, not instrumented: lines covered and the slowest input."""
    import coverage  # before what it measures
    from tests.fuzz.targets import TARGETS

    include = [str(PACKAGE / path) for path in TARGETS[name].covers]
    measured = coverage.Coverage(include=include, data_file=None)
    measured.start()
    for module in [m for m in sys.modules if m.startswith(("tocsin", "tests.fuzz"))]:
        del sys.modules[module]
    from tests.fuzz.targets import TARGETS, attempt

    for path in sorted(corpus.iterdir()):
        attempt(TARGETS[name], path.read_bytes())
    measured.stop()
    statements = missing = 0
    for file in measured.get_data().measured_files():
        _, lines, _, absent, _ = measured.analysis2(file)
        statements, missing = statements + len(lines), missing + len(absent)
    return {"lines": statements - missing, "of": statements, "slowest_s": slowest(name, corpus)}


def slowest(name: str, corpus: Path) -> float:
    """CPU seconds of the slowest input kept, caches warm."""
    from tests.fuzz.targets import TARGETS, attempt

    most = 0.0
    for path in sorted(corpus.iterdir()):
        data, began = path.read_bytes(), time.process_time()
        attempt(TARGETS[name], data)
        most = max(most, time.process_time() - began)
    return round(most, 3)


def drive(name: str, seconds: int) -> dict[str, object]:
    """Both processes for one target."""
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus"
        corpus.mkdir()
        run = [sys.executable, "-m", "tests.fuzz", name, "--corpus", str(corpus)]
        made = subprocess.run(
            [*run, "--seconds", str(seconds)], cwd=ROOT, capture_output=True, text=True, check=False
        )
        told = subprocess.run(
            [*run, "--replay"], cwd=ROOT, capture_output=True, text=True, check=False
        )
        found = [path.read_bytes().hex()[:4000] for path in Path(folder).glob("found-*")]
        tried = re.search(r"number_of_executed_units: (\d+)", made.stderr)
        result: dict[str, object] = {
            "target": name,
            "seconds": seconds,
            "inputs": int(tried[1]) if tried else 0,
            "kept": len(list(corpus.iterdir())),
            "found": found,
        }
        if found or made.returncode:
            result["failed"] = made.stderr[-1500:] or f"exit code {made.returncode}"
        if told.returncode:
            result["failed"] = told.stderr[-1500:]
        else:
            result |= json.loads(told.stdout.splitlines()[-1])
        return result


def drive_all(seconds: int, record: Path) -> int:
    """Every target that the record does not have yet; how many failed in all."""
    from tests.fuzz.targets import TARGETS  # not before the fuzzer is set up

    done = json.loads(record.read_text())["fuzz"] if record.exists() else []
    for name in TARGETS:
        if name not in {one["target"] for one in done}:
            done.append({"commit": commit(), **drive(name, seconds)})
            record.write_text(json.dumps({"fuzz": done}, indent=1) + "\n")
            print(json.dumps(done[-1])[:LINE], flush=True)
    print_table(done)
    return sum("failed" in one or one["slowest_s"] > MOST_SECONDS for one in done)


def print_table(done: list[dict[str, Any]]) -> None:
    """The figures in Markdown."""
    print("| reader | inputs tried | lines reached | slowest input kept | went wrong |")
    print("|---|---|---|---|---|")
    for one in done:
        lines = f"{one.get('lines', 0)} of {one.get('of', 0)}"
        wrong = len(one["found"]) or ("yes" if "failed" in one else "nothing")
        slow = f"{one.get('slowest_s', 0):.3f} s"
        print(f"| {one['target']} | {one['inputs']:,} | {lines} | {slow} | {wrong} |")


def commit() -> str:
    """The commit that is checked out."""
    command = ["git", "rev-parse", "--short=12", "HEAD"]
    return subprocess.check_output(command, cwd=ROOT, text=True).strip()  # our words


def main() -> int:
    """Entry point of `python -m tests.fuzz`."""
    parser = argparse.ArgumentParser(description="Fuzz one reader of foreign bytes.")
    parser.add_argument("target")
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--corpus")
    parser.add_argument("--record", type=Path, default=ROOT / "docs" / "proof" / "2.json")
    parser.add_argument("--replay", action="store_true")
    options = parser.parse_args()
    if options.target == "all":
        return 1 if drive_all(options.seconds, options.record) else 0
    if options.corpus and options.replay:
        print(json.dumps(replay(options.target, Path(options.corpus))))
    elif options.corpus:
        fuzz(options.target, options.corpus, options.seconds)
    else:
        result = drive(options.target, options.seconds)
        print(json.dumps(result))
        return 1 if "failed" in result else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
