"""Read exceptions: every mistake is reported with the line where it stands."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from tocsin.detect.exceptions.conditions import DAYS, Comparison, Condition, Window, question_of
from tocsin.detect.exceptions.entry import DAY, LONGEST, Effect, Entry
from tocsin.errors import ContentError
from tocsin.formats.located_yaml import LocatedDocument, Path, load_located
from tocsin.model.content import ContentFile, Problem
from tocsin.model.findings import Level

MAX_CONDITIONS = 50
MAX_TEXTS = 1_000
"""Bounds of one exception; beyond them it is a list of something else."""

KEYS = (
    "id", "title", "rules", "source", "where", "time", "effect", "level", "owner", "approved_by",
    "reason", "created", "expires", "tests",
)  # fmt: skip
ROLES = {
    "host": "subject", "user": "subject", "process": "subject", "session": "subject",
    "address": "source", "file": "subject", "hash": "subject",
}  # fmt: skip
"""Kinds of entities, each with the role that counts where none is named."""

ALL_ROLES = ("subject", "parent", "target", "source", "destination")

_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00")
_OFFSET = re.compile(r"([+-])(\d\d):([0-5]\d)")


def read_entry(file: ContentFile) -> tuple[Entry | None, list[Problem]]:
    """The exception in a file; None, and what is wrong with it, where it cannot be used."""
    try:
        document = load_located(file.data, file.where)
    except ContentError as error:
        return None, [Problem(error.where, error.message)]
    if not isinstance(document.value, dict):
        return None, [Problem(document.at(), "an exception is a mapping: see its reference page")]
    reader = _Reader(document)
    entry = reader.entry()
    return (None if reader.problems else entry), reader.problems


class _Reader:
    """Reads one document and keeps what is wrong with it."""

    def __init__(self, document: LocatedDocument) -> None:
        self.problems: list[Problem] = []
        self._document = document
        self._root: dict[str, Any] = document.value

    def wrong(self, path: Path, message: str) -> None:
        self.problems.append(Problem(self._document.at(path), message))

    def entry(self) -> Entry:
        for key in self._root:
            if key not in KEYS:
                self.wrong((key,), f"unknown key {key!r}; there are: {', '.join(KEYS)}")
        effect = self.choice("effect", [one.value for one in Effect])
        created, expires = self.day("created"), self.day("expires")
        tests = self.tests()
        entry = Entry(
            id=self.identity(),
            title=self.text("title"),
            where=self._document.where,
            rules=self.texts(("rules",), self._root.get("rules"), needed=False),
            source=self.text("source", needed=False),
            conditions=self.conditions(),
            window=self.window(),
            effect=Effect(effect or Effect.HIDE),
            level=self.level(effect),
            owner=self.text("owner"),
            approved_by=self.text("approved_by", needed=False),
            reason=self.text("reason"),
            created=created,
            expires=expires,
            covers=tests["covers"],
            leaves=tests["leaves"],
        )
        self.scope(entry)
        self.dates(created, expires)
        return entry

    def identity(self) -> str:
        name = self.text("id")
        if name and not _ID.fullmatch(name):
            self.wrong(("id",), "an id has small letters, digits, `.`, `_` and `-`")
        return name

    def scope(self, entry: Entry) -> None:
        """Rules or a source; what is broad needs a second person."""
        if bool(entry.rules) is bool(entry.source):
            self.wrong((), "name either `rules:` or a `source:`")
        if entry.approved_by and not entry.approved:
            self.wrong(("approved_by",), "the second person is not the owner")
        elif (entry.source or not self._root.get("where")) and not entry.approved:
            what = "a whole source" if entry.source else "a rule without conditions"
            self.wrong((), f"{what} needs a second person: `approved_by:`, who is not the owner")

    def dates(self, created: int, expires: int) -> None:
        if not created or not expires:
            return
        if expires <= created:
            self.wrong(("expires",), "expires before it begins")
        elif expires - created > LONGEST * DAY:
            days = (expires - created) // DAY
            self.wrong(("expires",), f"lasts {days} days; an exception lasts at most {LONGEST}")

    def text(self, key: str, *, needed: bool = True) -> str:
        value = self._root.get(key)
        if value is None and not needed:
            return ""
        if not isinstance(value, str) or not value.strip():
            self.wrong((key,), f"`{key}:` needs a text")
            return ""
        return value.strip()

    def choice(self, key: str, choices: list[str]) -> str:
        value = self._root.get(key)
        if value not in choices:
            self.wrong((key,), f"`{key}:` is one of {', '.join(choices)}")
            return ""
        return str(value)

    def level(self, effect: str) -> Level | None:
        if effect != Effect.LOWER:
            if "level" in self._root:
                self.wrong(("level",), "`level:` belongs to `effect: lower`")
            return None
        value = self.choice("level", [one.value for one in Level])
        return Level(value) if value else None

    def day(self, key: str) -> int:
        value = self._root.get(key)
        try:
            found = date.fromisoformat(value) if isinstance(value, str) else None
        except ValueError:
            found = None
        if found is None:
            self.wrong((key,), f"`{key}:` is a day like 2026-11-23")
            return 0
        return int(datetime(found.year, found.month, found.day, tzinfo=UTC).timestamp()) * 1_000_000

    def texts(self, path: Path, value: Any, *, needed: bool = True) -> tuple[str, ...]:
        """A text or a list of texts; numbers and booleans count as their text."""
        if value is None and not needed:
            return ()
        items = value if isinstance(value, list) else [value]
        found = [_plain(item) for item in items]
        if not found or "" in found or len(found) > MAX_TEXTS:
            self.wrong(path, f"needs a text or a list of 1 to {MAX_TEXTS:,} texts, none empty")
            return ()
        return tuple(found)

    def conditions(self) -> tuple[Condition, ...]:
        value = self._root.get("where", [])
        if not isinstance(value, list) or len(value) > MAX_CONDITIONS:
            self.wrong(("where",), f"`where:` is a list of at most {MAX_CONDITIONS} conditions")
            return ()
        found = [self.condition(("where", n), item) for n, item in enumerate(value)]
        return tuple(one for one in found if one is not None)

    def condition(self, path: Path, item: Any) -> Condition | None:
        names = [test.value for test in Comparison]
        if not isinstance(item, dict):
            self.wrong(path, "a condition is a mapping with `field:` or `entity:`, and a test")
            return None
        unknown = [key for key in item if key not in {"field", "entity", "role", *names}]
        tests = [name for name in names if name in item]
        if unknown or len(tests) != 1 or ("field" in item) is ("entity" in item):
            wanted = f"`field:` or `entity:`, and one of {', '.join(names)}"
            self.wrong(path, f"a condition has {wanted}")
            return None
        condition = Condition(
            test=Comparison(tests[0]),
            wanted=self.texts((*path, tests[0]), item[tests[0]]),
            field=self.name(path, item, "field"),
            entity=self.name(path, item, "entity"),
            role=self.role(path, item),
        )
        return condition if self.works((*path, tests[0]), condition) else None

    def name(self, path: Path, item: Mapping[str, Any], key: str) -> str:
        value = item.get(key, "")
        if key in item and (not isinstance(value, str) or not value):
            self.wrong((*path, key), f"`{key}:` needs a name")
            return ""
        if key == "entity" and value and value not in ROLES:
            self.wrong((*path, key), f"`entity:` is one of {', '.join(ROLES)}")
        return str(value)

    def role(self, path: Path, item: Mapping[str, Any]) -> str:
        value = item.get("role")
        if value is None:
            return ROLES.get(str(item.get("entity")), "")
        if "entity" not in item or value not in ALL_ROLES:
            self.wrong((*path, "role"), f"`role:` of an entity is one of {', '.join(ALL_ROLES)}")
        return str(value)

    def works(self, path: Path, condition: Condition) -> bool:
        try:
            question_of(condition)
        except ValueError as error:
            self.wrong(path, str(error))
            return False
        return True

    def window(self) -> Window | None:
        value = self._root.get("time")
        if value is None:
            return None
        if not isinstance(value, dict) or set(value) - {"days", "from", "to", "utc_offset"}:
            self.wrong(("time",), "`time:` has `days:`, `from:`, `to:` and `utc_offset:`")
            return None
        days = value.get("days", list(DAYS))
        if not isinstance(days, list) or not days or set(map(str, days)) - set(DAYS):
            self.wrong(("time", "days"), f"`days:` is a list of {', '.join(DAYS)}")
            days = []
        begin, end = self.clock(value, "from", "00:00"), self.clock(value, "to", "24:00")
        if begin == end:
            self.wrong(("time",), "`from:` and `to:` are the same")
        numbers = tuple(sorted({DAYS.index(str(day)) for day in days}))
        return Window(numbers, begin, end, self.offset(value))

    def clock(self, value: Mapping[str, Any], key: str, default: str) -> int:
        text = value.get(key, default)
        if not isinstance(text, str) or not _CLOCK.fullmatch(text):
            self.wrong(("time", key), f"`{key}:` is a time of day like 18:30")
            return 0
        return int(text[:2]) * 60 + int(text[3:])

    def offset(self, value: Mapping[str, Any]) -> int:
        text = value.get("utc_offset", "+00:00")
        found = _OFFSET.fullmatch(text) if isinstance(text, str) else None
        if found is None or int(found[2]) > 14:  # noqa: PLR2004  # hours that zones differ at most
            self.wrong(("time", "utc_offset"), "`utc_offset:` is like +01:00")
            return 0
        return (1 if found[1] == "+" else -1) * (int(found[2]) * 60 + int(found[3]))

    def tests(self) -> dict[str, tuple[tuple[int, dict[str, object] | str], ...]]:
        value = self._root.get("tests")
        cases = value if isinstance(value, dict) else {}
        if set(cases) != {"covers", "leaves"}:
            self.wrong(("tests",), "`tests:` has records that it `covers:` and that it `leaves:`")
        return {name: self.records(name, cases.get(name)) for name in ("covers", "leaves")}

    def records(self, name: str, value: Any) -> tuple[tuple[int, dict[str, object] | str], ...]:
        if not isinstance(value, list) or not value:
            if value is not None:
                self.wrong(("tests", name), f"`{name}:` is a list of at least one record")
            return ()
        found = []
        for number, item in enumerate(value):
            path = ("tests", name, number)
            if not isinstance(item, dict | str) or not item:
                self.wrong(path, "a record is a mapping of native fields, or its original as text")
            else:
                found.append((self._document.line(path), item))
        return tuple(found)


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else ""
