"""An independent evaluator of Sigma rules: slow, simple, and sharing nothing with the engine.

It reads the raw YAML of a rule with PyYAML, applies the modifiers and the condition itself (no
pySigma), and asks every rule about every record. Only the logsource file (data) is common.
"""

import base64
import datetime as dt
import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

Fields = Mapping[str, Any]
Test = Callable[[Fields], bool]


@dataclass(frozen=True)
class Names:
    """How one logsource alternative reads a shape: conditions, names and translated values."""

    conditions: dict[str, set[str]]
    fields: dict[str, list[str]]
    values: dict[str, dict[str, str]]

    def values_of(self, fields: Fields, name: str) -> list[str]:
        """The texts of a field of rules."""
        for native in self.fields.get(name, [name]):
            found = list(flatten(fields.get(native)))
            if found:
                table = self.values.get(name, {})
                return [table.get(text, text) for text in found]
        return []


def flatten(value: Any) -> Iterable[str]:
    """Texts of a value and of all that is inside it."""
    if value is None:
        return
    if isinstance(value, list):
        for item in value:
            yield from flatten(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from flatten(item)
    elif isinstance(value, bool):
        yield str(value).lower()
    elif isinstance(value, float) and value == int(value):
        yield str(int(value))
    else:
        yield str(value)


@dataclass(frozen=True)
class Offer:
    """One thing that a logsource file says is delivered."""

    product: str
    category: str
    service: str
    shape: str
    sources: frozenset[str]
    names: Names


class Logsources:
    """Logsource files, read without the engine's loader."""

    def __init__(self, *files: bytes) -> None:
        self.offers = [offer for data in files for offer in _offers(yaml.safe_load(data))]

    def alternatives(
        self, logsource: Mapping[str, str], shape: str, source: str = ""
    ) -> list[Names]:
        """All ways in which records of a source and shape can be what a rule asks for."""
        product, category, service = (
            str(logsource.get(key) or "").lower() for key in ("product", "category", "service")
        )
        offers = [
            one
            for one in self.offers
            if one.shape == shape
            and (not product or one.product == product)
            and (not one.sources or source in one.sources)
        ]
        plain = [o for o in offers if not o.category]
        if category and service:
            return [
                _both(a.names, b.names)
                for a in offers
                for b in plain
                if a.category == category and b.service == service and a.sources == b.sources
            ]
        if category:
            return [one.names for one in offers if one.category == category]
        if service:
            return [one.names for one in plain if one.service == service]
        return [one.names for one in plain if not one.service] if product else []


def _both(first: Names, second: Names) -> Names:
    conditions = dict(first.conditions)
    for field, wanted in second.conditions.items():
        conditions[field] = conditions.get(field, wanted) & wanted
    return Names(conditions, {**second.fields, **first.fields}, {**second.values, **first.values})


def _texts(values: Iterable[Any]) -> set[str]:
    return {text.lower() for value in values for text in flatten(value)}


def _offers(file: dict[str, Any]) -> Iterable[Offer]:
    """Everything that a file offers, in either of its two ways."""
    product = file["product"]
    for one in file.get("bindings", []):
        conditions = {field: _texts(v) for field, v in one.get("conditions", {}).items()}
        names = Names(conditions, one.get("fields", {}), one.get("values", {}))
        sources = frozenset(one.get("sources", []))
        kinds = (one.get("category", ""), one.get("service", ""))
        for shape in [one["shape"]] if isinstance(one["shape"], str) else one["shape"]:
            yield Offer(product, *kinds, shape, sources, names)
    route = file.get("route", {})
    services = file.get("services", {})
    for shape, about in file.get("shapes", {}).items():
        fields, sources = about.get("fields", {}), frozenset(about.get("sources", []))
        yield Offer(product, "", "", shape, sources, Names({}, fields, {}))
        for service, channels in services.items():
            names = Names({route["channel"]: _texts(channels)}, fields, {})
            yield Offer(product, "", service, shape, sources, names)
        for category, alternatives in file.get("categories", {}).items():
            for one in alternatives:
                conditions = {
                    route["channel"]: _texts(services[one["service"]]),
                    route["event"]: _texts(one["events"]),
                }
                mine = {**fields, **one.get("fields", {})}
                names = Names(conditions, mine, one.get("values", {}))
                yield Offer(product, category, "", shape, sources, names)


class NaiveRule:
    """One rule that can be asked about a record."""

    def __init__(
        self, document: Mapping[str, Any], logsources: Logsources, shapes: Iterable[str] = ()
    ) -> None:
        self.rule_id = document["id"]
        self._document = document
        self._logsources = logsources
        self.ways: dict[tuple[str, str], list[tuple[Names, Test]]] = {}
        for shape in shapes:
            self.way(shape)

    def way(self, shape: str, source: str = "") -> list[tuple[Names, Test]]:
        """How records of a source and shape are read and what is asked of them."""
        if (shape, source) not in self.ways:
            logsource = self._document["logsource"]
            self.ways[shape, source] = [
                (names, _detection(self._document["detection"], names))
                for names in self._logsources.alternatives(logsource, shape, source)
            ]
        return self.ways[shape, source]

    def matches(self, shape: str, fields: Fields, source: str = "") -> bool:
        """Whether the rule holds for the record."""
        for names, test in self.way(shape, source):
            routed = all(
                any(text.lower() in wanted for text in names.values_of(fields, field))
                for field, wanted in names.conditions.items()
            )
            if routed and test(fields):
                return True
        return False


def _detection(detection: Mapping[str, Any], names: Names) -> Test:
    blocks = {k: _block(v, names) for k, v in detection.items() if k != "condition"}
    conditions = detection["condition"]
    wanted = conditions if isinstance(conditions, list) else [conditions]
    tests = [_Condition(text, blocks).parse() for text in wanted]
    return lambda fields: any(test(fields) for test in tests)


def _block(definition: Any, names: Names) -> Test:
    if isinstance(definition, dict):
        items = [_item(key, value, names) for key, value in definition.items()]
        return lambda fields: all(item(fields) for item in items)
    if isinstance(definition, list):
        parts = [_block(part, names) for part in definition]
        return lambda fields: any(part(fields) for part in parts)
    return _item("", definition, names)


def _item(key: str, value: Any, names: Names) -> Test:
    field, *modifiers = key.split("|")
    if "neq" in modifiers:
        rest = "|".join([field, *(m for m in modifiers if m != "neq")])
        other = _item(rest, value, names)
        return lambda fields: not other(fields)
    values = value if isinstance(value, list) else [value]
    every = "all" in modifiers
    modifiers = [m for m in modifiers if m != "all"]
    tests = [_one(field, modifiers, v, names) for v in values]
    if not values:
        tests, every = [_one(field, [], None, names)], False
    if every:
        return lambda fields: all(test(fields) for test in tests)
    return lambda fields: any(test(fields) for test in tests)


def _one(field: str, modifiers: list[str], value: Any, names: Names) -> Test:
    if modifiers[:1] == ["fieldref"]:
        other = str(value)
        how = {"contains": str.__contains__, "startswith": str.startswith}
        compare = {**how, "endswith": str.endswith}.get(modifiers[-1], str.__eq__)
        return lambda fields: any(
            compare(a.lower(), b.lower())
            for a in names.values_of(fields, field)
            for b in names.values_of(fields, other)
        )
    if value is None:
        return lambda fields: not names.values_of(fields, field)
    if modifiers == ["exists"]:
        return lambda fields: bool(names.values_of(fields, field)) is value
    check = _check(modifiers, value, keyword=not field)
    if not field:
        return lambda fields: any(check(text) for v in fields.values() for text in flatten(v))
    return lambda fields: any(check(text) for text in names.values_of(fields, field))


def _check(modifiers: list[str], value: Any, *, keyword: bool) -> Callable[[str], bool]:
    if modifiers[:1] == ["re"]:
        flags = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL}
        flags |= {"ignorecase": flags["i"], "multiline": flags["m"], "dotall": flags["s"]}
        mode = re.NOFLAG
        for letter in modifiers[1:]:
            mode |= flags[letter]
        pattern = re.compile(str(value), mode)
        return lambda text: pattern.search(text) is not None
    if modifiers == ["cidr"]:
        network = ipaddress.ip_network(str(value))
        return lambda text: _in_network(text, network)
    if modifiers and modifiers[0] in TIME_PARTS:
        return _time_part(modifiers, int(value))
    if modifiers and modifiers[0] in ("gt", "gte", "lt", "lte"):
        return _comparison(modifiers[0], float(value))
    patterns = _expand(_parse(flattened(value)), modifiers, keyword=keyword)
    cased = "cased" in modifiers
    expressions = [re.compile(_expression(pattern), re.DOTALL) for pattern in patterns]
    return lambda text: any(
        e.fullmatch(text if cased else text.lower()) is not None for e in expressions
    )


