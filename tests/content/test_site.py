import re
from pathlib import Path

import msgspec
import pytest

from tocsin import settings
from tocsin.content import init_site, load, strays
from tocsin.content.site import template
from tocsin.errors import UsageError


def test_a_new_site_is_complete_and_works_as_it_is(tmp_path: Path) -> None:
    init_site(tmp_path / "soc")
    assert settings.load(tmp_path / "soc", {}) == settings.Settings()
    assert load(tmp_path / "soc") == load(None)
    assert (tmp_path / "soc/rules").is_dir()
    assert "/data/" in (tmp_path / "soc/.gitignore").read_text()


def test_the_template_writes_out_every_default(tmp_path: Path) -> None:
    entries = iter(settings.catalog())
    lines = []
    for line in template().splitlines():
        if re.match(r"# \w+ = ", line):
            entry = next(entries)
            assert line.startswith(f"# {entry.key} = ")
            if not entry.kind.endswith("None"):
                lines.append(line[2:])
        elif line.startswith("# ["):
            lines.append(line[2:])
    assert next(entries, None) is None
    text = "\n".join(lines).replace('name = "..."', 'name = "x"')
    (tmp_path / settings.FILE).write_text(text)
    loaded = settings.load(tmp_path, {})
    files, *others = loaded.input
    assert files == settings.FilesInput(path="...")
    http = next(one for one in others if isinstance(one, settings.HttpInput))
    assert msgspec.structs.replace(http, tokens=(), hooks=()) == settings.HttpInput()
    assert {settings.SyslogInput(), settings.RelpInput()} <= set(others)
    lists = {
        name: () for name in loaded.__struct_fields__ if isinstance(getattr(loaded, name), tuple)
    }
    assert msgspec.structs.replace(loaded, **lists) == settings.Settings()


def test_a_site_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    written = init_site(tmp_path)
    assert tmp_path / "README.md" not in written
    assert (tmp_path / "README.md").read_text() == "mine"
    with pytest.raises(UsageError, match="already"):
        init_site(tmp_path)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be made"):
        init_site(tmp_path / "file" / "soc")


def test_a_misspelt_folder_is_noticed(tmp_path: Path) -> None:
    for name in ("rule", "Sources", "rules", "data", ".git"):
        (tmp_path / name).mkdir()
    assert [str(problem) for problem in strays(tmp_path)] == [
        "site/Sources: warning: this folder is not read; is sources/ meant?",
        "site/rule: warning: this folder is not read; is rules/ meant?",
    ]
