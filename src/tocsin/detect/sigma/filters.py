"""Sigma filters: conditions that are added to rules when the plan is compiled.

As pySigma does, a filter's condition is joined to the rule's with AND. A filter that leaves events
out therefore begins with `not`.
"""

from collections.abc import Sequence

import msgspec

from tocsin.detect.sigma.about import digest_of, status_of
from tocsin.detect.sigma.condition import joined
from tocsin.detect.sigma.ir import Connective, Node, ParsedRule, Rule
from tocsin.model.rules import RuleState, RuleStatus


class ParsedFilter(msgspec.Struct, frozen=True):
    """A filter; `rules` are ids or names, None: all rules of its logsource."""

    rule: Rule
    rules: tuple[str, ...] | None
    tree: Node

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


def filter_status(one: ParsedFilter, rules: Sequence[ParsedRule]) -> RuleStatus:
    """What became of a filter."""
    count = sum(one.applies(parsed.rule) for parsed in rules)
    if count:
        return status_of(one.rule, RuleState.ACTIVE, f"a filter on {count} rules")
    return status_of(one.rule, RuleState.INACTIVE, "a filter on rules that are not here")
