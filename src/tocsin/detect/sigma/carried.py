"""What a finding carries for the correlations over its rule."""

from tocsin.detect.sigma.evaluation import readers
from tocsin.detect.sigma.plan import Plan
from tocsin.model.findings import FieldValue
from tocsin.model.records import NativeRecord

MAX_VALUES = 16
"""Elements of a list-valued field that a finding carries."""

MAX_TEXT = 512
"""Characters of each."""


def values_of(plan: Plan, rule: int, record: NativeRecord) -> tuple[tuple[str, FieldValue], ...]:
    """(field, value) of all that correlations over `Plan.rules[rule]` group by or compute with.

    Fields have the names that the rule's own logsource gives them; a list-valued field comes once
    for each element. Empty for a rule that no correlation refers to, at the cost of a dict lookup.
    """
    fields = plan.feeding.get(rule)
    if not fields:
        return ()
    reader = next(readers(plan, rule, record), None)
    if reader is None:
        return ()
    return tuple(
        (field, text[:MAX_TEXT])
        for field in fields
        for text in dict.fromkeys(reader.values(field)[:MAX_VALUES])
    )
