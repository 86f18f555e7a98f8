"""Regular expressions over a text field: which one matches, and its groups as fields.

RE2 runs them: its time is linear in the text, whatever the expression and the text are.
"""

from typing import Any

import re2

from tocsin.model.sources import PatternSpec

MAX_TEXT = 64 * 1024
"""Characters of a text that are looked at; no log message that is worth reading is longer."""


class Patterns:
    """Compiled expressions of one shape. Raises ValueError for one that RE2 cannot run."""

    def __init__(self, spec: PatternSpec, *, insist: bool) -> None:
        self._field = spec.field
        self._into = spec.into
        self.required = spec.required and insist
        self._expressions = [
            (name, compiled(name, expression)) for name, expression in spec.expressions.items()
        ]
        self._which = re2.Set.SearchSet(_quiet())
        for expression in spec.expressions.values():
            self._which.Add(expression)
        self._which.Compile()

    def extract(self, fields: dict[str, Any]) -> dict[str, Any] | None:
        """`fields` with what its text says; None when the text must match and does not."""
        text = fields.get(self._field)
        if type(text) is str:
            text = text[:MAX_TEXT]
            # One pass tells which of all match. None also says that it ran out of memory.
            likely = self._which.Match(text)
            numbers = range(len(self._expressions)) if likely is None else sorted(likely)
            for number in numbers:
                name, expression = self._expressions[number]
                match = expression.search(text)
                if match is not None:
                    found = {k: v for k, v in match.groupdict().items() if v is not None}
                    return {**fields, **found, self._into: name}
        return None if self.required else fields


def compiled(name: str, expression: str) -> Any:
    """An expression ready to run; raises ValueError with its name."""
    try:
        return re2.compile(expression, _quiet())
    except re2.error as error:
        raise ValueError(f"expression {name!r} is not one that RE2 runs: {error}") from None


def _quiet() -> Any:
    options = re2.Options()
    options.log_errors = False
    return options
