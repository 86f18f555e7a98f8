"""Lists that a site fills placeholders (`field|expand: '%Name%'`) with.

A file `placeholders.yaml` beside the rules maps a name to a value or a list of values; values may
hold the wildcards `*` and `?`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from tocsin.detect.sigma.about import unreadable
from tocsin.model.rules import RuleStatus

FILES = ("placeholders.yaml", "placeholders.yml")

Lists = Mapping[str, tuple[str, ...]]


def is_placeholders(where: str) -> bool:
    """True for a file of lists."""
    return where.replace("\\", "/").rsplit("/", 1)[-1] in FILES


def load_placeholders(
    files: Iterable[tuple[str, bytes]],
) -> tuple[dict[str, tuple[str, ...]], list[RuleStatus]]:
    """Lists by name (the later file counts) and a status for each file that is none."""
    lists: dict[str, tuple[str, ...]] = {}
    problems: list[RuleStatus] = []
    for where, data in files:
        try:
            document = yaml.safe_load(data.decode("utf-8-sig"))
        except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
            problems.append(unreadable(where, f"not YAML: {error}".split("\n", 1)[0]))
            continue
        problem = _problem(document)
        if problem:
            problems.append(unreadable(where, problem))
            continue
        for name, values in (document or {}).items():
            listed = values if isinstance(values, list) else [values]
            lists[name] = tuple(str(value) for value in listed)
    return lists, problems


def _problem(document: Any) -> str:
    if document is None:
        return ""
    if not isinstance(document, dict):
        return "lists for placeholders: a mapping of names to lists"
    for name, values in document.items():
        listed = values if isinstance(values, list) else [values]
        if not isinstance(name, str) or not all(
            isinstance(v, str | int | float) and not isinstance(v, bool) for v in listed
        ):
            return f"placeholder {name}: its values must be texts or numbers"
    return ""
