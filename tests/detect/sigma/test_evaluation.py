"""Rules decided leaf by leaf hold where the matcher says."""

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.detect.sigma_rules import Compile, fires, record, rule

from tocsin.detect.sigma.evaluation import Reader, readers

fields = st.dictionaries(
    st.sampled_from(["F", "G"]), st.sampled_from(["a", "b", "ab", None, ["a", "b"], 3, ""])
)
TEXT = rule(
    {"one": {"F|contains": "a", "G": None}, "two": {"F|fieldref": "G"}, "words": ["b"]},
    "(one or two) and not words or two",
)


@settings(max_examples=60)
@given(found=st.lists(fields, min_size=1, max_size=5))
def test_slowly_and_fast_agree(compile_rules: Compile, found: list[dict[str, object]]) -> None:
    plan = compile_rules(TEXT)
    rows = [record(one) for one in found]
    slowly = [any(r.holds(plan.trees[0]) for r in readers(plan, 0, row)) for row in rows]
    assert slowly == fires(plan, *rows)


def test_a_leaf_names_the_native_field_and_the_text(compile_rules: Compile) -> None:
    plan = compile_rules(rule({"selection": {"Computer": "h2"}}))
    row = record({"Hostname": ["h1", "h2"]})
    reader = next(readers(plan, 0, row))
    assert isinstance(reader, Reader)
    assert reader.look(plan.trees[0].leaves[0]) == (True, "Hostname", "h2")
    assert reader.values("Computer") == ("h1", "h2")
