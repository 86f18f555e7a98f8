"""How many of the facts in a raw record stand at the right path of its OCSF event.

The expectations are ECS documents beside raw messages, made by people who do not know this
product. Each message is read, recognized and mapped by the code of `tocsin normalize --records`.
`python -m tests.normalize.facts FORMAT [seen|held|all] [SOURCE]` prints the score with
every fact that is missing or contradicted, `... facts every` a table of all formats.

A test's name decides by its hash whether it is of the third that is held out: mappings are written
looking at the other two thirds (`part="seen"`) only.
"""

import gzip
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from hashlib import blake2b
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import orjson

from tocsin.app.clock import SystemClock
from tocsin.app.records import Reader
from tocsin.content import load
from tocsin.normalize import Normalizer, compile_sources

ROOT = Path(__file__).resolve().parents[2]
TESTS = "normalize/sekoia_dev.jsonl.gz"
HELD_OUT = 3
"""One test in so many is held out."""
SECOND = 1_000


@dataclass(frozen=True, slots=True)
class Wrong:
    """One fact that is not in the event: `got` is None when nothing stands at its paths."""

    test: str
    path: str
    expected: Any
    got: Any


@dataclass(slots=True)
class Score:
    """What was counted over the tests of one format.

    `reported` are tests whose message was refused, with a reason; their facts count as missing.
    `silent` are tests that gave an event without a single one of their facts.
    """

    tests: int = 0
    facts: int = 0
    found: int = 0
    contradicted: int = 0
    classes: int = 0
    classes_right: int = 0
    reported: int = 0
    silent: int = 0
    wrong: list[Wrong] = field(default_factory=list)

    @property
    def recall(self) -> float:
        """Share of the facts that stand at their path."""
        return self.found / self.facts if self.facts else 1.0

    @property
    def precision(self) -> float:
        """Share of the values at paths of facts that the expectation does not contradict."""
        stated = self.found + self.contradicted
        return self.found / stated if stated else 1.0

    @property
    def class_accuracy(self) -> float:
        """Share of the tests that name a known category whose event is of a class of it."""
        return self.classes_right / self.classes if self.classes else 1.0


def _text(value: Any) -> str:
    return str(value).strip().lower()


def _user(value: Any) -> str:
    r"""A user name without `DOMAIN\` before it or `@domain` behind it."""
    return _text(value).rpartition("\\")[2].partition("@")[0]


def _address(value: Any) -> str:
    try:
        return str(ip_address(str(value)))
    except ValueError:
        return _text(value)


def _outcome(value: Any) -> str:
    return {"success": "1", "failure": "2", "failed": "2"}.get(_text(value), "")


_Compare = Callable[[Any], str]
_FACTS: Mapping[str, tuple[tuple[str, ...], _Compare]] = {
    "source.ip": (("src_endpoint.ip",), _address),
    "source.port": (("src_endpoint.port",), _text),
    "destination.ip": (("dst_endpoint.ip",), _address),
    "destination.port": (("dst_endpoint.port",), _text),
    "user.name": (("user.name", "actor.user.name"), _user),
    "host.name": (("device.hostname", "src_endpoint.hostname", "dst_endpoint.hostname"), _text),
    "process.name": (("process.name", "actor.process.name"), _text),
    "process.pid": (("process.pid", "actor.process.pid"), _text),
    "process.command_line": (("process.cmd_line", "actor.process.cmd_line"), _text),
    "file.name": (("file.name",), _text),
    "url.original": (("http_request.url.url_string", "url.url_string"), _text),
    "event.code": (("metadata.event_code",), _text),
    "network.transport": (("connection_info.protocol_name",), _text),
    "rule.name": (("finding_info.title", "rule.name"), _text),
    "email.subject": (("email.subject",), _text),
    "dns.question.name": (("query.hostname",), _text),
}
_CLASSES: Mapping[str, tuple[int, ...]] = {
    "authentication": (3002,),
    "network": (4001, 4002, 4003),
    "process": (1007,),
    "file": (1001,),
    "iam": (3001, 3003, 3005, 3006),
    "email": (4009,),
}
_FINDINGS = ("malware", "intrusion_detection", "vulnerability", "threat")
FINDING_CATEGORY = 2


def _at(document: Mapping[str, Any], path: str) -> Any:
    value: Any = document
    for step in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(step)
    return value


@cache
def normalizer() -> Normalizer:
    """All shipped sources, compiled once."""
    made, problems = compile_sources(load(None))
    if made is None:
        raise ValueError("\n".join(f"{p.where}: {p.message}" for p in problems))
    return made


def events_of(message: str, source_id: str | None = None) -> tuple[list[dict[str, Any]], list[str]]:
    """OCSF events of a message, and the reasons why parts of it were refused."""
    reading = Reader(normalizer(), "facts", SystemClock().now()).read("message", message, source_id)
    return list(reading.events), [reading.reason] if reading.reason else []


def judge(
    score: Score, name: str, expected: Mapping[str, Any], events: Sequence[dict[str, Any]]
) -> None:
    """Count one test."""
    score.tests += 1
    before = score.found, score.facts
    score.reported += not events
    for path, value in _facts(expected):
        score.facts += 1
        stated = list(_stated(path, events))
        if _holds(path, value, stated):
            score.found += 1
            continue
        score.contradicted += bool(stated)
        score.wrong.append(Wrong(name, path, value, stated or None))
    score.silent += bool(events) and score.found == before[0] and score.facts > before[1]
    _judge_class(score, name, expected, events)


