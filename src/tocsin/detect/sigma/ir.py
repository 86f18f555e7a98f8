"""The compiled form of rules: unique predicates and trees over their numbers."""

from enum import IntEnum

import msgspec

from tocsin.model.findings import Level


class Op(IntEnum):
    """How a predicate looks at a value; semantics.py says what each means."""

    EQ = 0
    CONTAINS = 1
    STARTSWITH = 2
    ENDSWITH = 3
    GLOB = 4
    RE = 5
    CIDR = 6
    LT = 7
    LTE = 8
    GT = 9
    GTE = 10
    NE = 11
    NULL = 12
    EXISTS = 13
    FIELDREF = 14
    ANY = 15
    TIME = 16


class Predicate(msgspec.Struct, frozen=True, array_like=True):
    """One question about one field of rules; `field` is empty for a keyword.

    `text` is what to look for: lower-cased unless `cased`; for GLOB an anchored regular
    expression (unanchored for a keyword), for RE the pattern with its flags in `detail`, for a
    FIELDREF the other field with how they compare (`eq`, `startswith`, ...) in `detail`. For a
    GLOB `detail` is the pattern as people read it, for TIME and comparisons the part of a time
    that the number is about (`hour`, ...).
    """

    field: str
    op: Op
    text: str = ""
    cased: bool = False
    detail: str = ""


class Connective(IntEnum):
    """How the parts of a node combine."""

    AND = 0
    OR = 1
    NOT = 2


class Node(msgspec.Struct, frozen=True, array_like=True):
    """`leaves` are predicate numbers, `nodes` deeper nodes; NOT has exactly one part."""

    how: Connective
    leaves: tuple[int, ...] = ()
    nodes: tuple["Node", ...] = ()


class Rule(msgspec.Struct, frozen=True):
    """What a rule says about itself. `where` is the file it came from.

    `name` is what correlation rules and filters may call it by, unique within a file. `leveled` is
    false for a rule that says no level.
    """

    rule_id: str
    title: str
    level: Level
    status: str
    description: str
    techniques: tuple[str, ...]
    tactics: tuple[str, ...]
    digest: str
    where: str
    product: str
    category: str
    service: str
    name: str = ""
    leveled: bool = True
    cves: tuple[str, ...] = ()


class ParsedRule(msgspec.Struct, frozen=True):
    """A rule and its condition over the predicates of its RuleSet."""

    rule: Rule
    tree: Node
