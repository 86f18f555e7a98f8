from hashlib import sha256
from pathlib import Path

import pytest
from tests.lab.conftest import DAY, HOUR, MONDAY, History, read

from tocsin.errors import UsageError
from tocsin.lab import Enterprise, Written, live, write_history
from tocsin.lab.campaign import SPAN


def digest(folder: Path) -> dict[str, str]:
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def write(root: Path, seed: int = 3, start: int = MONDAY + 8 * HOUR, hours: int = 2) -> Path:
    write_history(root / "logs", root / "truth.jsonl", seed, start, hours * HOUR)
    return root


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    one, two = write(tmp_path / "one"), write(tmp_path / "two")
    assert digest(one / "logs") == digest(two / "logs")
    assert (one / "truth.jsonl").read_bytes() == (two / "truth.jsonl").read_bytes()


@pytest.mark.parametrize("other", [{"seed": 4}, {"start": MONDAY + 9 * HOUR}])
def test_another_seed_or_start_writes_something_else(tmp_path: Path, other: dict[str, int]) -> None:
    one, two = write(tmp_path / "one"), write(tmp_path / "two", **other)
    assert digest(one / "logs") != digest(two / "logs")


def test_writing_again_replaces_what_was_there(tmp_path: Path) -> None:
    before = digest(write(tmp_path) / "logs")
    assert digest(write(tmp_path) / "logs") == before


def test_a_later_start_never_reuses_a_record_number(tmp_path: Path) -> None:
    highest: dict[str, int] = {}
    for part, start in enumerate((MONDAY + 8 * HOUR, MONDAY + 10 * HOUR)):
        root = write(tmp_path / str(part), start=start)
        history = read(root / "logs", root / "truth.jsonl", Written(0, None))
        for name, records in history.files.items():
            assert records[0]["RecordNumber"] > highest.get(name, 0)
            highest[name] = records[-1]["RecordNumber"]


def test_the_attack_falls_into_the_morning(day: History) -> None:
    assert day.written.attack_at is not None
    assert 10 <= (day.written.attack_at - MONDAY) / HOUR < 11


def test_records_lie_inside_the_time_asked_for(day: History) -> None:
    dates = {record["EventTime"][:10] for record in day.records}
    assert dates <= {"2026-03-02", "2026-03-03"}
    late = [r for r in day.records if r["EventTime"] > "2026-03-03 00:00:10"]
    assert not late


def test_a_short_stretch_has_the_attack_too(tmp_path: Path) -> None:
    root = write(tmp_path, hours=3, start=MONDAY + 13 * HOUR)
    assert (root / "truth.jsonl").stat().st_size > 0


def test_without_attack_there_is_no_truth(tmp_path: Path) -> None:
    calm = Enterprise(attack=False, density=0.2)
    written = write_history(
        tmp_path / "logs", tmp_path / "t.jsonl", 1, MONDAY, DAY, enterprise=calm
    )
    assert written.attack_at is None
    assert (tmp_path / "t.jsonl").read_bytes() == b""


def test_the_truth_may_not_lie_among_the_logs(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="must not lie"):
        write_history(tmp_path, tmp_path / "truth.jsonl", 1, MONDAY, HOUR)
    with pytest.raises(UsageError, match="must not lie"):
        live(tmp_path, tmp_path / "sub" / "t", 1, Pace(MONDAY, 1), 1.0, Pace(MONDAY, 1))


class Pace:
    """A clock that only moves while somebody waits, and says stop after `rounds` waits."""

    def __init__(self, now: int, rounds: int) -> None:
        self.at = now
        self.rounds = rounds

    def now(self) -> int:
        return self.at

    def monotonic(self) -> float:
        return self.at / 1_000_000

    def wait(self, timeout: float, /) -> bool:
        self.at += int(timeout * 1_000_000)
        self.rounds -= 1
        return self.rounds < 0


def play(root: Path, rounds: int, *, now: int = MONDAY + 3 * HOUR) -> History:
    pace = Pace(now, rounds)
    written = live(root / "logs", root / "truth.jsonl", 7, pace, 60.0, pace)
    return read(root / "logs", root / "truth.jsonl", written)


def test_live_plays_the_whole_attack_within_a_minute(tmp_path: Path) -> None:
    history = play(tmp_path, rounds=5 * 60)
    steps = [line["step"] for line in history.truth]
    assert steps[0] == "attachment arrives"
    assert steps[-1] == "rename documents"
    assert history.truth[-1]["time"] - history.truth[0]["time"] < SPAN


def test_live_reaches_the_first_loud_step_within_seconds(tmp_path: Path) -> None:
    history = play(tmp_path, rounds=5 * 3)
    assert any(not line["quiet"] for line in history.truth)


def test_live_never_writes_the_future(tmp_path: Path) -> None:
    now = MONDAY + 3 * HOUR
    history = play(tmp_path, rounds=5 * 90, now=now)
    newest = max(record["@timestamp"] for record in history.records)
    assert newest <= "2026-03-02T02:01:31Z"


def test_live_goes_on_with_daily_work_after_the_attack(tmp_path: Path) -> None:
    short = play(tmp_path / "short", rounds=5 * 60)
    longer = play(tmp_path / "long", rounds=5 * 300)
    assert longer.written.records > short.written.records
    assert longer.truth == short.truth


def test_live_and_history_are_the_same_generator(tmp_path: Path) -> None:
    now = MONDAY + 3 * HOUR
    played = play(tmp_path / "live", rounds=5 * 10, now=now)
    attack_at = played.written.attack_at
    assert attack_at is not None
    start = attack_at - 3 * HOUR
    hour_at_attack = (attack_at // 1_000_000) % 86_400 / 3600
    zone = (round(10.7 - hour_at_attack) + 12) % 24 * 3600 - 12 * 3600
    same = Enterprise(utc_offset=zone, weekend_work=True, attack_after=3 * HOUR)
    root = tmp_path / "past"
    write_history(root / "logs", root / "truth.jsonl", 7, start, 4 * HOUR, enterprise=same)
    for path in sorted((tmp_path / "live" / "logs").iterdir()):
        assert (root / "logs" / path.name).read_bytes().startswith(path.read_bytes())


def test_the_truth_lies_outside_what_the_pipeline_reads(day: History) -> None:
    assert all(b'"step"' not in path.read_bytes() for path in day.folder.iterdir())
