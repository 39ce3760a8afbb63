import pytest
from hypothesis import given
from hypothesis import strategies as st

from drsquirrel.enrich.chain import OPERATORS_MAX, operators_of
from drsquirrel.model.facts import NAME_CHARACTERS


@pytest.mark.parametrize(
    ("name", "description", "operators"),
    [
        ("enrich", "enrich<br/>", ("enrich",)),
        ("a -> b -> c", "a<br/>+- b<br/>   +- c<br/>", ("a", "b", "c")),
        ("a -> (b -> c, d)", "a<br/>:- b<br/>:  +- c<br/>+- d<br/>", ("a", "b", "c", "d")),
        # Names that look like plans: the tree tells how many there are.
        ("a -> b -> c", "a -&gt; b<br/>+- c<br/>", ("a -> b", "c")),
        ("a (x, y) -> (b, c)", "a (x, y)<br/>:- b<br/>+- c<br/>", ("a (x, y)", "b", "c")),
        # SQL: the name is short, as metrics have it; the description is long, with arrows inside.
        (
            "Source: orders[1] -> Calc[2]",
            "[1]:TableSourceScan(table=[[x]], fields=[a])<br/>+- [2]:Calc(where=[(a = 'b -> c')])",
            ("Source: orders[1]", "Calc[2]"),
        ),
        ("[vertex-3]a -> b", "[vertex-3]a<br/>+- b<br/>", ("a", "b")),
        # pipeline.vertex-description-mode: CASCADING
        ("a -> b", "a -&gt; b", ("a", "b")),
        ("a -> b", "", ("a", "b")),
        ("<b> & c", "&lt;b&gt; &amp; c<br/>", ("<b> & c",)),
        ("", "", ()),
    ],
)
def test_the_operators_of_a_chain_stand_in_the_order_of_the_data(
    name: str, description: str, operators: tuple[str, ...]
) -> None:
    assert operators_of(name, description) == operators


@given(st.text(alphabet="ab ->(),[]:+|\n"), st.text(alphabet="ab ->(),[]:+|\n<br/>&;"))
def test_any_name_gives_bounded_names_without_blanks(name: str, description: str) -> None:
    operators = operators_of(name, description)
    assert all(operator and operator == operator.strip() for operator in operators)


def test_a_chain_without_end_is_cut() -> None:
    operators = operators_of(" -> ".join(["x" * 1_100] * 600), "")
    assert len(operators) == OPERATORS_MAX
    assert operators[0] == "x" * NAME_CHARACTERS + "…"


def test_brackets_nested_without_end_are_read_as_they_are() -> None:
    assert len(operators_of("a -> " + "(" * 20_000, "")) == 2
    assert operators_of("a -> " + "(b -> " * 500 + "c" + ")" * 500, "")[0] == "a"
