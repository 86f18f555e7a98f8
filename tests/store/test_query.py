import hashlib
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from tests.store.lake_rows import EVENT, event_rows

from tocsin.errors import UsageError
from tocsin.store import query_child
from tocsin.store.lake import Lake
from tocsin.store.query import query
from tocsin.store.query_child import Ask, Limits

INCIDENTS = pa.table({"incident_id": ["i1"], "level": ["high"]})


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A lake that no test may change."""
    folder = tmp_path_factory.mktemp("asked") / "lake"
    lake = Lake(folder, lambda _class: EVENT)
    lake.append("p0", 99, {"process_activity": [event_rows(range(100))]})
    lake.append("p0", 99, {"authentication": [event_rows(range(0, 100, 7))]})
    before = tree(folder)
    yield folder
    assert tree(folder) == before


def tree(folder: Path) -> dict[str, str]:
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for path in folder.rglob("*")
    }


def test_rows_of_several_files_are_counted_once(root: Path) -> None:
    answer = query(
        "SELECT ingest_day, count(*) AS n, min(metadata.uid) AS uid"
        " FROM process_activity GROUP BY ALL ORDER BY ALL",
        root,
    )
    assert answer.rows.to_pylist() == [
        {"ingest_day": "2026-11-01", "n": 50, "uid": f"{0:032x}"},
        {"ingest_day": "2026-11-02", "n": 50, "uid": f"{1:032x}"},
    ]
    assert not answer.truncated


def test_small_tables_join_the_lake(root: Path) -> None:
    sql = "SELECT level, count(*) n FROM incidents, authentication GROUP BY 1"
    answer = query(sql, root, tables={"incidents": INCIDENTS})
    assert answer.rows.to_pylist() == [{"level": "high", "n": 15}]


def test_more_rows_than_allowed_are_cut_and_said_so(root: Path) -> None:
    answer = query("FROM process_activity", root, limits=Limits(rows=7))
    assert (answer.rows.num_rows, answer.truncated) == (7, True)


def test_a_query_that_does_not_end_is_ended(root: Path) -> None:
    endless = "SELECT sum(a.range) FROM range(100000000) a, range(1000000) b"
    with pytest.raises(UsageError, match=r"took longer|was ended"):
        query(endless, root, limits=Limits(seconds=1))


def test_a_query_that_wants_all_memory_fails_alone(root: Path) -> None:
    limits = Limits(memory=64 * 1024 * 1024)
    with pytest.raises(UsageError, match="Memory"):
        query("SELECT list(range) FROM range(1000000000)", root, limits=limits)


def test_an_error_in_the_sql_is_told(root: Path) -> None:
    with pytest.raises(UsageError, match="no_such_column"):
        query("SELECT no_such_column FROM process_activity", root)


def test_a_refusal_is_told_by_the_child(root: Path) -> None:
    with pytest.raises(UsageError, match=r"refused: .*COPY"):
        query(f"COPY (SELECT 1) TO '{root}/stolen.csv'", root)


def test_an_empty_lake_has_no_tables(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no table 'process_activity'"):
        query("FROM process_activity", tmp_path / "none")


@pytest.mark.parametrize(
    "sql",
    [
        "COPY (SELECT 1) TO '{folder}/new.parquet'",
        "COPY (SELECT 1) TO '{file}'",
        "EXPORT DATABASE '{folder}/out'",
        "ATTACH '{folder}/new.db' AS n",
        "FROM read_text('/etc/passwd')",
        "FROM glob('/etc/*')",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
    ],
)
def test_without_the_guard_the_locked_engine_still_refuses(root: Path, sql: str) -> None:
    file = next(root.rglob("*.parquet"))
    files = {"process_activity": [str(file)]}
    limits = Limits()
    with query_child.connect(limits) as connection:
        query_child.offer(connection, Ask(sql, files, {}, {}, limits))
        query_child.lock(connection, files)
        with pytest.raises(duckdb.Error):
            connection.execute(sql.format(folder=file.parent, file=file)).fetchall()
