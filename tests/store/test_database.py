from pathlib import Path

from django.apps import apps
from django.db import connections
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from tocsin.store.database import Database, configure


def pragma(database: Database, name: str) -> object:
    with database.connection.cursor() as cursor:
        return cursor.execute(f"PRAGMA {name}").fetchone()[0]


def test_a_writer_is_durable_and_takes_turns(tmp_path: Path) -> None:
    database = Database(tmp_path / "new" / "state.db")
    assert pragma(database, "journal_mode") == "wal"
    assert pragma(database, "synchronous") == 2, "FULL: a commit survives a power cut"
    assert database.connection.transaction_mode == "IMMEDIATE"
    database.close()


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    Database(tmp_path / "state.db").close()
    reader = Database(tmp_path / "state.db", read_only=True)
    assert pragma(reader, "query_only") == 1
    reader.close()


def test_paths_with_odd_characters_can_be_opened(tmp_path: Path) -> None:
    path = tmp_path / "a b%20?mode=memory#c" / "state.db"
    Database(path).close()
    assert path.exists()


def test_the_models_have_no_change_without_a_migration() -> None:
    loader = MigrationLoader(None)
    now = ProjectState.from_apps(apps)
    assert not MigrationAutodetector(loader.project_state(), now).changes(graph=loader.graph)


def test_the_default_database_is_the_one_that_was_configured(tmp_path: Path) -> None:
    before = connections.settings["default"]
    try:
        configure(tmp_path / "state.db")
        assert str(tmp_path / "state.db") in connections.settings["default"]["NAME"]
    finally:
        connections.settings["default"] = before
