import pytest

from tocsin.cli import run


def test_a_tiny_enterprise_is_written_twice_the_same(tmp_path, capsys) -> None:
    words = ["--people", "22", "--days", "1", "--volume", "5", "--sources", "windows,zeek"]
    for name in ("a", "b"):
        assert run(["lab", "write", str(tmp_path / name), *words]) == 0
    told = capsys.readouterr().out
    assert "windows" in told
    assert "firewall" not in told
    one, two = (
        {path.name: path.read_bytes() for path in (tmp_path / name / "logs").iterdir()}
        for name in ("a", "b")
    )
    assert one == two
    assert (tmp_path / "a" / "truth.jsonl").read_bytes() == b""


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--campaigns", "worm"], "no campaign is called worm"),
        (["--sources", "fax"], "no source is called fax"),
        (["--start", "soon"], "not a day"),
        (["--people", "5", "--campaigns", "all"], "20 people"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, capsys, words: list[str], complaint: str) -> None:
    assert run(["lab", "write", str(tmp_path / "x"), *words]) == 2
    assert complaint in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_a_folder_in_use_is_not_written_over(tmp_path, capsys) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "diary.txt").touch()
    words = ["lab", "write", str(tmp_path / "x"), "--people", "20", "--days", "1", "--volume", "1"]
    assert run(words) == 2
    assert "not empty" in capsys.readouterr().err
    assert run([*words, "--force", "--sources", "firewall"]) == 0
