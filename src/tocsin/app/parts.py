"""From content to working parts: mappings compiled, rules compiled once and then cached."""

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec
import platformdirs

from tocsin.content import load
from tocsin.detect.exceptions import Standings, compile_standings
from tocsin.detect.sigma.logsources import load_logsources
from tocsin.detect.sigma.matcher import Matcher
from tocsin.detect.sigma.plan import Plan, plan_key
from tocsin.detect.vendor import sources_of_alerts
from tocsin.errors import ContentError, StorageError
from tocsin.flow import Compiled
from tocsin.formats.read import read_members
from tocsin.model.content import ContentSet, Problem
from tocsin.model.logsources import LogsourceBinding
from tocsin.normalize import compile_sources
from tocsin.normalize.quality import Meter

LOGSOURCES = "logsources.yaml"
"""How the name of a file ends that says what rules' logsources mean here."""


class Setup(msgspec.Struct, frozen=True):
    """What a worker needs to build the same parts as its parent."""

    content: ContentSet
    plan: str
    """Path of the compiled plan in the cache."""


def rule_files(content: ContentSet, rules: Path | None) -> list[tuple[str, bytes]]:
    """(place, YAML) of the rules to run: those of `rules` (folder or archive) or of the content."""
    if rules is not None:
        return [(name, data) for name, data in read_members(rules) if _is_rule(name)]
    return [(file.where, file.data) for file in content.under("rules/") if _is_rule(file.path)]


def logsources(content: ContentSet) -> tuple[LogsourceBinding, ...]:
    """What the sources of a content set deliver, in the words of rules."""
    files = [file for file in content.under("sources/") if file.path.endswith(LOGSOURCES)]
    return tuple(b for file in files for b in load_logsources(file.where, file.data))


def _is_rule(name: str) -> bool:
    return name.endswith((".yml", ".yaml")) and not name.endswith((".tests.yaml", ".tests.yml"))


def prepare(content: ContentSet, files: Iterable[tuple[str, bytes]], cache: Path) -> Setup:
    """Compile the rules unless the cache holds them whole."""
    files = list(files)
    bindings = logsources(content)
    path = cache / f"{plan_key(files, bindings)}.plan"
    if not _is_whole(path):
        from tocsin.detect.sigma import compile_plan, parse_rules  # noqa: PLC0415  # slow to load

        data = compile_plan(parse_rules(files), bindings).dump()
        cache.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.write_bytes(data)
        fresh.replace(path)
    return Setup(content, str(path))


def _is_whole(path: Path) -> bool:
    """Whether the cache holds this plan as it was written."""
    try:
        Plan.load(path.read_bytes())
    except (FileNotFoundError, StorageError):
        return False
    return True


def cache_folder() -> Path:
    """Where compiled plans are kept; they can be deleted at any time."""
    return platformdirs.user_cache_path("tocsin") / "plans"


def build(setup: Setup) -> Compiled:
    """The parts of one worker; raises ContentError when a mapping is wrong."""
    normalizer, problems = compile_sources(setup.content)
    if normalizer is None:
        raise first_error(problems)
    plan = load_plan(setup)
    alerts = sources_of_alerts(normalizer.sources)
    return Compiled(
        normalizer,
        plan,
        Matcher(plan),
        standings(setup.content),
        Meter(normalizer.sources),
        alerts,
        frozenset(spec.id for spec in normalizer.sources if spec.checkouts),
    )


def standings(content: ContentSet) -> Standings:
    """What a content set decides about findings; raises ContentError when that is wrong.

    Rules are not needed here: `tocsin check` and `apply` compare exceptions with them.
    """
    found, problems = compile_standings(content.files)
    if any(problem.severity == "error" for problem in problems):
        raise first_error(problems)
    return found


def load_plan(setup: Setup) -> Plan:
    """The compiled rules alone."""
    return Plan.load(Path(setup.plan).read_bytes())


def first_error(problems: list[Problem]) -> ContentError:
    """The first problem that stops the content from being used, as an exception."""
    worst = next(problem for problem in problems if problem.severity == "error")
    return ContentError(worst.where, worst.message)


def load_content(site: Path | None) -> ContentSet:
    """Shipped content under what the site has of its own."""
    return load(site)
