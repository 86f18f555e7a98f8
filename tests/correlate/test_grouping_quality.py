"""Recorded attacks in one busy day: what belongs together, measured where the truth is known."""

from pathlib import Path

import pytest
from bench import grouping as bench

from tocsin.correlate.grouping import is_core
from tocsin.model.findings import Finding

PRECISION, RECALL = 0.90, 0.80
SEEDS = 5

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def recordings(shared_data: Path, tmp_path_factory: pytest.TempPathFactory):
    compiled = bench.compiled_rules(None)
    folder = shared_data / "detection" / "otrf" / "atomic" / "windows"
    paths = sorted(path for path in folder.rglob("*") if path.suffix in (".zip", ".gz"))
    recorded = {path.name: bench.observed([path], compiled) for path in paths}
    return recorded, bench.background(tmp_path_factory.mktemp("quiet"), compiled)


Recordings = tuple[dict[str, list[Finding]], list[Finding]]


def test_attacks_that_share_hosts_and_an_administrator_stay_apart(recordings: Recordings) -> None:
    scores = [score(*recordings, seed) for seed in range(SEEDS)]
    assert min(precision for precision, _ in scores) >= PRECISION, scores
    assert min(recall for _, recall in scores) >= RECALL, scores


def test_merging_everything_fails(recordings: Recordings) -> None:
    stream, truth = bench.mixed(*recordings, 0)
    core = {one.finding_id for one in stream if is_core(one)}
    precision, recall = bench.b_cubed({"all": [one.finding_id for one in stream]}, truth, core)
    assert precision < PRECISION
    assert recall == 1.0


def score(
    recorded: dict[str, list[Finding]], quiet: list[Finding], seed: int
) -> tuple[float, float]:
    stream, truth = bench.mixed(recorded, quiet, seed)
    core = {one.finding_id for one in stream if is_core(one)}
    return bench.b_cubed(bench.grouped(stream), truth, core)
