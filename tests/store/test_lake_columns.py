from pathlib import Path

import pyarrow as pa
import pytest

from tocsin.store.lake_columns import FOLDER, ColumnFiles
from tocsin.store.scan import LakeFile

ONE = LakeFile("p0", 0, 1, 0, 1, "process_activity", "/lake/process_activity/part-1.parquet")
TWO = ONE._replace(path="/lake/process_activity/part-2.parquet")
TABLE = pa.table(
    {
        "row": pa.array([1, 0], pa.int32()),
        "a.b": pa.array(["x", None], pa.string()),
        "c": pa.array(["y", "y"], pa.string()),
    }
)


@pytest.fixture
def files(tmp_path: Path) -> ColumnFiles:
    return ColumnFiles(tmp_path)


def test_wanted_columns_come_back_with_what_was_said(files: ColumnFiles) -> None:
    files.write(ONE, TABLE, {"n": 1})
    found = files.read(ONE, {"row", "a.b", "d"}, dict[str, int])
    assert found is not None
    table, about = found
    assert about == {"n": 1}
    assert table.to_pydict() == {"row": [1, 0], "a.b": ["x", None]}


def test_what_is_absent_or_broken_is_none(files: ColumnFiles, tmp_path: Path) -> None:
    assert files.read(ONE, {"row"}, dict[str, int]) is None
    files.write(ONE, TABLE, {"n": 1})
    assert files.read(ONE, {"row"}, list[str]) is None
    [path] = (tmp_path / FOLDER).rglob("*.parquet")
    path.write_bytes(path.read_bytes()[:100])
    assert files.read(ONE, {"row"}, dict[str, int]) is None


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("a file in its place")
    files = ColumnFiles(tmp_path)
    files.write(ONE, TABLE, {})
    assert files.read(ONE, {"row"}, dict[str, int]) is None


def test_columns_of_files_that_are_gone_go(files: ColumnFiles) -> None:
    files.write(ONE, TABLE, {})
    files.write(TWO, TABLE, {})
    files.forget_all_but([TWO])
    assert files.read(ONE, {"row"}, dict[str, int]) is None
    assert files.read(TWO, {"row"}, dict[str, int]) is not None
