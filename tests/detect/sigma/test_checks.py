"""One predicate on one text: hostile text and patterns stay cheap."""

import pytest

from tocsin.detect.sigma.checks import backtrack_limit, check_of, compile_linear
from tocsin.detect.sigma.ir import Op, Predicate


def test_a_linear_pattern_takes_linear_time_on_hostile_text() -> None:
    check = check_of(Predicate("F", Op.RE, "(a+)+$", cased=True))
    assert not check("a" * 100_000 + "!")


def test_a_backtracking_pattern_sees_a_bounded_part() -> None:
    predicate = Predicate("F", Op.RE, "needle(?=x)", cased=True)
    limit = backtrack_limit(predicate)
    assert limit is not None
    assert limit > 1_000
    check = check_of(predicate)
    assert check("." * 100 + "needlex")
    assert not check("." * limit + "needlex")


def test_only_lookaround_has_a_limit() -> None:
    assert backtrack_limit(Predicate("F", Op.RE, "(a|b)+c{1,3}$")) == 0
    assert backtrack_limit(Predicate("F", Op.CONTAINS, "a(?=b)")) == 0


def test_a_pattern_that_could_take_for_ever_is_never_run() -> None:
    predicate = Predicate("F", Op.RE, r"^(a+)+(?!b)$", cased=True)
    assert backtrack_limit(predicate) is None
    assert not check_of(predicate)("a" * 40 + "!")


def test_a_lone_surrogate_is_no_crash() -> None:
    for op in (Op.RE, Op.GLOB, Op.CONTAINS, Op.CIDR, Op.GT):
        check_of(Predicate("F", op, "10.0.0.0/8" if op is Op.CIDR else "1"))("\ud800")


def test_a_pattern_that_is_not_linear_is_quietly_none(capfd: pytest.CaptureFixture[str]) -> None:
    assert compile_linear("a(?=b)") is None
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("op", [Op.NULL, Op.FIELDREF])
def test_what_is_no_question_about_a_text_never_holds(op: Op) -> None:
    assert not check_of(Predicate("F", op, "F"))("F")
