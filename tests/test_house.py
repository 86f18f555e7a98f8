"""The repository polices itself: rules that no linter has."""

import ast
import re
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "src").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
LOCKS = sorted(ROOT.glob("requirements*.lock"))

# Names that attract everything, so that nobody can say what belongs there.
NO_NAMES = {"utils", "util", "helpers", "common", "misc", "base", "core", "manager", "handler"}
# The one process that owns the state is called so in the plan of the processes.
NAMED_IN_THE_PLAN = {"app/core.py"}

# In pieces, so that this file does not name them.
REGISTRIES = ("pypi" + ".org", "pythonhosted" + ".org", "npmjs" + ".org", "crates" + ".io/api")


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def kept_files() -> list[Path]:
    """What is in the repository or about to be, as text or data."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        return [path for path in ROOT.rglob("*") if path.is_file() and ".venv" not in path.parts]
    names = [name for name in listed.stdout.decode().split("\0") if name]
    return [ROOT / name for name in names if (ROOT / name).is_file()]


FILES = kept_files()


def named_in(words: tuple[str, ...]) -> list[str]:
    needles = [word.encode() for word in words]
    return [
        relative(path) for path in FILES if any(needle in path.read_bytes() for needle in needles)
    ]


def test_no_file_names_a_place_of_this_machine() -> None:
    places = [f"{place}/" for place in (ROOT, ROOT.parent, Path.home()) if len(place.parts) > 1]
    found = named_in(tuple(place for place in places if place not in ("/root/", "/src/", "/app/")))
    assert found == []


def test_no_file_names_a_package_registry() -> None:
    assert named_in(REGISTRIES) == []


@pytest.mark.parametrize("path", LOCKS, ids=relative)
def test_every_locked_package_has_hashes_and_no_address(path: Path) -> None:
    entries = re.split(r"\n(?=\S)", path.read_text().strip())
    for entry in entries:
        assert re.match(r"[a-z0-9-]+==\S+", entry), entry
        assert "--hash=sha256:" in entry, entry
        assert "://" not in entry


def test_the_lock_holds_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = [re.match(r"[A-Za-z0-9-]+", line) for line in project["project"]["dependencies"]]
    for lock in ("requirements.lock", "requirements-dev.lock"):
        locked = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / lock).read_text(), re.MULTILINE))
        assert {found[0].lower() for found in asked if found} <= locked


def test_every_module_says_what_it_is() -> None:
    silent = [
        relative(path)
        for path in SOURCES
        if "migrations" not in path.parts and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def test_every_module_can_be_imported() -> None:
    names = [
        ".".join(path.relative_to(ROOT / "src").with_suffix("").parts)
        for path in SOURCES
        if path.name not in ("__init__.py", "__main__.py") and "state" not in path.parts
    ]
    code = "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]"
    done = subprocess.run([sys.executable, "-c", code, *names], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_no_error_is_caught_wholesale() -> None:
    found = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.ExceptHandler):
                continue
            caught = "" if node.type is None else ast.unparse(node.type)
            if not caught or re.search(r"\b(Base)?Exception\b", caught):
                found.append(f"{relative(path)}:{node.lineno}")
    assert found == []


def test_no_pattern_uses_what_debian_s_python_gets_wrong() -> None:
    """Python 3.11.2, which Debian 12 has, mismatches possessive and atomic groups.

    The defect was repaired in 3.11.5 (gh-106052). It was seen here to lose whole records.
    """
    found = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "re.compile":
                pattern = node.args[0]
                if isinstance(pattern, ast.Constant):
                    tree = repr(re._parser.parse(pattern.value))
                    if "POSSESSIVE" in tree or "ATOMIC" in tree:
                        found.append(f"{relative(path)}:{node.lineno}")
    assert found == []


def test_nothing_is_left_for_later() -> None:
    later = re.compile(rb"\b(" + b"TO" + rb"DO|FIX" + rb"ME|X" + rb"XX)\b")
    code = [path for path in FILES if path.suffix in {".py", ".yaml", ".yml", ".toml", ".md"}]
    found = [relative(path) for path in code if later.search(path.read_bytes())]
    assert found == []


def test_every_exemption_has_a_reason() -> None:
    exempt = re.compile(r"# (?:noqa: [A-Z0-9, ]+|type: ignore\[[a-z-, ]+\])(?P<reason>.*)$")
    found = []
    for path in SOURCES + TESTS:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = exempt.search(line)
            if match and not re.search(r"[A-Za-z]{2}", match["reason"]):
                found.append(f"{relative(path)}:{number}")
    assert found == []


def test_no_file_has_a_name_that_attracts_everything() -> None:
    package = ROOT / "src/tocsin"
    names = {path.relative_to(package).as_posix() for path in SOURCES if path.stem in NO_NAMES}
    assert names <= NAMED_IN_THE_PLAN


THINKING = {
    *("model", "normalize", "enrich", "profile", "detect", "correlate", "triage", "decide"),
    *("learn", "measure", "train"),
}


def test_every_thinking_stage_is_under_the_contract() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = {one["id"]: one for one in project["tool"]["importlinter"]["contracts"]}
    listed = {name.removeprefix("tocsin.") for name in contracts["sans-io"]["source_modules"]}
    packages = {path.parent.name for path in (ROOT / "src/tocsin").glob("*/__init__.py")}
    assert listed == packages & THINKING
    held = set(contracts["hands"]["protected_modules"])
    assert held == {f"tocsin.{name}" for name in packages & {"store", "connectors"}}


def test_what_ships_is_data_only() -> None:
    assert list((ROOT / "src/tocsin/shipped").rglob("*.py")) == []


def crash_points() -> list[str]:
    """Names of the crash points, as written in the code; a name is always a literal."""
    names: list[str] = []
    for path in SOURCES:
        calls = (n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call))
        points = [call for call in calls if ast.unparse(call.func) in ("crash.point", "point")]
        names += [ast.literal_eval(call.args[0]) for call in points]
    return names


def test_every_crash_point_has_its_own_name() -> None:
    names = crash_points()
    assert names
    assert [name for name, count in Counter(names).items() if count > 1] == []
    assert all(re.fullmatch(r"[a-z0-9]+([.-][a-z0-9]+)*", name) for name in names)


def test_every_crash_point_is_listed() -> None:
    listed = (ROOT / "docs/reference/crash-points.md").read_text()
    assert [name for name in crash_points() if f"`{name}`" not in listed] == []


DECISIONS = sorted((ROOT / "docs/adr").glob("[0-9]*.md"))


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_is_short_and_names_its_price(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 60
    for part in ("# ", "## Context", "## Options", "## Decision", "## Drawbacks"):
        assert part in text


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = [int(path.name[:4]) for path in DECISIONS]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize(
    ("name", "lines"), [("README.md", 60), ("ARCHITECTURE.md", 200), ("CONTRIBUTING.md", 80)]
)
def test_a_page_stays_as_short_as_it_promises(name: str, lines: int) -> None:
    assert 10 < len((ROOT / name).read_text().splitlines()) <= lines


# Sources that are tested only through the part they belong to; this list may only shrink.
TESTED_BY_NEIGHBOURS = ROOT / "tests/tested_by_neighbours.txt"


def imported_by_tests() -> set[str]:
    """Modules that some test names in an import."""
    found: set[str] = set()
    for path in TESTS:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                found |= {node.module, *(f"{node.module}.{one.name}" for one in node.names)}
            elif isinstance(node, ast.Import):
                found |= {one.name for one in node.names}
    return found


def test_every_source_has_a_test_of_its_own() -> None:
    tested = imported_by_tests()
    missing = set()
    for path in SOURCES:
        name = path.relative_to(ROOT / "src").with_suffix("")
        mirror = ROOT / "tests" / name.relative_to("tocsin").parent / f"test_{name.name}.py"
        outside = path.name.startswith("__") or "state" in path.parts
        if not (outside or mirror.exists() or ".".join(name.parts) in tested):
            missing.add(name.relative_to("tocsin").as_posix())
    excused = set(TESTED_BY_NEIGHBOURS.read_text().split())
    assert missing - excused == set()
    assert excused - missing == set()
