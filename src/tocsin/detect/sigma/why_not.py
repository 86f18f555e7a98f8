"""Why a rule does not hold for a record: its whole condition, part by part."""

import msgspec

from tocsin.detect.sigma.evaluation import Reader
from tocsin.detect.sigma.explanation import MAX_VALUE, said
from tocsin.detect.sigma.ir import Connective, Node
from tocsin.detect.sigma.plan import Plan, Scope
from tocsin.model.records import NativeRecord

_WORDS = {Connective.AND: "all of", Connective.OR: "one of", Connective.NOT: "not"}


class Reason(msgspec.Struct, frozen=True):
    """A node of the explanation: what is asked, whether it held, and what was there.

    A leaf has the native `field` that it was read from and the `value` found (None: missing).
    """

    asked: str
    held: bool
    field: str = ""
    value: str | None = None
    parts: tuple["Reason", ...] = ()


class WhyNot(msgspec.Struct, frozen=True):
    """A rule on a record: `held`, or the logsources tried and how far each came.

    `tried` has a reason for each way in which the rule's logsource may be written by the record's
    source: first what makes a record of that logsource, then the rule's condition where it is one.
    `refused` says why no way was tried, `routed` what made the record one of the logsource where
    the rule holds.
    """

    rule_id: str
    title: str
    held: bool
    refused: str = ""
    tried: tuple[Reason, ...] = ()
    routed: tuple[Reason, ...] = ()


def why_not(plan: Plan, rule: int, record: NativeRecord) -> WhyNot:
    """`Plan.rules[rule]` on a record, explained whether it holds or not."""
    about = plan.rules[rule]
    scopes = [scope for scope in plan.scopes if scope.holds(rule)]
    mine = [scope for scope in scopes if scope.serves(record.source_id, record.shape)]
    if not mine:
        shapes = ", ".join(sorted({scope.shape for scope in scopes}))
        wanted = " ".join(
            f"{name}={value}"
            for name, value in (
                ("product", about.product),
                ("category", about.category),
                ("service", about.service),
            )
            if value
        )
        refused = (
            f"the logsource does not fit: the rule wants {wanted}, which comes in shape {shapes}; "
            f"the record is of source {record.source_id}, shape {record.shape}"
        )
        return WhyNot(about.rule_id, about.title, held=False, refused=refused)
    tried = tuple(_tried(plan, scope, rule, record) for scope in mine)
    routed = tuple(
        _reason(plan, Reader(plan, scope, record.fields), scope.condition)
        for scope, one in zip(mine, tried, strict=True)
        if one.held
    )
    return WhyNot(about.rule_id, about.title, held=bool(routed), tried=tried, routed=routed)


def _tried(plan: Plan, scope: Scope, rule: int, record: NativeRecord) -> Reason:
    reader = Reader(plan, scope, record.fields)
    routed = _reason(plan, reader, scope.condition)
    if not routed.held:
        asked = "the logsource does not fit"
        return Reason(asked, held=False, parts=routed.parts or (routed,))
    tree = _reason(plan, reader, plan.trees[rule])
    return Reason("the rule's condition", held=tree.held, parts=(tree,))


def _reason(plan: Plan, reader: Reader, node: Node) -> Reason:
    parts = (
        *(_leaf(plan, reader, number) for number in node.leaves),
        *(_reason(plan, reader, part) for part in node.nodes),
    )
    if len(parts) == 1 and node.how is not Connective.NOT:
        return parts[0]
    return Reason(_WORDS[node.how], held=reader.holds(node), parts=parts)


def _leaf(plan: Plan, reader: Reader, number: int) -> Reason:
    predicate = plan.predicates[number]
    looked = reader.look(number)
    value = looked.text if looked.text is None else _cut(looked.text)
    return Reason(said(predicate)[:MAX_VALUE], held=looked.held, field=looked.field, value=value)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_VALUE else text[: MAX_VALUE - 1] + "…"
