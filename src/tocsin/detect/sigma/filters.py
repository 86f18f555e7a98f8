"""Sigma filters: conditions that are added to rules when the plan is compiled.

As pySigma does, a filter's condition is joined to the rule's with AND. A filter that leaves events
out therefore begins with `not`.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from tocsin.detect.sigma.about import digest_of, status_of
from tocsin.detect.sigma.condition import joined
from tocsin.detect.sigma.ir import Connective, Node, ParsedRule, Rule
from tocsin.model.content import Problem
from tocsin.model.findings import Level
from tocsin.model.rules import RuleState, RuleStatus


class ParsedFilter(msgspec.Struct, frozen=True):
    """A filter; `rules` are ids or names, None: all rules of its logsource.

    `approved` is true when a second person stands for it: `approved_by`, who is not its author.
    """

    rule: Rule
    rules: tuple[str, ...] | None
    tree: Node
    approved: bool = False

    def applies(self, rule: Rule) -> bool:
        """True when the filter speaks of this rule and of what it looks at."""
        mine = self.rule
        for wanted, found in (
            (mine.product, rule.product),
            (mine.category, rule.category),
            (mine.service, rule.service),
        ):
            if wanted and wanted != found:
                return False
        return self.rules is None or not {rule.rule_id, rule.name}.isdisjoint(self.rules)


def filtered(parsed: ParsedRule, filters: Sequence[ParsedFilter]) -> ParsedRule:
    """A rule with the filters that speak of it; its digest then names them too."""
    mine = [one for one in filters if one.applies(parsed.rule)]
    if not mine:
        return parsed
    digest = digest_of([parsed.rule.digest, *(one.rule.digest for one in mine)])
    tree = joined(Connective.AND, [parsed.tree, *(one.tree for one in mine)])
    return ParsedRule(msgspec.structs.replace(parsed.rule, digest=digest), tree)


def is_approved(document: dict[str, Any]) -> bool:
    """Whether a filter document names an `approved_by` who is none of its authors."""
    authors = {_folded(name) for name in str(document.get("author") or "").split(",")} - {""}
    second = _folded(str(document.get("approved_by") or ""))
    return bool(authors and second) and second not in authors


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()


def unapproved(filters: Sequence[ParsedFilter], rules: Sequence[ParsedRule]) -> Iterator[Problem]:
    """Filters of a site that touch a critical rule on the word of one person (ADR 0017)."""
    for one in filters:
        if one.approved or not one.rule.where.startswith("site/"):
            continue
        touched = (parsed.rule for parsed in rules if parsed.rule.level is Level.CRITICAL)
        title = next((rule.title for rule in touched if one.applies(rule)), None)
        if title is not None:
            text = (
                f"filters the critical rule '{title}': that needs a second person, "
                "`approved_by:`, who is not the `author:`"
            )
            yield Problem(one.rule.where, text)


def filter_status(one: ParsedFilter, rules: Sequence[ParsedRule]) -> RuleStatus:
    """What became of a filter."""
    count = sum(one.applies(parsed.rule) for parsed in rules)
    if count:
        return status_of(one.rule, RuleState.ACTIVE, f"a filter on {count} rules")
    return status_of(one.rule, RuleState.INACTIVE, "a filter on rules that are not here")
