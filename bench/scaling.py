"""`python -m bench.scaling [INPUT]`: what ten times as many rules cost.

The same events against every tenth of SigmaHQ's rules and against all of them, with empty caches
and again with full ones. CPU time of this process, matching only.
"""

import argparse
import time
from pathlib import Path

from bench.detect import chunks, decoded
from bench.inputs import NAMES, data_folder
from tocsin.app import parts
from tocsin.app.workers import calm_collector
from tocsin.detect.sigma import Matcher, Plan, compile_plan, parse_rules
from tocsin.normalize import Normalizer


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("input", nargs="?", default="otrf-100k", choices=sorted(NAMES))
    name = parser.parse_args().input
    content = parts.load_content(None)
    archive: Path = data_folder() / "detection/sigma_rules.tar.xz"
    files = [file for file in parts.rule_files(content, archive) if "/windows/" in file[0]]
    bindings = parts.logsources(content)
    normalizer = parts.build(
        parts.prepare(content, parts.rule_files(content, None), parts.cache_folder())
    ).normalizer
    few, many = (compile_plan(parse_rules(part), bindings) for part in (files[::10], files))
    calm_collector()
    costs = zip(run(few, name, normalizer), run(many, name, normalizer), strict=True)
    for label, (less, more) in zip(("cold", "warm"), costs, strict=True):
        print(
            f"{label}: {len(few.rules)} rules {less:.2f} us/event, {len(many.rules)} rules"
            f" {more:.2f} us/event: {more / less:.2f} times"
        )


def run(plan: Plan, name: str, normalizer: Normalizer) -> tuple[float, float]:
    """Microseconds of matching per event, cold and warm."""
    matcher = Matcher(plan)
    found = []
    for _ in range(2):
        spent, events = 0.0, 0
        for chunk in chunks(name):
            records = decoded(normalizer, chunk)
            began = time.process_time()
            matcher.match(records, chunk)
            spent += time.process_time() - began
            events += len(chunk)
        found.append(spent / events * 1e6)
    return found[0], found[1]


if __name__ == "__main__":
    main()
