"""Documentation is tested: what it shows runs, what it links is there, what it lists is complete.

A `console` block runs line by line (`$ command`) in the page's own folder, a `python` block runs
there, a `toml` block is valid settings, and is appended to the file that its first line names. A
`console service` block starts a service that the rest of the page uses; such a page is an
integration test. INCIDENT stands for the id of the worst incident.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import orjson
import pytest

from tocsin import errors, settings
from tocsin.cli import app
from tocsin.formats.located_yaml import load_located

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")]
PAGES += [ROOT / "SECURITY.md", ROOT / "AGENTS.md", *sorted((ROOT / "docs").rglob("*.md"))]


class Block(NamedTuple):
    language: str
    text: str
    line: int


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found = re.finditer(r"^```([a-z ]+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [
        Block(match[1].strip(), match[2], text.count("\n", 0, match.start()) + 1) for match in found
    ]


def pages_with(*languages: str) -> list[Path]:
    return [page for page in PAGES if any(b.language in languages for b in blocks(page))]


RUNNING = pages_with("console")
SERVICES = pages_with("console service")


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", title.lower()) for title in titles)
    return {title.replace(" ", "-") for title in plain}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_local_link_leads_somewhere(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    assert broken == []


PLACES = (ROOT, ROOT / "src/tocsin", ROOT / "src/tocsin/shipped")


@pytest.mark.parametrize(
    "page",
    [ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs/adr").glob("*"))],
    ids=name_of,
)
def test_every_file_named_exists(page: Path) -> None:
    named = re.findall(r"`([a-z_/]+(?:\.py|\.yaml|/))`", page.read_text(encoding="utf-8"))
    absent = {name for name in named if not any((place / name).exists() for place in PLACES)}
    assert absent <= {"sources/", "rules/"}


@pytest.mark.parametrize("page", pages_with("yaml", "toml", "json"), ids=name_of)
def test_every_data_block_can_be_read(page: Path) -> None:
    for block in blocks(page):
        where = f"{name_of(page)}:{block.line}"
        if block.language == "yaml":
            load_located(block.text.encode(), where)
        elif block.language == "json":
            orjson.loads(block.text)
        elif block.language == "toml":
            tomllib.loads(block.text)


@pytest.mark.parametrize("page", pages_with("toml"), ids=name_of)
def test_every_shown_setting_exists(page: Path, tmp_path: Path) -> None:
    for block in blocks(page):
        if block.language == "toml":
            (tmp_path / settings.FILE).write_text(block.text)
            settings.load(tmp_path, {})


class Reader:
    """Somebody who follows a page, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.services: list[subprocess.Popen[bytes]] = []
        self.environment = {
            **os.environ,
            "HOME": str(folder / "home"),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "TOCSIN_HTTP__PORT": "0",
            "TOCSIN_LAKE__COMMIT_SECONDS": "2",
            "COLUMNS": "100",
        }

    def follow(self, block: Block) -> None:
        if block.language == "python":
            done = self._run([sys.executable, "-c", block.text])
            assert done.returncode == 0, done.stderr.decode()
        elif block.language == "toml":
            self._append(block.text)
        elif block.language == "console service":
            self._start(block.text.removeprefix("$ ").strip())
        elif block.language == "console":
            for line in block.text.splitlines():
                if line.startswith("$ "):
                    self.type(line.removeprefix("$ "))

    def type(self, command: str) -> bytes:
        """Run one command; it may find something (1), but not fail (2 and more)."""
        if "INCIDENT" in command:
            command = command.replace("INCIDENT", self._worst_incident())
        done = self._run(["bash", "-c", command])
        tries = 20 if "tocsin query" in command else 0  # the lake follows the findings
        while done.returncode == 2 and tries:
            time.sleep(1)
            tries -= 1
            done = self._run(["bash", "-c", command])
        assert done.returncode in (0, 1), f"{command}\n{done.stdout!r}\n{done.stderr!r}"
        assert b"Traceback" not in done.stderr
        return done.stdout

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            timeout=100,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def _append(self, text: str) -> None:
        named = re.match(r"# (\S+)\n", text)
        if named and (self.folder / named[1]).exists():
            with (self.folder / named[1]).open("a") as file:
                file.write(text)

    def _start(self, command: str) -> None:
        with (self.folder / "service.log").open("wb") as log:
            self.services.append(
                subprocess.Popen(
                    command.split(),
                    cwd=self.folder,
                    env=self.environment,
                    stdout=log,
                    stderr=log,
                    stdin=subprocess.DEVNULL,
                )
            )
        self._worst_incident()

    def _worst_incident(self) -> str:
        """Its id, cut short as a person would, once the list stands still for two seconds."""
        before: list[str] = []
        for _ in range(60):
            done = self._run(["tocsin", "incidents", "--json"])
            listed = orjson.loads(done.stdout) if done.returncode == 0 else []
            now = [one["id"] for one in listed]
            if now and now == before:
                return now[0][:12]
            before = now
            time.sleep(2)
        raise AssertionError((self.folder / "service.log").read_text())

    def leave(self) -> None:
        for service in self.services:
            service.terminate()
            assert service.wait(timeout=20) == 0