def _facts(expected: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for path in ("@timestamp", *_FACTS):
        value = expected.get(path) if path == "@timestamp" else _at(expected, path)
        if value not in (None, "", "-"):
            yield path, value
    outcome = _outcome(_at(expected, "event.outcome"))
    if outcome:
        yield "event.outcome", outcome


def _stated(path: str, events: Sequence[dict[str, Any]]) -> Iterator[Any]:
    for event in events:
        if path == "@timestamp":
            yield event["time"]
        elif path == "event.outcome":
            if event.get("status_id") in (1, 2):
                yield event["status_id"]
        else:
            found = (_at(event, place) for place in _FACTS[path][0])
            yield from (value for value in found if value is not None)


def _holds(path: str, value: Any, stated: Sequence[Any]) -> bool:
    if path == "@timestamp":
        wanted = datetime.fromisoformat(value)
        wanted = wanted if wanted.tzinfo else wanted.replace(tzinfo=UTC)
        return any(abs(found - wanted.timestamp() * SECOND) <= SECOND for found in stated)
    same = _text if path == "event.outcome" else _FACTS[path][1]
    return same(value) in map(same, stated)


def _judge_class(
    score: Score, name: str, expected: Mapping[str, Any], events: Sequence[dict[str, Any]]
) -> None:
    said = _at(expected, "event.category") or []
    words = [said] if isinstance(said, str) else said
    wanted = {uid for word in words for uid in _CLASSES.get(word, ())}
    finding = any(word in _FINDINGS for word in words)
    if not wanted and not finding:
        return
    score.classes += 1
    right = any(
        event["class_uid"] in wanted or (finding and event["category_uid"] == FINDING_CATEGORY)
        for event in events
    )
    score.classes_right += right
    if not right:
        got = [event["class_name"] for event in events] or None
        score.wrong.append(Wrong(name, "event.category", words, got))


def _data() -> Path:
    return Path(os.environ.get("TOCSIN_DATA") or ROOT.parent / "shared" / "data")


def cases(format_name: str, part: str) -> Iterator[dict[str, Any]]:
    """Tests of a format: `seen`, `held` (out) or `all` of them."""
    with gzip.open(_data() / TESTS) as file:
        for test in map(orjson.loads, file):
            if test["format"] == format_name and part in ("all", _part(format_name, test["test"])):
                yield test


def _part(format_name: str, name: str) -> str:
    digest = blake2b(f"{format_name}/{name}".encode(), digest_size=8).digest()
    return "seen" if int.from_bytes(digest) % HELD_OUT else "held"


def score(format_name: str, source_id: str | None = None, part: str = "all") -> Score:
    """The score of a format; with `source_id` its records are declared to be of that source."""
    counted = Score()
    for test in cases(format_name, part):
        events, reasons = events_of(test["input"]["message"], source_id)
        judge(counted, test["test"], test["expected"], events)
        if not events:
            counted.wrong.append(Wrong(test["test"], "reported", "", reasons[:1]))
    return counted


def main(format_name: str, part: str = "seen", source_id: str | None = None) -> None:
    """Print a score; of the held-out third the figures only."""
    found = score(format_name, source_id, part)
    print(
        f"{format_name} {part}: {found.tests} tests, {found.facts} facts, "
        f"recall {found.recall:.1%}, precision {found.precision:.1%}, "
        f"class {found.class_accuracy:.1%}, reported {found.reported}, silent {found.silent}"
    )
    for wrong in found.wrong if part == "seen" else ():
        print(f"  {wrong.test}: {wrong.path}: {wrong.expected!r} got {wrong.got!r}")


def formats() -> list[str]:
    """The formats that there are tests of."""
    with gzip.open(_data() / TESTS) as file:
        return sorted({test["format"] for test in map(orjson.loads, file)})


def table(part: str) -> None:
    """Print the scores of every format, and what they are together.

    A format of which every record is refused is one that nothing is shipped for.
    """
    scores = {name: score(name, None, part) for name in formats()}
    scores = {name: one for name, one in scores.items() if one.tests}
    print(f"{part}: format, tests, recall, precision, classes, reported, silent")
    for name, one in scores.items():
        classes = f"{one.classes_right}/{one.classes}"
        print(
            f"  {name:42} {one.tests:3} {one.recall:6.1%} {one.precision:6.1%} {classes:>6}"
            f" {one.reported:3} {one.silent:3}"
        )
    served = [one for one in scores.values() if one.reported < one.tests]
    stated = sum(one.found + one.contradicted for one in served)
    print(
        f"  {len(served)} formats served: recall {sum(o.recall for o in served) / len(served):.1%}"
        f" (macro), worst {min(one.recall for one in served):.1%},"
        f" precision {sum(one.found for one in served) / stated:.1%},"
        f" class {sum(o.classes_right for o in served) / sum(o.classes for o in served):.1%}"
    )


if __name__ == "__main__":
    if sys.argv[1:] == ["every"]:
        table("seen")
        table("held")
    else:
        main(*sys.argv[1:])
