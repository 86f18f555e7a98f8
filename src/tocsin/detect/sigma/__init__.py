"""Sigma: rules compiled into one plan, matched on native records.

What a predicate means is written down in `semantics`. The parser (pySigma) is loaded only where
rules are compiled: a process that works with a compiled plan never pays for it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tocsin.detect.sigma.compilation import compile_plan
    from tocsin.detect.sigma.explanation import explain
    from tocsin.detect.sigma.matcher import Matcher
    from tocsin.detect.sigma.parse import RuleSet, parse_rules
    from tocsin.detect.sigma.plan import Plan, plan_key

__all__ = ["Matcher", "Plan", "RuleSet", "compile_plan", "explain", "parse_rules", "plan_key"]

_HOMES = {
    "Matcher": "matcher",
    "Plan": "plan",
    "RuleSet": "parse",
    "compile_plan": "compilation",
    "explain": "explanation",
    "parse_rules": "parse",
    "plan_key": "plan",
}


def __getattr__(name: str) -> Any:
    """Load the module that holds `name` when it is asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
