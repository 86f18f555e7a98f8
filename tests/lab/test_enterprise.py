from pathlib import Path

from tests.lab.conftest import HOUR, MONDAY

from tocsin.lab import Enterprise, write_history


def test_density_multiplies_the_background(tmp_path: Path) -> None:
    counts = []
    for density in (0.5, 2.0):
        enterprise = Enterprise(density=density, attack=False)
        root = tmp_path / str(density)
        start = MONDAY + 10 * HOUR
        counts.append(
            write_history(root / "l", root / "t", 1, start, HOUR, enterprise=enterprise).records
        )
    assert 2 < counts[1] / counts[0] < 6
