"""A record that our own code stumbles over does not take its neighbours with it."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pyarrow as pa
import structlog

from tocsin import flow
from tocsin.model.envelope import REJECTS
from tocsin.model.stages import ContextSnapshot, Observed

BUGS = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What a mistake of ours looks like; Arrow's and Unicode's errors are among them."""

Step = Callable[[pa.RecordBatch, flow.Compiled, ContextSnapshot], Observed]

log = structlog.get_logger()


def isolating(
    step: Step, raw: pa.RecordBatch, compiled: flow.Compiled, context: ContextSnapshot
) -> Observed:
    """`step`, but records that make it fail become dead letters (`internal-error`)."""
    try:
        return step(raw, compiled, context)
    except BUGS:
        log.exception("records that cannot be observed are set aside", rows=raw.num_rows)
    bad = _failing(step, raw, compiled, context)
    good = raw.filter(pa.array([row not in bad for row in range(raw.num_rows)]))
    observed = step(good, compiled, context)
    rejects = pa.RecordBatch.from_pylist(
        [
            {**row, "reason": "internal-error", "detail": bad[number]}
            for number, row in enumerate(raw.to_pylist())
            if number in bad
        ],
        schema=REJECTS,
    )
    counts = Counter(observed.counts)
    for source in rejects.column("source_id").to_pylist():
        counts[f"rejected|{source or ''}|internal-error"] += 1
    rejects = pa.concat_batches([observed.rejects, rejects])
    return replace(observed, rejects=rejects, counts=dict(counts))


def _failing(
    step: Step, raw: pa.RecordBatch, compiled: flow.Compiled, context: ContextSnapshot
) -> dict[int, str]:
    """The rows on which `step` fails alone, found by halving, with what it said."""
    bad: dict[int, str] = {}
    ranges = [(0, raw.num_rows)]
    while ranges:
        start, size = ranges.pop()
        try:
            step(raw.slice(start, size), compiled, context)
        except BUGS as error:
            if size == 1:
                bad[start] = f"{type(error).__name__} in our code; please report it"
            else:
                ranges += [(start, size // 2), (start + size // 2, size - size // 2)]
    return bad
