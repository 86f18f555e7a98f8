"""How well findings are grouped where the truth is known: `python -m bench.grouping`.

Real recordings of attacks (OTRF) are observed with the product's code. Then, for each seed, twenty
of them are laid into one simulated day of background: shifted in time, their hosts and people
renamed so that they share ten hosts (some of them busy with the background), eight people and one
administrator. The truth is the recording. B-cubed precision and recall are of the findings that
make incidents (medium and above), and count the background that is mixed in.

Windows of `Grouping` were chosen by the scores of half of the recordings (by a hash of the name,
`--half 0`). The other half is not untouched: wrong links of all recordings were looked at before
the method was chosen, and its scores were seen once while windows were still being chosen.
"""

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from random import Random

import msgspec

from bench.inputs import archives
from tocsin import flow
from tocsin.app import parts
from tocsin.app.reading import CLOCK_SAMPLE
from tocsin.correlate.grouping import host_of, is_core
from tocsin.correlate.incidents import END, IncidentFold
from tocsin.formats.limits import DEFAULT
from tocsin.formats.read import read_batches
from tocsin.formats.records import Stamp, to_envelope
from tocsin.lab.enterprise import Enterprise
from tocsin.lab.simulate import write_history
from tocsin.model.findings import Entity, Finding, findings_from_arrow, findings_to_arrow
from tocsin.model.stages import ContextSnapshot

DAY = 86_400_000_000
START = 1_767_571_200_000_000
STREAMS = 20
STEP = 500
ADMIN = 0.4
"""Share of recordings whose main person is the common administrator."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rules", type=Path, help="folder or archive; without it what ships")
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--half", type=int, choices=(0, 1), help="only this half of the recordings")
    options = parser.parse_args()
    compiled = compiled_rules(options.rules)
    recorded = {path.name: observed([path], compiled) for path in archives()}
    with tempfile.TemporaryDirectory() as folder:
        quiet = background(Path(folder), compiled)
    if options.half is not None:
        recorded = {name: f for name, f in recorded.items() if half_of(name) == options.half}
    print(f"{len(recorded)} recordings, {len(quiet):,} findings of background in a day")
    for seed in range(options.seeds):
        stream, truth = mixed(recorded, quiet, seed)
        members = grouped(stream)
        core = {one.finding_id for one in stream if is_core(one)}
        precision, recall = b_cubed(members, truth, core)
        every = b_cubed(members, truth, {one.finding_id for one in stream})
        print(
            f"seed {seed}: {len(truth):,} findings of attacks; medium and above: precision "
            f"{precision:.3f} recall {recall:.3f}; all: {every[0]:.3f} {every[1]:.3f}"
        )


def compiled_rules(rules: Path | None) -> flow.Compiled:
    """The shipped rules, or those of a folder or archive."""
    content = parts.load_content(None)
    return parts.build(
        parts.prepare(content, parts.rule_files(content, rules), parts.cache_folder())
    )


def observed(paths: Sequence[Path], compiled: flow.Compiled) -> list[Finding]:
    """All findings in the files of one recording; its hosts' clocks are estimated as in a hunt."""
    found: dict[str, Finding] = {}
    offset, clocks = 0, None
    for batch in read_batches(list(paths), DEFAULT):
        if not len(batch):
            continue
        raw = to_envelope(batch, Stamp("bench", "bench", offset, None, 0))
        offset += len(batch)
        if clocks is None:
            first = flow.decode(raw.slice(0, CLOCK_SAMPLE), compiled.normalizer)
            clocks = compiled.normalizer.host_clocks(first.records)
        hits = flow.look(raw, compiled, ContextSnapshot("bench", "bench", clocks)).hits
        found |= {one.finding_id: one for one in findings_from_arrow(hits)}
    return list(found.values())


def background(folder: Path, compiled: flow.Compiled) -> list[Finding]:
    """The findings of a simulated day without an attack."""
    logs = folder / "logs"
    write_history(logs, folder / "truth.json", 7, START, DAY, enterprise=Enterprise(attack=False))
    return observed([logs], compiled)


def half_of(name: str) -> int:
    """Which half a recording is in."""
    return sha256(name.encode()).digest()[0] & 1


