"""The files of a hunt, so that they can be told again."""

from hashlib import sha256

from tocsin.app.report import inputs
from tocsin.app.report.inputs import inputs_of


def test_files_have_a_size_and_a_digest(tmp_path):
    (tmp_path / "b.json").write_bytes(b"x" * 2_000_000)
    (tmp_path / "a\x1b.json").write_bytes(b"")
    found, left = inputs_of([tmp_path])
    assert [(one.size, one.digest) for one in found] == [
        ("0 bytes", sha256().hexdigest()),
        ("2.0 MB", sha256(b"x" * 2_000_000).hexdigest()),
    ]
    assert found[0].path.endswith("a\\x1b.json")
    assert left == 0


def test_many_files_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(inputs, "MAX_FILES", 2)
    for n in range(5):
        (tmp_path / f"{n}.json").write_bytes(b"{}")
    found, left = inputs_of([tmp_path, tmp_path / "absent"])
    assert (len(found), left) == (2, 3)


def test_a_file_that_is_gone_is_told(tmp_path):
    assert inputs._digest(tmp_path / "gone") == ("cannot be read: No such file or directory", 0)
