"""Sigma: rules compiled into one plan, matched on native records.

What a predicate means is written down in `semantics`.
"""

from tocsin.detect.sigma.compilation import compile_plan
from tocsin.detect.sigma.explain import explain
from tocsin.detect.sigma.matcher import Matcher
from tocsin.detect.sigma.parse import RuleSet, parse_rules
from tocsin.detect.sigma.plan import Plan, plan_key

__all__ = ["Matcher", "Plan", "RuleSet", "compile_plan", "explain", "parse_rules", "plan_key"]