def flattened(value: Any) -> str:
    """A scalar of a rule as text."""
    return next(iter(flatten(value)))


def _comparison(name: str, wanted: float) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            found = float(text)
        except ValueError:
            return False
        return {
            "gt": found > wanted,
            "gte": found >= wanted,
            "lt": found < wanted,
            "lte": found <= wanted,
        }[name]

    return check


TIME_PARTS = ("minute", "hour", "day", "week", "month", "year")


def _time_part(modifiers: list[str], wanted: int) -> Callable[[str], bool]:
    """A part of an ISO 8601 time, as it is written."""

    def check(text: str) -> bool:
        try:
            when = dt.datetime.fromisoformat(text.strip())
        except ValueError:
            return False
        if modifiers[0] in ("minute", "hour") and ":" not in text:
            return False
        week = when.isocalendar()[1]
        part = week if modifiers[0] == "week" else getattr(when, modifiers[0])
        if len(modifiers) == 1:
            return bool(part == wanted)
        return _comparison(modifiers[1], wanted)(str(part))

    return check


def _in_network(text: str, network: Any) -> bool:
    try:
        found: Any = ipaddress.ip_address(text)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    found = mapped or found
    return found.version == network.version and found in network


ANY, ONE = object(), object()
Pattern = list[Any]
"""Characters, ANY (`*`) and ONE (`?`)."""


