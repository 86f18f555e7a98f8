"""tools/proof: its tables come from the trials, and what failed can not look as if it had not."""

import json
from collections import Counter
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest


@pytest.fixture(scope="module")
def proof(repo: Path) -> ModuleType:
    loader = SourceFileLoader("tocsin_proof", str(repo / "tools/proof"))
    spec = spec_from_loader("tocsin_proof", loader)
    assert spec
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


def kill(seed: int, **differs: Any) -> dict[str, Any]:
    plain = {"seed": seed, "commit": "abc", "lost": 0, "doubled": 0, "failed": "", "ready_s": 2.5}
    return plain | differs


def visit(**differs: Any) -> dict[str, Any]:
    return kill(0) | {"point": "lake.synced", "time": 1, "reached": True} | differs


class Stopped:
    """A service after a trial."""

    def __init__(self, stored: dict[bytes, int], found: int, broken: int | None = None) -> None:
        self.stored = lambda: Counter(stored)
        event = SimpleNamespace(raw="a")
        self.findings = lambda: [SimpleNamespace(rule_id="r", events=[event])] * found
        self.journal_break = lambda: broken


@pytest.mark.parametrize(
    ("service", "lost", "doubled", "failed"),
    [
        (Stopped({b"a": 1, b"b": 1}, 1), 0, 0, ""),
        (Stopped({b"a": 1}, 0), 2, 0, "2 lost, 0 doubled"),
        (Stopped({b"a": 3, b"b": 1}, 2), 0, 3, "0 lost, 3 doubled"),
        (Stopped({b"a": 1, b"b": 1}, 1, 7), 0, 0, "journal broken at record 7"),
    ],
)
def test_what_is_lost_and_doubled_is_counted(
    proof: ModuleType, service: Stopped, lost: int, doubled: int, failed: str
) -> None:
    truth = proof.Truth({"f": [b"a\n", b"b\n"]}, Counter({("r", "a"): 1}))
    assert proof.compare(service, truth) == {"lost": lost, "doubled": doubled, "failed": failed}


def test_a_trial_that_fails_is_recorded_and_the_run_goes_on(proof: ModuleType) -> None:
    def disturb(_service: object) -> dict[str, Any]:
        raise AssertionError("not ready within 10 s")

    outcome = proof.one_trial(proof.Truth({}, Counter()), disturb)
    assert outcome["failed"] == "AssertionError: not ready within 10 s"
    assert outcome["commit"]


def test_the_table_shows_what_the_trials_say(
    proof: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    proof.table({"kills": [kill(0), kill(1, lost=4, doubled=1, failed="x")]})
    assert "| 2 | 4 | 1 | 1 | seen: 50.0% | 2.5 s |" in capsys.readouterr().out
    proof.table({"kills": [kill(0), kill(1, commit="def")]})
    told = capsys.readouterr().out
    assert "| 2 | 0 | 0 | 0 | 150.0% | 2.5 s |" in told
    assert "abc (1), def (1)" in told


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"kills": [kill(3, failed="1 lost, 0 doubled")]}, "seed 3: 1 lost"),
        ({"crash_points": [visit(reached=False)]}, "lake.synced:1: not reached"),
        ({"crash_points": [visit(failed="no")]}, "lake.synced:1: no"),
        ({"regression": {"kinds": {"json": {"short": ["r1: 0 of 1"]}}}}, "json: r1: 0 of 1"),
    ],
)
def test_a_proof_with_a_failure_does_not_hold(
    proof: ModuleType, record: dict[str, Any], words: str
) -> None:
    [problem] = proof.failures(record)
    assert words in problem


def test_a_proof_without_one_holds_and_a_point_may_be_excused(
    proof: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert proof.failures({"kills": [kill(0)], "crash_points": [visit()]}) == []
    monkeypatch.setitem(proof.UNREACHABLE, "lake.synced:1", "for this test")
    assert proof.failures({"crash_points": [visit(reached=False)]}) == []


def test_an_interrupted_run_goes_on_where_it_was(proof: ModuleType, tmp_path: Path) -> None:
    record: dict[str, Any] = {}
    every = len(list(proof.left(record, None)))
    assert every == proof.KILLS + proof.CRASH_ROUNDS * len(proof.crash_points())
    record["kills"].append(kill(5))
    record["crash_points"].append(visit())
    proof.save(record, tmp_path / "1.json")
    again = json.loads((tmp_path / "1.json").read_text())
    assert len(list(proof.left(again, None))) == every - 2
    assert len(list(proof.left(again, "kills"))) == proof.KILLS - 1


def test_the_table_of_kinds_counts_each_kill_and_says_what_was_not_possible(
    proof: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    done = [kill(seed, n=5, findings_doubled=0, syslog_sent=9, syslog_lost=2) for seed in (1, 2)]
    power = [kill(1, n=0, skipped="no /dev/fuse")]
    record = {"trials": {"kills": done, "power": power}}
    proof.kinds_table(record)
    told = capsys.readouterr().out
    assert "| kill -9 of any process | 10 | 200 | 0 | 0 | 0 | 30.0% |" in told
    assert "Not possible: no /dev/fuse" in told
    assert "18 sent, 4 lost" in told
    assert proof.failures(record) == []
    done[0]["failed"] = "lost: 3"
    assert proof.failures(record) == ["kills with seed 1: lost: 3"]


def test_kinds_of_trials_go_on_where_they_were(
    proof: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Kind(SimpleNamespace):
        def trial(self, seed: int) -> dict[str, Any]:
            return {"seed": seed, "n": 1, "failed": ""}

    monkeypatch.setattr(proof, "KINDS", [Kind(name="full", rounds=3)])
    record: dict[str, Any] = {"trials": {"full": [kill(2, n=1)]}}
    proof.prove_kinds(record, tmp_path / "3.json", None, 1)
    proof.prove_kinds(record, tmp_path / "3.json", "full", 9)
    assert [one["seed"] for one in record["trials"]["full"]] == [2, 1, 3]
    assert json.loads((tmp_path / "3.json").read_text()) == record


def test_a_rule_must_fire_as_often_as_its_data_says(proof: ModuleType) -> None:
    info = b"rule_metadata: [{id: r1}]\nregression_tests_info: [{match_count: 2}, {}]\n"
    cases = list(proof.regression_cases({"a/info.yml": info, "a/x.json": b""}))
    assert cases == [("a", "r1", 2), ("a", "r1", 1)]
    assert list(proof.unfired(cases, Counter({("a", "r1"): 1}))) == ["r1 in a: 1 of 2"]
    assert list(proof.unfired(cases, Counter({("a", "r1"): 2, ("b", "r1"): 9}))) == []


def test_an_event_in_two_files_counts_in_both_folders(proof: ModuleType, tmp_path: Path) -> None:
    event = SimpleNamespace(origin=str(tmp_path / "a/x.json"))
    finding = SimpleNamespace(finding_id="f", rule_id="r", events=[event])
    places = {"f": [str(tmp_path / "b/y.json")]}
    report = SimpleNamespace(findings=[finding], also_in=places)
    assert proof.fired(report, tmp_path) == {("a", "r"): 1, ("b", "r"): 1}
