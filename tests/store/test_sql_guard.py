import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.store.lake_rows import EVENT, event_rows

from tocsin.store.lake import Lake
from tocsin.store.query_child import Ask, Limits, answer
from tocsin.store.sql_guard import RefusedSql, check

TABLES = ("process_activity", "incidents")

HARMLESS = [
    "SELECT count(*) FROM process_activity",
    "from process_activity limit 3",
    "VALUES (1, 'a'), (2, 'b')",
    "SELECT raw_data->>'$.a.b' AS x FROM process_activity WHERE raw_data ILIKE '%cmd%' ORDER BY 1",
    "WITH x AS (SELECT time FROM process_activity) SELECT max(time) FROM x",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9) SELECT * FROM n",
    "SELECT * EXCLUDE (raw_data) FROM process_activity p LEFT JOIN incidents USING (time)",
    "SELECT row_number() OVER (PARTITION BY time ORDER BY time), lag(time) OVER () FROM incidents",
    (
        "SELECT CASE WHEN time > 1 THEN 'a' ELSE 'b' END, CAST(time AS VARCHAR), [1, 2][1] FROM"
        " incidents"
    ),
    "SELECT unnest([1, 2]), {'a': 1}, list_transform([1], lambda x: x + 1)",
    "SELECT epoch_ms(time), date_trunc('day', make_timestamp(time)), current_date FROM incidents",
    "SELECT regexp_extract(raw_data, 'a(.)', 1), sha256('x'), random() FROM process_activity",
    "SELECT string_agg(DISTINCT level, ', ' ORDER BY level) FILTER (WHERE time > 1) FROM incidents",
    "SELECT * FROM range(5) r(i), generate_series(1, 3), json_each('[1]')",
    "SELECT 1 UNION ALL SELECT 2 EXCEPT SELECT 3",
    (
        "SELECT level FROM incidents WHERE time IN (SELECT time FROM process_activity)"
        " AND EXISTS (SELECT 1)"
    ),
    (
        "SELECT level, count(*) FROM incidents GROUP BY GROUPING SETS ((level), ())"
        " HAVING count(*) > 1"
    ),
    "SELECT * FROM process_activity USING SAMPLE 10",
    "FROM incidents UNPIVOT (v FOR k IN (level, title))",
    "SELECT coalesce(NULL, 1), nullif(1, 2), 'a' || 'b', 5 // 2, 2 ** 3, -1, NOT 'a' LIKE 'b'",
    "SELECT DISTINCT ON (level) * FROM incidents LIMIT 10%;",
    "SELECT 1 -- a comment; COPY x TO 'y'",
]