def mixed(
    recorded: Mapping[str, list[Finding]], quiet: Sequence[Finding], seed: int
) -> tuple[list[Finding], dict[str, str]]:
    """Findings in order of time, and the recording that each finding of an attack is from."""
    rng = Random(seed)  # noqa: S311 - a repeatable input, no secret
    able = sorted(name for name, found in recorded.items() if any(map(is_core, found)))
    busy = sorted({host_of(one) for one in quiet if host_of(one).startswith("ws")})[:5]
    pool = [*busy, *(f"pc{n}" for n in range(10 - len(busy)))]
    stream = [_of_site(one, f"quiet-{one.finding_id}") for one in quiet]
    truth: dict[str, str] = {}
    for number, name in enumerate(rng.sample(able, min(STREAMS, len(able)))):
        found = recorded[name]
        hosts, people = _renaming(found, pool, rng)
        shift = START + rng.randrange(DAY) - min(one.time for one in found)
        for one in found:
            moved = msgspec.structs.replace(
                _of_site(one, f"{number:02}-{one.finding_id}"),
                time=one.time + shift,
                entities=tuple(_renamed(entity, hosts, people) for entity in one.entities),
            )
            stream.append(moved)
            truth[moved.finding_id] = name
    return sorted(stream, key=lambda one: (one.time, one.finding_id)), truth


def _of_site(one: Finding, name: str) -> Finding:
    return msgspec.structs.replace(one, finding_id=name, site="bench")


def _renaming(
    found: Sequence[Finding], pool: Sequence[str], rng: Random
) -> tuple[dict[str, str], dict[str, str]]:
    """New names for the hosts and people of a recording; domain controllers are one for all."""
    names = sorted({e.key for one in found for e in one.entities if e.kind == "host"})
    hosts = {name: "dc01" for name in names if "dc" in name}
    others = [name for name in names if name not in hosts]
    hosts |= zip(others, rng.sample(pool, len(pool)), strict=False)
    met = Counter(
        e.key.rpartition("\\")[2]
        for one in found
        for e in one.entities
        if e.kind == "user" and "\\" in e.key and not e.key.startswith("builtin:")
    )
    staff = rng.sample([f"person{n}" for n in range(8)], 8)
    people = dict(zip(sorted(met), staff, strict=False))
    if met and rng.random() < ADMIN:
        people[met.most_common(1)[0][0]] = "admin"
    return hosts, people


def _renamed(entity: Entity, hosts: Mapping[str, str], people: Mapping[str, str]) -> Entity:
    """An entity under its new names, also where they are a part of the key."""
    key = entity.key
    if entity.kind == "host":
        key = hosts.get(key, key)
    elif entity.kind == "user" and "\\" in key:
        domain, _, name = key.partition("\\")
        key = f"{hosts.get(domain, domain)}\\{people.get(name, name)}"
    elif entity.kind in ("process", "session", "file"):
        mark = "#" if entity.kind == "process" else "|"
        owner, found, rest = key.partition(mark)
        key = hosts.get(owner, owner) + found + rest
    return msgspec.structs.replace(entity, key=key)


def grouped(stream: Sequence[Finding]) -> dict[str, list[str]]:
    """The findings of each incident, by the fold as the service steps it."""
    fold, members = IncidentFold(), dict[str, list[str]]()
    steps = [stream[at : at + STEP] for at in range(0, len(stream), STEP)]
    for part in [*steps, []]:
        watermark = part[0].time - flow.LATENESS if part else END
        rows = findings_to_arrow([(0, one) for one in part])
        for change in fold.advance(rows, watermark=watermark).to_pylist():
            name, other = change["incident_id"], change["alias_of"]
            target = members.setdefault(other or name, [])
            target += members.pop(name, []) if other else change["new_finding_ids"]
    return members


def b_cubed(
    members: Mapping[str, Iterable[str]], truth: Mapping[str, str], counted: set[str]
) -> tuple[float, float]:
    """Precision and recall over the findings of attacks; background counts as foreign."""
    place = {one: name for name, ids in members.items() for one in ids if one in counted}
    sizes = Counter(place.values())
    items = [one for one in truth if one in counted]
    whole = Counter(truth[one] for one in items)
    both = Counter((truth[one], place[one]) for one in items)
    precision = sum(both[truth[one], place[one]] / sizes[place[one]] for one in items)
    recall = sum(both[truth[one], place[one]] / whole[truth[one]] for one in items)
    return precision / len(items), recall / len(items)


if __name__ == "__main__":
    main()
