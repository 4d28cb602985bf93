"""Each rule on a small recording that has the fault, and on one that has not."""

import math

import pytest

from bptui.diagnostics.rules import BY_NAME, RULES
from bptui.records import Node

from ..recording.making import batch, layout
from .making import NAN, Run, op, summary, weight

MATRIX, VECTOR = (4, 4), (4,)


def losses(*values):
    return lambda run: [run.sample(loss) for loss in values]


def grads(*values):
    return lambda run: [run.sample(grad=grad) for grad in values]


def measured(count=6, loss=1.0, **parameters):
    return lambda run: [run.sample(loss, **parameters) for _ in range(count)]


def traced(*nodes, count=6):
    return lambda run: [run.traced(*nodes) for _ in range(count)]


def noticed(about, *subjects):
    return lambda run: run.sample().noticed(about, *subjects).sample()


def layers(first, last, update=1e-3):
    """Two layers, of which these are the norms of the gradients."""
    return {"first": (MATRIX, 1.0, first, update), "last": (MATRIX, 1.0, last, update)}


def steps(rate, curvature):
    """Gradient descent along a parabola of this curvature: w, −w, …"""
    return lambda run: [
        run.sample(0.5 * curvature * w**2, w=(VECTOR, w, curvature * w, rate * curvature * w))
        for w in (1.0, 0.8, 0.6, 0.5, 0.4, 0.3)
    ]


FALLING = [10 * 0.9**i for i in range(60)]
X = weight("w", [0.5, -0.5, 0.5, -0.5], [0.1] * 4)
HIDDEN = (X, op("mm", (0,), [3.0] * 20))
LAST = (weight("v", [0.5] * 4, [0.1] * 4), op("mm", (2, 3), [0.1]))


def activation(name, values, *after, **more):
    return traced(*HIDDEN, op(name, (1,), values, "model", **more), *after)


def labelled(labels, loss="nll_loss", *before, name="target"):
    """Twelve batches with these labels."""
    target = Node(name, "input", (), summary([*labels]))
    row = len(before) + len(HIDDEN)
    return traced(*HIDDEN, *before, target, op(loss, (1, row), [1.0]), count=12)


CASES = {
    "not-finite-sample": (losses(1.0, NAN, NAN), losses(1.0, 1e30)),
    "not-finite-parameter": (measured(w=(MATRIX, NAN, 1.0, 1.0)), measured(w=(MATRIX, 1.0, None, None))),
    "not-finite-op": (
        traced(X, op("log", (0,), [1.0, -math.inf]), op("mul", (1,), [NAN, NAN])),
        traced(X, op("log", (0,), [1.0, 2.0])),
    ),
    "loss-spike": (losses(*[1.0] * 40, 5.0, 1.0), losses(*FALLING, 2 * FALLING[-20])),
    "loss-diverging": (losses(*[2.0**i for i in range(20)]), losses(*FALLING)),
    "loss-not-decreasing": (losses(*[1.0] * 1001), losses(*[1 - i / 1000 for i in range(1000)])),
    "vanishing-gradient": (measured(**layers(1e-9, 1.0)), measured(**layers(1e-3, 1.0))),
    "exploding-gradient": (grads(*[1.0, 2.0] * 15, 1e3), grads(*[1.0, 2.0] * 15, 10.0)),
    "learning-rate-too-high": (steps(0.1, 30.0), steps(0.1, 10.0)),
    "update-ratio": (measured(w=(MATRIX, 1.0, 1.0, 0.9)), measured(w=(MATRIX, 1.0, 1.0, 1e-3))),
    "unchanged-parameter": (
        measured(w=(MATRIX, 1.0, 1.0, 0.0), v=(MATRIX, 1.0, 1.0, 1e-3)),
        measured(w=(MATRIX, 1.0, 1e-12, 0.0), v=(MATRIX, 1.0, 1.0, 1e-3)),
    ),
    "zero-parameter": (measured(w=(MATRIX, 0.0, 1.0, 0.0)), measured(b=(VECTOR, 0.0, 1.0, 0.0))),
    "poor-initialisation": (measured(w=(MATRIX, 1e3, 1.0, 1.0)), measured(w=(MATRIX, 1.0, 1.0, 0.01))),
    "dead-relu": (activation("relu", [0.0] * 20), activation("relu", [0.0, 1.0] * 10)),
    "saturated-activation": (
        activation("tanh", [0.9999, -0.9999] * 10, *LAST),
        activation("tanh", [0.9999, -0.9999] * 10),  # the last one may be sure
    ),
    "class-imbalance": (labelled([0.0] * 47 + [1.0] * 3), labelled([0.0] * 40 + [1.0] * 10)),
    **{
        name: (noticed(name, "model.fc.weight", "model.fc.bias"), lambda run: run.sample().sample())
        for name in (rule.name for rule in RULES if rule.needs == "notes")
    },
}


