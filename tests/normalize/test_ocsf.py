"""The committed OCSF data: what the generator makes, and what the lake is built from."""

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from tocsin.normalize import Normalizer, class_names, class_schema, validate
from tocsin.normalize.ocsf import OCSF_VERSION
from tocsin.normalize.ocsf.schema import ocsf_schema
from tocsin.normalize.ocsf.tables import LAKE_COLUMNS, leaves, tables

MOST_LEAVES = 250
"""An all-null column costs time and bytes in every file of the lake."""


def test_the_committed_data_is_what_the_generator_makes(repo: Path) -> None:
    command = [sys.executable, str(repo / "tools" / "generate_ocsf.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", class_names())
def test_a_table_is_small_and_its_paths_are_ocsf(name: str) -> None:
    paths = [path for path, _ in leaves(tables()[name])]
    assert len(paths) <= MOST_LEAVES
    schema = ocsf_schema()
    for path in paths:
        assert schema.attribute(name, path) is not None, path


@pytest.mark.parametrize("name", class_names())
def test_a_schema_ends_with_tocsins_own_columns(name: str) -> None:
    schema = class_schema(name)
    assert schema.names[-len(LAKE_COLUMNS) :] == list(LAKE_COLUMNS)
    assert schema.field("time").type == pa.int64()
    assert schema.field("raw_data").type == pa.string()
    assert schema.field("unmapped").type == pa.string()
    assert schema.field("metadata").type.field("uid").type == pa.string()


def test_a_class_without_a_table_is_an_error() -> None:
    with pytest.raises(KeyError):
        class_schema("no_such_class")


def test_the_normalizer_knows_the_same_tables(normalizer: Normalizer) -> None:
    assert normalizer.class_names() == class_names()
    assert normalizer.class_schema("authentication") == class_schema("authentication")


def event(**more: object) -> dict[str, object]:
    return {
        "activity_id": 0,
        "category_uid": 0,
        "class_uid": 0,
        "type_uid": 0,
        "severity_id": 1,
        "time": 1,
        "metadata": {"version": OCSF_VERSION, "product": {"name": "x"}},
        **more,
    }


def test_validation_says_what_is_wrong_and_where() -> None:
    assert validate("base_event", event(tocsin_time=1, ingest_day="2026-01-01")) == []
    (fault,) = validate("base_event", event(severity_id=77))
    assert fault.startswith("severity_id: 77 is not one of")
    (fault,) = validate("base_event", event(nonsense=1))
    assert "nonsense" in fault
    (fault,) = validate("base_event", event(metadata={"version": OCSF_VERSION}))
    assert fault.startswith("metadata: ")