def _parse(text: str) -> Pattern:
    """Sigma's escapes: a backslash takes the meaning from a wildcard or a backslash after it."""
    result: Pattern = []
    position = 0
    while position < len(text):
        char = text[position]
        following = text[position + 1 : position + 2]
        if char == "\\" and following and following in "*?\\":
            result.append(following)
            position += 2
            continue
        result.append({"*": ANY, "?": ONE}.get(char, char))
        position += 1
    return result


def _wide(pattern: Pattern) -> list[Pattern]:
    return [list("".join(pattern).encode("utf-16le").decode("latin-1"))]


def _expand(pattern: Pattern, modifiers: list[str], *, keyword: bool) -> list[Pattern]:
    patterns = [pattern]
    for modifier in modifiers:
        patterns = [q for p in patterns for q in MODIFIERS[modifier](p)]
    if keyword:
        patterns = [[ANY, *p, ANY] for p in patterns]
    if "cased" not in modifiers:
        patterns = [[c.lower() if isinstance(c, str) else c for c in p] for p in patterns]
    return patterns


def _bytes(pattern: Pattern) -> bytes:
    """What is encoded; a byte order mark is that of UTF-16."""
    text = "".join(pattern)
    mark = text.startswith("\ufeff")
    return (b"\xff\xfe" if mark else b"") + text.removeprefix("\ufeff").encode()


def _dashes(pattern: Pattern) -> list[Pattern]:
    """Every dash or slash before a word and after no word may be any dash or slash."""
    result: list[Pattern] = [[]]
    for i, char in enumerate(pattern):
        before = pattern[i - 1] if i else " "
        after = pattern[i + 1] if i + 1 < len(pattern) else " "
        if char in ("-", "/") and not _is_word(before) and _is_word(after):
            result = [[*p, dash] for p in result for dash in "-/\u2013\u2014\u2015"]
        else:
            result = [[*p, char] for p in result]
    return result


def _is_word(char: Any) -> bool:
    return isinstance(char, str) and (char.isalnum() or char == "_")