@contextmanager
def reader(folder: Path) -> Iterator[Reader]:
    one = Reader(folder)
    try:
        yield one
    finally:
        one.leave()


@pytest.mark.parametrize("page", [p for p in RUNNING if p not in SERVICES], ids=name_of)
def test_what_a_page_shows_runs(page: Path, tmp_path: Path) -> None:
    with reader(tmp_path) as person:
        for block in blocks(page):
            person.follow(block)


@pytest.mark.integration
@pytest.mark.timeout(240)
@pytest.mark.parametrize("page", SERVICES, ids=name_of)
def test_what_a_page_shows_runs_with_the_service(page: Path, tmp_path: Path) -> None:
    with reader(tmp_path) as person:
        for block in blocks(page):
            person.follow(block)


@pytest.mark.parametrize("page", SERVICES, ids=name_of)
def test_a_page_with_a_service_works_up_to_it(page: Path, tmp_path: Path) -> None:
    with reader(tmp_path) as person:
        for block in blocks(page):
            if block.language == "console service":
                break
            person.follow(block)


@pytest.mark.parametrize("page", pages_with("python"), ids=name_of)
def test_every_python_block_is_python(page: Path) -> None:
    for block in blocks(page):
        if block.language == "python":
            ast.parse(block.text)


def test_generated_pages_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools/docs", "--check"], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()


def test_every_command_has_a_heading() -> None:
    text = (ROOT / "docs/reference/cli.md").read_text()
    names = [name for name in app if not name.startswith("-")]
    assert len(names) > 5
    assert [name for name in names if not re.search(rf"^#+ .*\b{name}\b", text, re.MULTILINE)] == []


def test_every_error_is_explained() -> None:
    text = (ROOT / "docs/reference/errors.md").read_text()
    kinds = [
        name
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.TocsinError)
    ]
    assert [name for name in kinds if f"| `{name}` |" not in text] == []


def reason_codes() -> set[str]:
    """Every reason that is written as a literal where something is refused."""
    found = set()
    refusing = {"Unreadable", "Undecodable", "InputError", "Skipped", "Rejected"}
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in refusing:
                values = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
                found |= {v for v in values if isinstance(v, str) and re.fullmatch("[a-z-]+", v)}
    return found


def test_every_reason_is_explained_and_exists() -> None:
    text = (ROOT / "docs/reference/errors.md").read_text()
    listed = set(re.findall(r"^\| `([a-z0-9-]+)` \|", text, re.MULTILINE))
    code = "".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    assert reason_codes() - listed == set()
    assert {reason for reason in listed if f'"{reason}"' not in code} == set()


def test_every_field_of_the_report_is_explained() -> None:
    text = (ROOT / "docs/reference/hunt-json.md").read_text()
    tree = ast.parse((ROOT / "src/tocsin/cli/tell.py").read_text())
    dicts = [node for node in ast.walk(tree) if isinstance(node, ast.Dict)]
    keys = {key.value for one in dicts for key in one.keys if isinstance(key, ast.Constant)}
    assert len(keys) > 30
    assert {key for key in keys if f"`{key}`" not in text} == set()


def test_the_tests_can_fail(tmp_path: Path) -> None:
    with reader(tmp_path) as person, pytest.raises(AssertionError):
        person.type("tocsin hunt nothing-is-here")
    assert shutil.which("tocsin", path=str(Path(sys.executable).parent))
