"""Make an exception: what it would have hidden, its tests from what is stored, its file.

An exception that would have hidden what a person graded a true positive is refused unless it is
forced, and then it needs a second person, as that of a critical rule and one without conditions do.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml
from orjson import dumps as json_text

from tocsin.app import parts
from tocsin.app.check import check_exceptions
from tocsin.app.content import disk_content
from tocsin.app.firing import found_again
from tocsin.app.previewing import Case, Preview, StoredCases, day_of
from tocsin.app.site import Site
from tocsin.detect.exceptions import OUTSIDE, Entry, read_entry
from tocsin.detect.exceptions.entry import DAY, LONGEST
from tocsin.errors import UsageError
from tocsin.formats.located_yaml import load_located
from tocsin.model.content import ContentFile, ContentSet
from tocsin.model.findings import Finding, Level
from tocsin.store import State

OPERATORS = {
    "^=": "startswith", "$=": "endswith", "*=": "contains", "~=": "regex", "@=": "cidr",
    "=": "equals",
}  # fmt: skip
LOOKED_BACK = 30 * DAY
"""How far back stored events are looked at again for findings that are not stored (us)."""

MOST_AGAIN = 10_000
"""Findings of stored events that a preview adds to those that are stored."""

_COVERS_NONE = (
    "it covers none of {} stored findings of this rule, so that nothing shows that it is needed "
    "(names and values are those of the original record; --from takes them from a finding)"
)
_COVERS_ALL = (
    "it covers all {} findings of this rule, and no record is known that it would leave: narrow it "
    "with --where, name a second person with --approved-by, or write the file by hand with such a "
    "record"
)
_WHERE = re.compile(r"(?P<name>.+?)(?P<operator>\^=|\$=|\*=|~=|@=|=)(?P<value>.*)", re.DOTALL)
_ENTITY = "entity:"


class Wish(msgspec.Struct, frozen=True):
    """What a person wants to suppress. `where` are texts such as `User=svc_scan`."""

    rule: str
    where: tuple[str, ...]
    reason: str
    owner: str
    lower: Level | None = None
    days: int = LONGEST
    approved_by: str = ""
    forced: bool = False
    example: str = ""
    """Beginning of the id of a finding that it must cover."""


class About(msgspec.Struct, frozen=True):
    """What an exception is about: a rule, an indicator, or what another tool alerts of.

    `values` says that it is a correlation, `outside` that no content holds it.
    """

    rule_id: str
    title: str
    level: Level
    values: bool = False
    outside: bool = False


class Draft(msgspec.Struct, frozen=True):
    """An exception that is ready to be written."""

    file: ContentFile
    entry: Entry
    rule: About
    preview: Preview


def draft(site: Site, wish: Wish, now: int) -> Draft:
    """The exception that `wish` asks for, with its preview and its tests.

    Raises UsageError where it cannot be made or shown to work.
    """
    content = disk_content(site)
    rule = _find_rule(site, content, wish.rule)

    def earlier(oldest: int | None) -> Iterable[Finding]:
        until = now if oldest is None else oldest
        if rule.outside:
            return ()
        return found_again(site, content, rule.rule_id, now - LOOKED_BACK, until, most=MOST_AGAIN)

    stored = StoredCases(site, content, rule.rule_id, earlier, values=rule.values)
    tree = _tree(wish, rule, stored, now)
    entry = _read(tree)
    preview, covered, left = stored.judged_by(entry, wish.example)
    _refuse(wish, entry, rule, preview)
    if covered is None:
        raise UsageError(_COVERS_NONE.format(preview.of + preview.again))
    shown = _test_of(stored, covered)
    problem = ""
    for other in _left(stored, left, covered, entry, content):
        tree["tests"] = {"covers": [shown], "leaves": [other]}
        file = ContentFile(f"exceptions/{entry.id}.yaml", _written(tree), "site")
        problem = _wrong(content, file, now)
        if not problem:
            return Draft(file, _read(tree), rule, preview)
    if left is None:
        problem = _COVERS_ALL.format(preview.covered + preview.again_covered)
    raise UsageError(problem)


def write(site: Site, made: Draft) -> Path:
    """Write the file into the site; returns its path."""
    if site.folder is None:
        raise UsageError("there is no site here: `tocsin init soc` makes one")
    path = site.folder / made.file.path
    path.parent.mkdir(exist_ok=True)
    with path.open("xb") as out:
        out.write(made.file.data)
    return path


def _find_rule(site: Site, content: ContentSet, beginning: str) -> About:
    """The active rule whose id begins so, or the indicator or alert that a stored finding is of."""
    if beginning.startswith(OUTSIDE):
        return _find_outside(site, beginning)
    setup = parts.prepare(content, parts.rule_files(content, None), site.plans)
    plan = parts.load_plan(setup)
    correlations = [one.rule for one in getattr(plan, "correlations", ())]
    found = [rule for rule in (*plan.rules, *correlations) if rule.rule_id.startswith(beginning)]
    if len(found) != 1 or not beginning:
        what = "several active rules begin" if found else "no active rule begins"
        raise UsageError(f"{what} with {beginning!r}: `tocsin rules` lists them")
    rule = found[0]
    return About(rule.rule_id, rule.title, rule.level, values=rule in correlations)


def _find_outside(site: Site, beginning: str) -> About:
    """What spoke under an id that begins so, as its newest stored finding says."""
    known = State(site.state, read_only=True).findings if site.state.exists() else None
    names = sorted(known.activity(0)) if known else []
    found = [name for name in names if name.startswith(beginning)]
    if known is None or len(found) != 1:
        what = "several ids of stored findings begin" if found else "no stored finding begins"
        raise UsageError(f"{what} with {beginning!r}: `tocsin incidents ID --json` shows rule_id")
    newest, _ = next(known.of_rule(found[0], 0, 1))
    return About(found[0], newest.title, newest.rule_level or newest.level, outside=True)


def _tree(wish: Wish, rule: About, stored: StoredCases, now: int) -> dict[str, Any]:
    """The exception as its file has it, with tests that still have to be found."""
    if not 1 <= wish.days <= LONGEST:
        raise UsageError(f"an exception lasts 1 to {LONGEST} days")
    example = stored.example(wish.example) if wish.example else {}
    where = [_condition(text, example) for text in wish.where]
    today = now - now % DAY
    return {
        "id": _id(rule, stored.taken),
        "title": f"{rule.title}: {', '.join(wish.where) or 'everything'}"[:200],
        "rules": [rule.rule_id],
        **({"where": where} if where else {}),
        "effect": "lower" if wish.lower else "hide",
        **({"level": wish.lower.value} if wish.lower else {}),
        "owner": wish.owner,
        **({"approved_by": wish.approved_by} if wish.approved_by else {}),
        "reason": wish.reason,
        "created": day_of(today),
        "expires": day_of(today + wish.days * DAY),
        "tests": {"covers": [{"-": "-"}], "leaves": [{"-": "-"}]},
    }


def _condition(text: str, example: Mapping[str, Any]) -> dict[str, str]:
    """`name OPERATOR value` as a condition; a name alone takes the value of the example."""
    found = _WHERE.fullmatch(text)
    if found is None:
        if text not in example:
            raise UsageError(f"--where {text}: write FIELD=VALUE, or --from a finding that has it")
        return {"field": text, "equals": str(example[text])}
    name = found["name"]
    about = {"entity": name.removeprefix(_ENTITY)} if name.startswith(_ENTITY) else {"field": name}
    return {**about, OPERATORS[found["operator"]]: found["value"]}


def _id(rule: About, taken: set[str]) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", rule.title.lower()).strip("-")[:60] or "exception"
    return next(name for n in range(1, 10_000) if (name := f"{slug}-{n}") not in taken)


def _read(tree: dict[str, Any]) -> Entry:
    """The tree as an Entry; what is wrong with it is what was wrong with the arguments."""
    entry, problems = read_entry(ContentFile("exceptions/new.yaml", _written(tree), "site"))
    if entry is None:
        raise UsageError("; ".join(problem.message for problem in problems))
    return entry


def _refuse(wish: Wish, entry: Entry, rule: About, preview: Preview) -> None:
    """What needs a second person, or is not wanted, is refused before anything is written."""
    if rule.level is Level.CRITICAL and not entry.approved:
        raise UsageError("this rule is critical: name the second person with --approved-by")
    found = preview.true_positives
    if found and not (wish.forced and entry.approved):
        raise UsageError(
            f"it would have hidden findings of {len(found)} incidents graded true-positive, for "
            f"example {found[0].incident_id[:12]}: narrow it with --where, or take --force and a "
            "second person with --approved-by"
        )


def _test_of(stored: StoredCases, case: Case) -> Any:
    return dict(case.fields or {}) if stored.values else case.finding.events[0].raw


def _left(
    stored: StoredCases, left: Case | None, covered: Case, entry: Entry, content: ContentSet
) -> Iterator[Any]:
    """Records that may show what the exception leaves, the best first.

    The newest stored one; one of the rule's own tests; the covered one with another value in place
    of what the conditions ask for; with a second person, one on which the rule does not fire.
    """
    if left is not None:
        yield _test_of(stored, left)
    yield from _rule_tests(content, entry.rules[0], "no_match" if entry.broad else "match")
    if stored.values:
        yield {name: f"not {value}" for name, value in (covered.fields or {}).items()}
        return
    yield from _altered(covered, entry)
    if entry.approved:
        yield from _rule_tests(content, entry.rules[0], "no_match")


def _altered(covered: Case, entry: Entry) -> Iterator[str]:
    """The covered record with another value in place of what the conditions ask for."""
    raw, fields = covered.finding.events[0].raw, covered.fields or {}
    for condition in entry.conditions:
        for text in (*condition.wanted, str(fields.get(condition.field, ""))):
            for written in dict.fromkeys((text, json_text(text).decode()[1:-1])):
                if written and written in raw:
                    yield raw.replace(written, _another(written))


def _another(text: str) -> str:
    """The text with its last letter or digit changed."""
    for place in range(len(text) - 1, -1, -1):
        if text[place].isalnum():
            return f"{text[:place]}{'7' if text[place] != '7' else '8'}{text[place + 1 :]}"
    return text


def _rule_tests(content: ContentSet, rule_id: str, kind: str) -> Iterator[Any]:
    """The records of the rule's own tests: `match` or `no_match`."""
    files = {file.path: file for file in content.under("rules/")}
    for path, file in files.items():
        tests = files.get(f"{path.rpartition('.')[0]}.tests.yaml")
        if tests is not None and f"id: {rule_id}".encode() in file.data:
            records = load_located(tests.data, tests.where).value
            yield from records.get(kind, ()) if isinstance(records, dict) else ()


def _written(tree: Mapping[str, Any]) -> bytes:
    return yaml.safe_dump(dict(tree), sort_keys=False, allow_unicode=True, width=100).encode()


def _wrong(content: ContentSet, file: ContentFile, now: int) -> str:
    """What the new file's own tests show to be wrong with it; nothing when they pass."""
    others = [one for one in content.files if not one.path.startswith("exceptions/")]
    problems = check_exceptions(ContentSet.of([*others, file]), now)
    mine = (one for one in problems if one.where.startswith(file.where))
    return next((one.message for one in mine if one.severity == "error"), "")
