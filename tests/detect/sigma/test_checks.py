"""One predicate on one text: hostile text and patterns stay cheap."""

import pytest

from tocsin.detect.sigma.checks import MAX_BACKTRACK, check_of, compile_linear
from tocsin.detect.sigma.ir import Op, Predicate


def test_a_linear_pattern_takes_linear_time_on_hostile_text() -> None:
    check = check_of(Predicate("F", Op.RE, "(a+)+$", cased=True))
    assert not check("a" * 100_000 + "!")


def test_a_backtracking_pattern_sees_a_bounded_part() -> None:
    check = check_of(Predicate("F", Op.RE, "needle(?=x)", cased=True))
    assert check("." * 100 + "needlex")
    assert not check("." * MAX_BACKTRACK + "needlex")


def test_a_lone_surrogate_is_no_crash() -> None:
    for op in (Op.RE, Op.GLOB, Op.CONTAINS, Op.CIDR, Op.GT):
        check_of(Predicate("F", op, "10.0.0.0/8" if op is Op.CIDR else "1"))("\ud800")


def test_a_pattern_that_is_not_linear_is_quietly_none(capfd: pytest.CaptureFixture[str]) -> None:
    assert compile_linear("a(?=b)") is None
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("op", [Op.NULL, Op.FIELDREF])
def test_what_is_no_question_about_a_text_never_holds(op: Op) -> None:
    assert not check_of(Predicate("F", op, "F"))("F")