def test_there_is_a_case_for_each_rule():
    assert CASES.keys() == BY_NAME.keys()


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_finds_the_fault_and_nothing_where_there_is_none(tmp_path, rule):
    faulty, sound = (Run(tmp_path / f"{name}.bptui", BY_NAME[rule].needs == "graph") for name in ("bad", "good"))
    for run, make in zip((faulty, sound), CASES[rule], strict=True):
        make(run)
    found = [each for each in faulty.findings() if each.rule == rule]
    assert found
    assert [each for each in sound.findings() if each.rule == rule] == []
    for each in found:
        assert each.since <= faulty.writer.steps
        assert each.said and each.why.endswith(".") and each.advice.endswith(".")


def only(findings, rule):
    (found,) = [each for each in findings if each.rule == rule]
    return found


def test_it_says_number_threshold_place_and_row(tmp_path):
    run = Run(tmp_path / "run.bptui", is_loop=True)
    CASES["dead-relu"][0](run)
    found = only(run.findings(), "dead-relu")
    assert (found.subject, found.since, found.until, found.row) == ("relu in model", 0, None, 2)
    assert (found.actual, found.limit) == (1.0, 0.99)
    assert found.said == "100.0% of its 20 outputs are 0, limit 99.0%"


def test_what_is_sampled_is_said_to_be_sampled(tmp_path):
    run = Run(tmp_path / "run.bptui", is_loop=True)
    activation("sigmoid", [0.001, 0.999] * 32, *LAST, shape=(1000,))(run)
    found = only(run.findings(), "saturated-activation")
    assert found.said == "100% of 64 sampled outputs within 0.005 of its bounds, limit 90%"


def test_the_first_op_that_is_not_finite_is_named(tmp_path):
    run = Run(tmp_path / "run.bptui", is_loop=True)
    CASES["not-finite-op"][0](run)
    found = only(run.findings(), "not-finite-op")
    assert (found.subject, found.row, found.said) == ("log", 1, "of its output's 2 elements 1 infinite")


def test_a_gradient_that_is_not_finite_is_named_where_it_came_first(tmp_path):
    run = Run(tmp_path / "run.bptui", is_loop=True)
    nodes = [X, op("sqrt", (0,), [0.0, 1.0]), op("sum", (1,), [1.0])]
    bad = type(X)(X.name, X.kind, X.inputs, X.value, summary([NAN] * 4, (2, 2)))
    run.traced(bad, *nodes[1:])
    found = only(run.findings(), "not-finite-op")
    assert (found.subject, found.row) == ("w", 0)
    assert found.said == "of its gradient's 4 elements 4 NaN"


def test_the_limit_of_stability_is_exact_for_a_parabola(tmp_path):
    run = Run(tmp_path / "run.bptui")
    steps(0.1, 30.0)(run)
    found = only(run.findings(), "learning-rate-too-high")
    assert found.actual == pytest.approx(3.0)
    assert found.said == "lr 0.1 · curvature 30 = 3, limit 2"


def descent(run, rate, gradients):
    """The first of four weights descends by these gradients; the loss is far above 0, and so says nothing."""
    w = 1.0
    for grad in gradients:
        run.traced(weight("w", [w, 0.0, 0.0, 0.0], [grad, 0.0, 0.0, 0.0]), loss=1e9)
        w -= rate * grad
    return run.findings()


def test_the_curvature_is_measured_from_two_updates(tmp_path):
    run = Run(tmp_path / "run.bptui", is_loop=True)
    found = only(descent(run, 0.1, [10 * 30 * (-2.0) ** i for i in range(8)]), "learning-rate-too-high")
    assert (found.actual, found.limit) == (pytest.approx(3.0), 2)
    assert found.said == "lr 0.1 · curvature 30 = 3, limit 2"


@pytest.mark.parametrize(
    "gradients",
    [
        [(-0.9) ** i for i in range(40)],
        [math.sin(37 * i * i) for i in range(60)],  # of batches that differ by far more than the weights do
    ],
)
def test_below_the_limit_nothing_is_measured(tmp_path, gradients):
    run = Run(tmp_path / "run.bptui", is_loop=True)
    assert "learning-rate-too-high" not in {each.rule for each in descent(run, 0.01, gradients)}


def test_other_optimizers_have_no_such_limit(tmp_path):
    run = Run(tmp_path / "run.bptui")
    for w in (1.0, 0.8, 0.6, 0.4):  # as Adam: the steps do not go with the gradient
        run.sample(15 * w**2, w=(VECTOR, w, 30 * w, 0.2), v=(VECTOR, 1.0, 3 * w, 0.2))
    assert run.findings() == ()