def _offsets(data: bytes) -> list[Pattern]:
    """What the encoded text surely holds, for each position of the data in groups of three."""
    result = []
    for offset in range(3):
        bits = (offset * 8, (offset + len(data)) * 8)
        text = base64.b64encode(b"\0" * offset + data).decode()
        first, last = -(-bits[0] // 6), bits[1] // 6
        result.append(list(text[first:last]))
    return result


MODIFIERS: dict[str, Callable[[Pattern], list[Pattern]]] = {
    "windash": _dashes,
    "wide": _wide,
    "utf16le": _wide,
    "utf16be": lambda p: [list("".join(p).encode("utf-16be").decode("latin-1"))],
    "utf16": lambda p: [["\ufeff", *_wide(p)[0]]],
    "base64": lambda p: [list(base64.b64encode(_bytes(p)).decode())],
    "base64offset": lambda p: _offsets(_bytes(p)),
    "contains": lambda p: [[ANY, *p, ANY]],
    "startswith": lambda p: [[*p, ANY]],
    "endswith": lambda p: [[ANY, *p]],
    "cased": lambda p: [p],
}


def _expression(pattern: Pattern) -> str:
    parts = [".*" if c is ANY else "." if c is ONE else re.escape(c) for c in pattern]
    return "".join(parts)


class _Condition:
    """Recursive descent over `or`, `and`, `not`, parentheses and `N of pattern`."""

    def __init__(self, text: str, blocks: dict[str, Test]) -> None:
        self.tokens = re.findall(r"[()]|[^\s()]+", text)
        self.blocks = blocks
        self.position = 0

    def parse(self) -> Test:
        test = self.either()
        assert self.position == len(self.tokens), self.tokens
        return test

    def peek(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def take(self) -> str:
        word = self.peek()
        self.position += 1
        return word

    def either(self) -> Test:
        parts = [self.both()]
        while self.peek() == "or":
            self.take()
            parts.append(self.both())
        return lambda fields: any(part(fields) for part in parts)

    def both(self) -> Test:
        parts = [self.negated()]
        while self.peek() == "and":
            self.take()
            parts.append(self.negated())
        return lambda fields: all(part(fields) for part in parts)

    def negated(self) -> Test:
        if self.peek() == "not":
            self.take()
            inner = self.negated()
            return lambda fields: not inner(fields)
        return self.operand()

    def operand(self) -> Test:
        word = self.take()
        if word == "(":
            inner = self.either()
            assert self.take() == ")"
            return inner
        if self.peek() == "of":
            self.take()
            pattern = self.take()
            chosen = [t for name, t in self.blocks.items() if _selected(name, pattern)]
            assert chosen, pattern
            how = all if word == "all" else any
            return lambda fields: how(test(fields) for test in chosen)
        return self.blocks[word]


def _selected(name: str, pattern: str) -> bool:
    if name.startswith("_") and not pattern.startswith("_"):
        return False
    return pattern == "them" or re.fullmatch(pattern.replace("*", ".*"), name) is not None


def with_filters(
    document: Mapping[str, Any], filters: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    """A rule's document with every filter that speaks of it written into its detection."""
    detection = dict(document["detection"])
    conditions = detection["condition"]
    conditions = conditions if isinstance(conditions, list) else [conditions]
    for number, one in enumerate(filters):
        section = one["filter"]
        rules = section["rules"]
        listed = rules if isinstance(rules, list) else [rules]
        every = not rules or str(rules).lower() == "any"
        fits = all(
            str(document["logsource"].get(key, "")).lower() == str(one["logsource"][key]).lower()
            for key in ("product", "category", "service")
            if one["logsource"].get(key)
        )
        if not fits or not (every or {document["id"], document.get("name")} & set(listed)):
            continue
        prefix = f"__{number}_"
        blocks = {k: v for k, v in section.items() if k not in ("rules", "condition")}
        detection |= {prefix + name: block for name, block in blocks.items()}
        words = re.findall(r"[()]|[^\s()]+", section["condition"])
        known = ("not", "and", "or", "of", "1", "all", "any", "(", ")")
        renamed = " ".join(
            word if word in known else prefix + ("*" if word == "them" else word) for word in words
        )
        conditions = [f"( {text} ) and ( {renamed} )" for text in conditions]
    return {**document, "detection": {**detection, "condition": conditions}}
