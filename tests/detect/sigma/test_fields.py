"""One pass over a field's predicates says what each of them would say alone."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.detect.sigma.checks import check_of
from tocsin.detect.sigma.fields import FieldProgram, by_field
from tocsin.detect.sigma.ir import Op, Predicate

words = st.text(alphabet="abAB1.", min_size=1, max_size=4)
predicates = st.one_of(
    st.builds(Predicate, st.just("F"), st.sampled_from([Op.EQ, Op.CONTAINS]), words, st.just(True)),
    st.builds(
        Predicate,
        st.just("F"),
        st.sampled_from([Op.EQ, Op.CONTAINS, Op.STARTSWITH, Op.ENDSWITH]),
        words.map(str.lower),
    ),
    st.builds(Predicate, st.just("F"), st.sampled_from([Op.GT, Op.NE]), st.just("1")),
    st.sampled_from(
        [
            Predicate("F", Op.CIDR, "10.0.0.0/8"),
            Predicate("F", Op.CIDR, "fe80::/10"),
            Predicate("F", Op.RE, "a.b", cased=True),
            Predicate("F", Op.ANY),
            Predicate("F", Op.EXISTS),
            Predicate("F", Op.NULL),
        ]
    ),
)
texts = words | st.sampled_from(["", "10.1.2.3", "FE80::1", "11", "-"])


@settings(max_examples=200)
@given(st.lists(predicates, max_size=8), texts)
def test_the_program_agrees_with_each_predicate(found: list[Predicate], text: str) -> None:
    numbered = list(enumerate(found))
    program = FieldProgram(numbered, ())
    expected = {number for number, predicate in numbered if check_of(predicate)(text)}
    assert set(program.true_of(text)) == expected
    assert set(program.missing) == {n for n, p in numbered if p.op is Op.NULL}


def test_predicates_are_grouped_by_field() -> None:
    one, two, three = (Predicate(field, Op.ANY) for field in ("F", "G", "F"))
    assert by_field(enumerate([one, two, three])) == {"F": [(0, one), (2, three)], "G": [(1, two)]}