def test_micro_batches_without_an_update_leave_nothing_unchanged(tmp_path):
    run = Run(tmp_path / "run.bptui")
    for number in range(12):
        is_update = number % 4 == 3
        moved = 1e-3 if is_update else 0.0
        run.sample(update_number=number // 4 + 1 if is_update else 0, w=(MATRIX, 1.0, 1.0, moved))
    assert run.findings() == ()


def test_data_that_want_a_gradient_are_no_parameters(tmp_path):
    run = Run(tmp_path / "run.bptui")
    both = {"model.weight": (MATRIX, 1.0, 1.0, 1e-3), "x": (MATRIX, 1.0, 1.0, 0.0)}
    measured(**both)(run)
    assert run.findings() == ()


def test_a_loops_updates_are_taken_from_its_graphs(tmp_path):
    run = Run(tmp_path / "run.bptui", is_loop=True)
    for step in range(5):
        run.traced(weight("w", [1.0 + step] * 4, [-1.0] * 4))
    found = only(run.findings(update_ratio={"high": 0.3, "steps": 2}), "update-ratio")
    assert found.actual == pytest.approx(0.5)  # from 1 to 2
    assert (found.since, found.until) == (0, 2)


def test_a_weight_that_not_every_sample_tells_stays_not_finite(tmp_path):
    run = Run(tmp_path / "run.bptui")
    run.writer.layout(2, layout("loss", "grad", "weight_after"))
    for _ in range(3):
        step = run.writer.steps
        run.writer.samples(batch(step, 2, [(0, step, {"weight_after": NAN})]))
        run.sample()
    assert [(each.subject, each.since, each.until) for each in run.findings()] == [("weight", 0, None)]


def test_weights_that_grow_were_not_begun_so(tmp_path):
    run = Run(tmp_path / "run.bptui")
    for step in range(8):
        run.sample(w=(MATRIX, 10.0**step, 1.0, 1e-3))
    assert run.findings() == ()


@pytest.mark.parametrize(
    "make",
    [
        labelled([float(i % 30) for i in range(49)] + [0.0]),  # too few of each
        labelled([0.0] * 64, "binary_cross_entropy"),  # only one class was seen
        labelled([0.01] * 60 + [0.99] * 4, "binary_cross_entropy"),  # no labels but probabilities
        labelled([0.0] * 47 + [1.0] * 3, "nll_loss", op("embedding", (0,), [1.0] * 400, shape=(5, 10, 8))),
    ],
)
def test_what_is_no_imbalance(tmp_path, make):
    run = Run(tmp_path / "run.bptui", is_loop=True)
    make(run)
    assert "class-imbalance" not in {each.rule for each in run.findings()}


def test_an_imbalance_of_two_classes(tmp_path):
    run = Run(tmp_path / "run.bptui", is_loop=True)
    labelled([0.0] * 47 + [1.0] * 3, "binary_cross_entropy_with_logits", name="y")(run)
    found = only(run.findings(), "class-imbalance")
    assert (found.subject, found.row, found.since) == ("y", 3, 9)
    assert found.said == "of 500 labels 470 are 0 and 30 are 1, 15.7 × fewer, limit 10"


def test_parameters_of_a_module_are_told_together(tmp_path):
    run = Run(tmp_path / "run.bptui")
    run.noticed("frozen-parameter", "model.fc.weight", "model.fc.bias", "w", "model.out.weight").sample()
    assert [each.subject for each in run.findings()] == ["model.fc", "w", "model.out.weight"]
    assert run.findings()[0].said == "weight, bias: requires_grad is False"


def test_a_training_in_which_nothing_ever_moves(tmp_path):
    run = Run(tmp_path / "run.bptui")
    measured(30, w=(MATRIX, 1.0, 1.0, 0.0))(run)
    assert only(run.findings(), "unchanged-parameter").since == 19


@pytest.mark.parametrize(("grad", "is_found"), [(6e-4, True), (7e-4, False), (None, False)])
def test_the_spread_of_a_gradient_is_bounded_by_its_norm(tmp_path, grad, is_found):
    # √40 · ‖grad‖ / √numel, which smdebug wants to be 1e-3 at least; any will do for the default.
    run = Run(tmp_path / "run.bptui")
    measured(w=(MATRIX, 1.0, grad, grad))(run)
    said = [each.said for each in run.findings("smdebug") if each.rule == "poor-initialisation"]
    assert bool(said) is is_found
    assert all("p95 − p5 of its gradient is at most 0.000949, below 0.001" in each for each in said)
    assert not [each for each in run.findings() if each.rule == "poor-initialisation"]
