"""The language of conditions."""

import math

import pytest

from bptui.expressions import BadExpression, parse, parse_message


def values(text, losses, **others):
    expression = parse(text)
    return [expression.value({"loss": loss, **others}) for loss in losses]


@pytest.mark.parametrize(
    ("text", "losses", "expected"),
    [
        ("loss > 1", [1, 2], [False, True]),
        ("1 < loss <= 3 and not loss == 2", [1, 2, 3], [False, False, True]),
        ("previous(loss)", [1, 2, 3], [None, 1, 2]),
        ("mean(loss, 2)", [1, 2, 4, 8], [None, 1, 1.5, 3]),
        ("loss > 2 * mean(loss, 3)", [1, 1, 5, 5], [None, False, True, True]),
        ("mean(abs(loss - previous(loss)), 2)", [1, 2, 4, 8], [None, None, 1, 1.5]),
        ("loss ** 2 + sqrt(4) - log(1) + exp(0)", [3], [12]),
        ("isnan(loss) or isinf(loss)", [1.0, math.nan, -math.inf], [False, True, True]),
        ("nonfinite(loss)", [1.0, math.nan, math.inf], [False, True, True]),
        ("max(loss, 2) - min(loss, 2)", [1, 5], [1, 3]),
        ("'a' if loss else 'b'", [0, 1], ["b", "a"]),
        ("loss == inf", [1.0, math.inf], [False, True]),
        ("log(loss)", [0.0], [-math.inf]),
    ],
)
def test_values(text, losses, expected):
    assert values(text, losses) == expected


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("", 0, "there is no expression"),
        ("lss > 3", 0, "nothing is called 'lss'; did you mean 'loss'?"),
        ("loss = 3", 5, "use == to compare"),
        ("loss >", 6, "invalid syntax"),
        ("(loss", 0, "'(' was never closed"),
        ("loss > meen(loss, 3)", 7, "no function is called 'meen'; did you mean 'mean'?"),
        ("loss.size", 0, "there is no .size, but dtype, ndim, norm, numel, shape"),
        ("__import__('os').system('x')", 0, "no function is called 'that'"),
        ("[x for x in loss]", 0, "listcomp is nothing that a condition can hold"),
        ("(lambda: loss)()", 0, "no function is called 'that'"),
        ("loss and open('x')", 9, "no function is called 'open'"),
        ("loss.__class__", 0, "there is no .__class__, but dtype, ndim, norm, numel, shape"),
        ("grad(3) > 1", 0, 'grad(…) needs the name of a parameter: grad("fc1.weight")'),
        (
            "mean(loss, 0)",
            0,
            "mean(loss, 10): the mean of the 10 samples before this one; mean(value): of a tensor",
        ),
        ("mean(value, 3) > 1", 0, "value is of one op, but what came before is counted in samples"),
        ("isnan", 0, "isnan is a function: isnan(…)"),
        ("'a' * 3", 0, "one can not calculate with a text"),
        ("9999999999999999999 > loss", 0, "a whole number is below 2⁶³ here"),
        ("max(loss, key=abs)", 0, "arguments have no names here"),
        ("loss\n> 3", 0, "an expression is one line of at most 1000 characters"),
        ("(" * 300 + "loss" + ")" * 300, 200, "too many nested parentheses"),
        ("ñ + lss", 0, "nothing is called 'ñ'"),
        ("norm()", 0, "norm(…) needs something: the Euclidean norm"),
        ("b'x' in loss", 0, "b'x' is no number and no text"),
        ("loss; loss", 4, "invalid syntax"),
    ],
)
def test_what_is_no_expression_is_said_with_its_place(text, position, message):
    with pytest.raises(BadExpression) as caught:
        parse(text)
    assert (caught.value.message.splitlines()[0], caught.value.position) == (message, position)
    assert caught.value.with_caret().splitlines()[-2] == " " * position + "^"


def test_what_it_speaks_of():
    expression = parse('grad("fc1.weight").norm > 100 and any(missing(grad))')
    assert (expression.named, expression.names) == ({("grad", "fc1.weight")}, {"grad"})
    assert expression.is_about_missing
    assert not expression.is_inside
    assert not parse("norm(grad) > 100").needs_updates
    assert parse("norm(update) > 100").needs_updates
    assert not parse("any(unchanged(param, 3))").needs_updates
    assert parse("any(unchanged(param, 3))").is_about_unchanged
    assert parse('isnan(value) and op == "mul"').is_inside


def test_a_large_power_takes_no_time():
    with pytest.raises(OverflowError):
        parse("9 ** 9 ** 9 ** 9 > loss").value({"loss": 1.0})


def test_messages():
    message = parse_message("loss {loss:.3f} of {{sample}} {sample}, {1 / loss}")
    assert message.text({"loss": 0.0, "sample": 4}) == (
        "loss 0.000 of {sample} 4, <ZeroDivisionError: float division by zero>"
    )
    for text in ("{lss}", "{loss", "loss}"):
        with pytest.raises(BadExpression):
            parse_message(text)
