"""Small inputs that are meant to become large or endless, and how long each holds a reader up."""

import gzip
import io
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from tests.formats.test_evtx import looping_log
from tests.integration import load
from tests.integration.service import Service
from tests.integration.trials import Outcome

from tocsin.formats.read import read_batches

MIB = 1024 * 1024
WITHIN = 1.0
"""Seconds in which each must be refused; on a busy machine, of a processor's time."""
REFUSED = frozenset({400, 413})


def zipped(data: bytes) -> bytes:
    """An archive with this one member."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.json", data)
    return out.getvalue()


def bombs() -> dict[str, bytes]:
    """File names with content: each unpacks to 128 MiB, nests without end, or runs in a circle."""
    large = b'{"EventID":1}\n' + b'{"EventID":1,"a":"' + b"x" * (128 * MIB)
    return {
        "bomb.json.gz": gzip.compress(large, 1),
        "nested.gz": gzip.compress(gzip.compress(large, 9), 9),
        "bomb.zip": zipped(large),
        "deep.json": b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"\n",
        "bomb.evtx": looping_log(),
    }


def _timed(work: Callable[[], object]) -> tuple[object, dict[str, float]]:
    wall, cpu = time.monotonic(), time.process_time()
    found = work()
    took = {"wall_s": time.monotonic() - wall, "cpu_s": time.process_time() - cpu}
    return found, {name: round(seconds, 3) for name, seconds in took.items()}


def _reasons(path: Path) -> list[str]:
    return [problem.reason for batch in read_batches([path]) for problem in batch.problems]


def bombs_trial(service: Service, folder: Path) -> Outcome:
    """Each bomb as a file through the readers, then those that fit over HEC to a service."""
    folder.mkdir()
    (folder / "warm.evtx").write_bytes(looping_log())
    _reasons(folder / "warm.evtx")  # the process that parses is started once
    files, problems = {}, []
    for name, content in bombs().items():
        (folder / name).write_bytes(content)
        reasons, took = _timed(lambda path=folder / name: _reasons(path))
        files[name] = {"reasons": reasons, **took}
        # The readers get through a circle of strings: there is no record, and nothing to refuse.
        if not (reasons or name == "bomb.evtx") or min(took.values()) > WITHIN:
            problems.append(f"{name}: {files[name]}")
    http = _over_http(service)
    problems += [f"HEC {name}: {said}" for name, said in http.items() if said["failed"]]
    return {"files": files, "http": http, "failed": "; ".join(problems)}


def _over_http(service: Service) -> dict[str, Outcome]:
    ports = load.prepare(service)
    service.start()
    deep = b'{"event":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001
    bodies = {
        "gzip": (gzip.compress(bytes(128 * MIB), 1), {"Content_Encoding": "gzip"}),
        "depth": (deep, {}),
        "depth, packed": (gzip.compress(deep), {"Content_Encoding": "gzip"}),
    }
    told = {}
    for name, (body, headers) in bodies.items():
        used, began = service.cpu(), time.monotonic()
        status, _ = load.post(
            ports.http, "/services/collector/event", body,
            Authorization=f"Splunk {load.TOKEN}", **headers,
        )  # fmt: skip
        wall, cpu = time.monotonic() - began, service.cpu() - used
        # What is refused with 200 is a dead letter: the request's other events were taken.
        kept = status in REFUSED or _becomes_letter(service, len(told))
        told[name] = {
            "status": status, "wall_s": round(wall, 3), "cpu_s": round(cpu, 3),
            "failed": min(wall, cpu) > WITHIN or not kept,
        }  # fmt: skip
    service.stop()
    return told


def _becomes_letter(service: Service, after: int) -> bool:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if len(service.dead_letters()) >= max(1, after):
            return True
        time.sleep(0.2)
    return False