HOSTILE = [
    # other statements
    "COPY process_activity TO '{lake}/process_activity/x.parquet'",
    "COPY (SELECT 1) TO '{file}'",
    "COPY process_activity FROM '{file}'",
    "SELECT 1; COPY (SELECT 1) TO '{file}'",
    "SELECT 1;; SELECT 2",
    "EXPORT DATABASE '{lake}/out'",
    "IMPORT DATABASE '{lake}'",
    "ATTACH '{lake}/new.db' AS n",
    "ATTACH '{lake}/new.db' AS n; CREATE TABLE n.t AS SELECT 1",
    "DETACH memory",
    "INSTALL httpfs",
    "LOAD httpfs",
    "LOAD '{lake}/evil.duckdb_extension'",
    "FORCE INSTALL spatial FROM community",
    "PRAGMA database_list",
    "PRAGMA enable_profiling='json'",
    "SET enable_external_access = true",
    "SET temp_directory = '{lake}/tmp'",
    "RESET ALL",
    "CREATE TABLE t AS SELECT 1",
    "CREATE SECRET s (TYPE s3)",
    "CREATE MACRO m() AS 1",
    "CREATE VIEW v AS FROM '{file}'",
    "INSERT INTO incidents VALUES (1)",
    "UPDATE incidents SET level = 'low'",
    "DELETE FROM incidents",
    "DROP VIEW process_activity",
    "TRUNCATE incidents",
    "ALTER TABLE incidents ADD COLUMN x INT",
    "VACUUM",
    "CHECKPOINT",
    "BEGIN; DROP TABLE incidents; COMMIT",
    "CALL pragma_version()",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO '{file}'",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "USE memory",
    "PIVOT incidents ON level",
    "MERGE INTO incidents USING process_activity USING (time) WHEN MATCHED THEN DELETE",
    # a SELECT that changes or reads what it must not
    "WITH x AS (INSERT INTO incidents VALUES (1) RETURNING *) SELECT * FROM x",
    "WITH x AS (DELETE FROM incidents RETURNING *) FROM x",
    "WITH x AS (UPDATE incidents SET level = '' RETURNING *) FROM x",
    "SELECT * FROM (WITH x AS (DELETE FROM incidents RETURNING *) FROM x)",
    "FROM '{file}'",
    'FROM "{file}"',
    "FROM '/etc/passwd'",
    "FROM '{lake}/**/*.parquet'",
    "WITH \"{file}\" AS (SELECT 1) SELECT 2 FROM '{file}'",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('{file}')",
    "SELECT * FROM read_parquet('{lake}/**')",
    "SELECT * FROM parquet_scan('{lake}/**')",
    "SELECT * FROM read_json_auto('{file}')",
    "SELECT * FROM read_duckdb('{file}')",
    "SELECT * FROM sniff_csv('{file}')",
    "SELECT * FROM parquet_metadata('{lake}/**')",
    "SELECT * FROM glob('/etc/*')",
    "SELECT (SELECT max(content) FROM read_text('/etc/passwd'))",
    "SELECT 1 WHERE EXISTS (FROM glob('/*'))",
    "SELECT list_transform([1], lambda x: (SELECT count(*) FROM glob('/*')))",
    "SELECT * FROM query('COPY (SELECT 1) TO ''{file}''')",
    "SELECT * FROM query_table('incidents')",
    "SELECT * FROM json_execute_serialized_sql('x')",
    "SELECT json_serialize_sql('SELECT 1')",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM pragma_database_list",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM memory.main.incidents",
    "SELECT * FROM (SHOW TABLES)",
    "SELECT * FROM (DESCRIBE incidents)",
    "SHOW ALL TABLES",
    "DESCRIBE incidents",
    "SUMMARIZE incidents",
    "SELECT current_setting('secret_directory')",
    "SELECT getvariable('x')",
    "SELECT getenv('PATH')",
    "SELECT write_log('x')",
    "SELECT nextval('s')",
    "SELECT setseed(1)",
    "SELECT sleep_ms(100000)",
    "SELECT pg_sleep(100)",
    "SELECT system.main.current_setting('threads')",
    "SELECT main.getenv('PATH')",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT * FROM enable_logging()",
    "SELECT * FROM checkpoint()",
    "SELECT * FROM register_external_resource('a', 'b')",
    "SELECT * FROM python_map_function()",
    "SELECT * FROM arrow_scan(1, 2, 3)",
    "SELECT $1",
    "SELECT ?",
    "",
    ";",
    "not sql at all",
    "SELECT",
    "SELECT '",
    "SELECT 1 \0; COPY (SELECT 1) TO '{file}'",
    "SELECT " + "(" * 3_000 + "1" + ")" * 3_000,
    "SELECT 1" + " " * 200_000,
]


@pytest.mark.parametrize("sql", HARMLESS)
def test_ordinary_questions_are_let_through(sql: str) -> None:
    check(sql, TABLES)


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_a_hostile_statement_is_refused(number: int) -> None:
    with pytest.raises(RefusedSql):
        check(HOSTILE[number].replace("{lake}", "/lake").replace("{file}", "/lake/f.csv"), TABLES)


def test_hostile_statements_are_refused_where_they_would_run_and_change_nothing(
    tmp_path: Path,
) -> None:
    lake = tmp_path / "lake"
    Lake(lake, lambda _class: EVENT).append("p0", 9, {"process_activity": [event_rows(range(10))]})
    (lake / "f.csv").write_text("a,b\n1,2\n")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    files = [str(path) for path in lake.rglob("*.parquet")]
    for sql in HOSTILE:
        filled = sql.replace("{lake}", str(lake)).replace("{file}", str(lake / "f.csv"))
        reply = answer(Ask(filled, {"process_activity": files}, {}, {}, Limits()))
        assert reply.refused, sql
        assert not reply.rows
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_the_reason_names_what_is_wrong() -> None:
    with pytest.raises(RefusedSql, match="no table 'secrets'; there are: incidents, process_acti"):
        check("SELECT * FROM secrets", TABLES)
    with pytest.raises(RefusedSql, match="the function getenv is not allowed"):
        check("SELECT getenv('HOME')", TABLES)


@given(st.text(max_size=60))
def test_any_text_is_judged_or_refused_and_nothing_else(text: str) -> None:
    with contextlib.suppress(RefusedSql):
        check(text, TABLES)
