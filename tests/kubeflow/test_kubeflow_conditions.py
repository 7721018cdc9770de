"""Trigger conditions: tables of texts and values, and properties over generated expressions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smx2vertex.kubeflow.conditions import (
    And,
    Cast,
    Comparison,
    ConditionError,
    Input,
    Literal,
    Not,
    Or,
    evaluate,
    inputs,
    parse,
)

A = "inputs.parameter_values['a']"
B = "inputs.parameter_values['pipelinechannel--b']"


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        (f"{A} >= 0.7", Comparison(">=", Input("a"), Literal(0.7))),
        (f"int({A}) >= 5", Comparison(">=", Cast("int", Input("a")), Literal(5))),
        (
            f"double(int({A})) < {B}",
            Comparison("<", Cast("double", Cast("int", Input("a"))), Input("pipelinechannel--b")),
        ),
        (f"{A} == 'it\\'s'", Comparison("==", Input("a"), Literal("it's"))),
        (f"{A} == true", Comparison("==", Input("a"), Literal(True))),
        (f"{A} > -1e-07", Comparison(">", Input("a"), Literal(-1e-07))),
        (
            f"!({A} > 1) && {B} != 'x'",
            And(
                (
                    Not(Comparison(">", Input("a"), Literal(1))),
                    Comparison("!=", Input("pipelinechannel--b"), Literal("x")),
                )
            ),
        ),
        ("true || false && false", Or((Literal(True), And((Literal(False), Literal(False)))))),
    ],
)
def test_parse(text: str, expression: object) -> None:
    assert parse(text) == expression


@pytest.mark.parametrize(
    "text",
    [
        "",
        "(",
        f"{A} == 'it's \"q\"'",
        f"{A} in ['x']",
        f"{A} + 1 > 2",
        f"{A} == b",
        "a == 1",
        f"{A} == 1 == 2",
        f"{A} == '\\q'",
        "true" + " && true" * 10_000,
    ],
)
def test_what_the_compiler_does_not_write_is_an_error(text: str) -> None:
    with pytest.raises(ConditionError):
        parse(text)


@pytest.mark.parametrize(
    ("text", "values", "result"),
    [
        (f"{A} >= 0.7", {"a": 0.7}, True),
        (f"{A} >= 0.7", {"a": 0.6999999999999}, False),
        (f"int({A}) >= 5", {"a": 5.0}, True),
        (f"int({A}) == 5", {"a": "5"}, True),
        (f"int({A}) == -5", {"a": -5.9}, True),
        (f"double(int({A})) == 5.0", {"a": 5}, True),
        (f"{A} < 'b'", {"a": "a"}, True),
        (f"{A} == true", {"a": False}, False),
        (f"!({A} == true)", {"a": False}, True),
        (f"string({A}) == '5'", {"a": 5.0}, True),
        # a decisive operand outweighs the error of another, as in CEL
        (f"false && {A} == 1", {}, False),
        (f"{A} == 1 || true", {}, True),
    ],
)
def test_evaluate(text: str, values: dict, result: bool) -> None:
    assert evaluate(parse(text), values) is result


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (f"{A} >= 0.7", {}),
        (f"{A} >= 0.7", {"a": None}),
        (f"{A} >= 0.7", {"a": "0.9"}),
        (f"{A} == 'true'", {"a": True}),
        (f"{A} == 1", {"a": True}),
        (A, {"a": 1}),
        (A, {"a": "true"}),
        (f"!{A}", {"a": 0}),
        (f"int({A}) == 1", {"a": "one"}),
        (f"int({A}) == 1", {"a": True}),
        (f"true && {A}", {"a": 1}),
        (f"{A} == {A}", {"a": [1]}),
        ("!" * 9000 + "true", {}),
    ],
)
def test_null_and_misfits_are_errors_never_false(text: str, values: dict) -> None:
    with pytest.raises(ConditionError):
        evaluate(parse(text), values)


booleans = st.recursive(
    st.sampled_from(["true", "false", "inputs.parameter_values['t']", "inputs.parameter_values['f']"]).map(
        lambda text: (text, {"true": True, "false": False}.get(text, "'t'" in text))
    ),
    lambda inner: st.one_of(
        inner.map(lambda a: (f"!({a[0]})", not a[1])),
        st.tuples(inner, inner).map(lambda ab: (f"({ab[0][0]}) && ({ab[1][0]})", ab[0][1] and ab[1][1])),
        st.tuples(inner, inner).map(lambda ab: (f"({ab[0][0]} || {ab[1][0]})", ab[0][1] or ab[1][1])),
        st.tuples(inner, inner).map(lambda ab: (f"(({ab[0][0]}) == ({ab[1][0]}))", ab[0][1] == ab[1][1])),
    ),
    max_leaves=12,
)


@given(booleans)
def test_booleans_combine_as_in_python(case: tuple[str, bool]) -> None:
    text, expected = case
    assert evaluate(parse(text), {"t": True, "f": False}) is expected


@given(
    st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), st.integers()
)
def test_numbers_compare_as_in_python(left: float, operator: str, right: int) -> None:
    assert evaluate(parse(f"{A} {operator} {right}"), {"a": left}) is eval(f"{left!r} {operator} {right}")


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        expression = parse(text)
    except ConditionError:
        return
    assert inputs(expression) == []
