"""Content is checked by the stage that reads it, with the tests that the content carries."""

from tocsin.app.parts import logsources
from tocsin.detect.sigma.rule_tests import check_rules
from tocsin.model.content import ContentSet, Problem
from tocsin.normalize.check import check_sources


def check_content(content: ContentSet) -> list[Problem]:
    """Every problem of a content set, in order of place."""
    problems = check_sources(content)
    problems += check_rules(list(content.under("rules/")), logsources(content))
    return sorted(problems, key=lambda problem: (problem.where, problem.message))
