"""Decides whether users' SQL is one harmless SELECT: everything that is not known is refused.

The judgement is on DuckDB's own syntax tree, so that what is judged is what would run. A SELECT can
still write, read files, change settings or run SQL from a string (data-changing CTEs, table
functions, `FROM 'file'`, `query('...')`); hence lists of what may be used, never of what may not,
except among DuckDB's own side-effect-free scalar functions, where the few that tell about the
process are named.
"""

import re
from collections.abc import Collection, Iterator
from typing import Any

import duckdb
import msgspec

MAX_SQL = 100_000
"""Characters of SQL that are looked at; nesting beyond DuckDB's own limit is refused by it."""

_PARTS = frozenset(
    [
        "SELECT_NODE",
        "SET_OPERATION_NODE",
        "RECURSIVE_CTE_NODE",
        "BASE_TABLE",
        "JOIN",
        "SUBQUERY",
        "EMPTY",
        "EXPRESSION_LIST",
        "TABLE_FUNCTION",
        "PIVOT",
        "ORDER_MODIFIER",
        "LIMIT_MODIFIER",
        "LIMIT_PERCENT_MODIFIER",
        "DISTINCT_MODIFIER",
        "ORDER_DEFAULT",
        "ASCENDING",
        "DESCENDING",
    ]
)
_CLASSES = frozenset(
    [
        "CONSTANT",
        "COLUMN_REF",
        "FUNCTION",
        "CONJUNCTION",
        "COMPARISON",
        "OPERATOR",
        "BETWEEN",
        "STAR",
        "LAMBDA",
        "CASE",
        "TYPE",
        "CAST",
        "WINDOW",
        "SUBQUERY",
        "COLLATE",
        "POSITIONAL_REFERENCE",
    ]
)
_TABLE_FUNCTIONS = frozenset({"range", "generate_series", "unnest", "json_each", "json_tree"})
_HARMLESS = frozenset({"random", "uuid", "gen_random_uuid", "unnest", "error"})
"""Functions outside the pure scalars and aggregates that are let through."""

_TELLTALE = re.compile(
    r"current_(?!date|time|localtime)|session_user|user|getvariable|pg_|has_.*privilege|inet_|txid_"
    r"|json_(de)?serialize|json_execute|in_search_path|col_description|obj_description"
    r"|shobj_description|get_block_size|version|write_|read_|parse_duckdb_log|hive_partition"
    r"|transaction_|sleep|create_sort_key|index_key|invoke|finalize|combine|to_aggregate_state",
)
_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]*", re.IGNORECASE)


class RefusedSql(Exception):
    """Why the SQL will not be run, in words for its author."""


def check(sql: str, tables: Collection[str]) -> Any:
    """The parsed statement, fit to be run over `tables`; raises RefusedSql with the reason."""
    if len(sql) > MAX_SQL:
        raise RefusedSql(f"longer than {MAX_SQL} characters")
    try:
        statements = duckdb.extract_statements(sql)
    except duckdb.Error as error:
        raise RefusedSql(f"not understood: {error}") from error
    if len(statements) != 1:
        raise RefusedSql(f"one SELECT is allowed, this has {len(statements)} statements")
    if statements[0].type != duckdb.StatementType.SELECT:
        raise RefusedSql(f"only SELECT is allowed, not {statements[0].type.name}")
    with duckdb.connect(":memory:") as parser:
        tree = _tree(parser, sql)
        nodes = list(_nodes(tree))
        scope = {name.lower() for name in tables} | set(_cte_names(nodes))
        functions = _functions(parser)
    for node in nodes:
        _check_node(node, scope, functions)
    return statements[0]


def _tree(parser: duckdb.DuckDBPyConnection, sql: str) -> Any:
    """DuckDB's syntax tree of one statement."""
    try:
        row = parser.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()
    except duckdb.Error as error:
        raise RefusedSql(f"not understood: {error}") from error
    tree: dict[str, Any] = msgspec.json.decode(row[0]) if row else {"error": True}
    if tree["error"] or len(tree["statements"]) != 1:
        raise RefusedSql(f"only a plain SELECT is allowed: {tree.get('error_message', '')}")
    return tree["statements"][0]["node"]


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object of the tree."""
    open_parts = [tree]
    while open_parts:
        part = open_parts.pop()
        if isinstance(part, dict):
            yield part
            open_parts.extend(part.values())
        elif isinstance(part, list):
            open_parts.extend(part)


def _cte_names(nodes: list[dict[str, Any]]) -> Iterator[str]:
    """Names given by WITH; plain words only, so that none can mean a file somewhere else."""
    for node in nodes:
        names = [entry["key"] for entry in node.get("cte_map", {}).get("map", ())]
        names += [node["cte_name"]] if "cte_name" in node else []
        for name in names:
            if not _IDENTIFIER.fullmatch(name):
                raise RefusedSql(f"WITH {name!r}: use a plain word as name")
            yield name.lower()


def _functions(parser: duckdb.DuckDBPyConnection) -> set[str]:
    """The functions that only compute."""
    rows = parser.execute(
        "SELECT DISTINCT lower(function_name) FROM duckdb_functions() WHERE function_type IN"
        " ('scalar', 'aggregate', 'macro', 'window') AND NOT coalesce(has_side_effects, false)"
    ).fetchall()
    return {name for (name,) in rows if not _TELLTALE.match(name)} | _HARMLESS


def _check_node(node: dict[str, Any], scope: set[str], functions: set[str]) -> None:
    """Refuse a node that is not known to be harmless."""
    kind, expression = node.get("type"), node.get("class")
    if not isinstance(kind, str):
        return
    if expression is None:
        _check_part(node, kind, scope)
    elif expression not in _CLASSES:
        raise RefusedSql(f"{expression} is not allowed here")
    elif "function_name" in node:
        _check_function(node, functions)


def _check_part(node: dict[str, Any], kind: str, scope: set[str]) -> None:
    """A query, a table reference or a modifier."""
    if kind not in _PARTS:
        raise RefusedSql(f"only SELECT over stored tables is allowed, not {kind}")
    if kind == "BASE_TABLE":
        name = node["table_name"]
        if node["schema_name"] or node["catalog_name"] or name.lower() not in scope:
            raise RefusedSql(f"no table {name!r}; there are: {', '.join(sorted(scope))}")
        if node.get("at_clause"):
            raise RefusedSql("AT is not allowed")
    if kind == "TABLE_FUNCTION":
        name = str(node["function"].get("function_name", "")).lower()
        if name not in _TABLE_FUNCTIONS:
            raise RefusedSql(f"the table function {name} is not allowed")


def _check_function(node: dict[str, Any], functions: set[str]) -> None:
    """A scalar, aggregate or window function, or an allowed table function's call."""
    name = str(node["function_name"]).lower()
    qualified = node.get("schema") or node.get("catalog")
    plain = qualified in ("", None, "main") and not node.get("catalog")
    if plain and (name in functions or name in _TABLE_FUNCTIONS):
        return
    raise RefusedSql(f"the function {name} is not allowed")
