"""Every way to train, under bptui: bit for bit as without it, and its samples and epochs are found."""

import asyncio
import math
from pathlib import Path

import pytest

from bptui.diagnostics import Diagnosis, read_limits

from . import kinds

TWO_EPOCHS = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
NAMES = {
    "raw_tensors": {"weight", "bias"},
    "lbfgs": {"model.0.weight", "model.0.bias", "model.2.weight", "model.2.bias"},
    "function_per_epoch": {"model.0.weight", "model.0.bias", "model.2.weight", "model.2.bias"},
    "generator": {"model.0.weight", "model.0.bias", "model.2.weight", "model.2.bias"},
    "method": {f"self.model.{layer}.{name}" for layer in (0, 2) for name in ("weight", "bias")},
    "closure": {"weight"},
    "custom_function": {"weight"},
    "vector_loss": {"weight"},
    "every_optimizer": {f"models[{i}].weight" for i in range(len(kinds.ALL_OPTIMIZERS))} | {"table.weight"},
    "loader_passes": {"model.0.weight", "model.0.bias", "model.2.weight", "model.2.bias"},
    "no_loop_of_its_own": {"weight", "bias"},
}
"""The names of the parameters in the graph."""

UPDATES = {
    "accumulation": [0, 0, 1] * 2,
    "gan": [2] * 6,
    "every_optimizer": [len(kinds.ALL_OPTIMIZERS) + 1] * 6,
}
"""How many updates each sample makes; one where nothing is said."""

ONE_EPOCH = ("endless", "no_loop_of_its_own", "closure_without_a_loop")
UNNUMBERED = ("endless_epochs", "function_per_epoch_unnumbered", "loader_passes")


def sections(text):
    """What each kind said."""
    return {part.partition("\n")[0]: part.partition("\n")[2] for part in text.split("kind ")[1:]}


@pytest.fixture(scope="module")
def bare(shared_workshop):
    done = shared_workshop.bare(kinds.__file__)
    assert (done.code, done.stderr) == (0, "")
    return done


@pytest.fixture(scope="module")
def recorded(shared_workshop):
    """Recorded to its end; a sample is traced now and then."""
    return shared_workshop.record(kinds.__file__)


@pytest.fixture(scope="module")
def traced(shared_workshop):
    """Stepped by so few samples at a time that each is traced."""

    async def trace():
        async with shared_workshop.session(kinds.__file__) as stepped:
            while stepped.status.state == "paused":
                await stepped.step(6)
            return stepped.done()

    return asyncio.run(trace())


@pytest.fixture(scope="module", params=["recorded", "traced"])
def run(request):
    return request.getfixturevalue(request.param)


def test_runs_to_its_end(bare, run):
    assert (run.code, run.stderr) == (0, "")
    assert run.branch.state == "finished"
    assert "trouble" not in run.reader.facts()


@pytest.mark.parametrize("kind", [kind.__name__ for kind in kinds.KINDS])
def test_losses_and_weights_are_bitwise_the_same(bare, run, kind):
    assert sections(run.stdout)[kind] == sections(bare.stdout)[kind]


def samples_by_kind(run):
    """The samples of each kind, by the step at which it said its name."""
    starts = [
        (max(line.step, 0), line.text.removeprefix("kind "))
        for line in run.reader.output(0, run.reader.output_count())
        if line.text.startswith("kind ")
    ]
    ends = [step for step, _ in starts[1:]] + [run.reader.steps(0)]
    return {name: run.samples[start:end] for (start, name), end in zip(starts, ends, strict=True)}


@pytest.mark.parametrize("kind", [kind.__name__ for kind in kinds.KINDS])
def test_samples_and_epochs(run, kind):
    found = [(sample.epoch, sample.index) for sample in samples_by_kind(run)[kind]]
    if kind in ONE_EPOCH:  # no epoch is found: whatever its number is, there is one
        assert len({epoch for epoch, _ in found}) == 1
        first = found[0][1]
        assert [index - first for _, index in found] == [0, 1, 2, 3, 4, 5]
    elif kind in UNNUMBERED:
        epochs = [epoch for epoch, _ in found]
        assert epochs == [epochs[0]] * 3 + [epochs[0] + 1] * 3
        assert [index for _, index in found] == [0, 1, 2] * 2
    else:
        assert found == TWO_EPOCHS


def test_updates(run):
    made, last = [], 0
    for sample in run.samples:
        update = sample.quantities.get("update_number")
        number = sample.step + 1 if update is None else update.item
        made.append(number - last if number else 0)
        last = number or last
    steps = {kind: [sample.step for sample in samples] for kind, samples in samples_by_kind(run).items()}
    assert {kind: [made[step] for step in steps[kind]] for kind in steps} == {
        kind: UPDATES.get(kind, [1] * 6) for kind in steps
    }


def test_losses_of_all_backward_passes(bare, run):
    samples = samples_by_kind(run)
    said = [float.fromhex(line.removeprefix("loss ")) for line in sections(bare.stdout)["gan"].splitlines()[:-1]]
    found = [sample.quantities["losses"].values for sample in samples["gan"]]
    assert [loss for losses in found for loss in losses] == said
    assert [losses[-1] for losses in found] == [sample.quantities["loss"].item for sample in samples["gan"]]
    assert {len(sample.quantities["losses"].values) for sample in samples["lbfgs"]} == {3}
    assert not any("losses" in sample.quantities for sample in samples["adam"])


def test_learning_rates(run):
    samples = samples_by_kind(run)

    def rates(kind):
        last = samples[kind][-1].rates
        return {each.optimizer: each.rates for each in last}

    assert rates("raw_tensors") == {}
    assert rates("sgd") == {"SGD": (0.1,)}
    assert rates("gan") == {"SGD": (0.1,), "SGD#2": (0.1,)}
    assert len(rates("every_optimizer")) == len(kinds.ALL_OPTIMIZERS) + 1
    assert len(rates("optimizer_in_backward")) == 4


@pytest.mark.parametrize("kind", [kind.__name__ for kind in kinds.KINDS])
def test_each_sample_has_its_graph(traced, kind):
    samples = samples_by_kind(traced)[kind]
    graphs = [traced.reader.graph(0, sample.step) for sample in samples]
    assert all(graphs)
    for graph in graphs:
        named = {node.name for node in graph if node.kind == "parameter"}
        assert NAMES.get(kind, named) == named
        assert "?" not in named


@pytest.mark.parametrize("kind", [kind.__name__ for kind in kinds.KINDS])
def test_each_sample_has_its_numbers(run, kind):
    for sample in samples_by_kind(run)[kind]:
        grads = {"grad"} if kind != "optimizer_in_backward" else set()  # it has thrown them away by then
        assert {"loss"} | grads <= set(sample.quantities)
        is_measured = run.reader.parameter_stats(0, sample.step) is not None
        assert not is_measured or {"weight", "weight_after"} <= set(sample.quantities)
        assert sample.layout.place.path == str(Path(kinds.__file__))


@pytest.mark.parametrize("kind", [kind.__name__ for kind in kinds.KINDS])
def test_the_gradient_is_that_of_all_parameters_as_their_updates_used_it(traced, kind):
    for sample in samples_by_kind(traced)[kind]:
        stats = traced.reader.parameter_stats(0, sample.step)
        together = math.hypot(*(each.grad for each in stats if each and each.grad is not None))
        if (grad := sample.quantities.get("grad")) is not None:
            norm = grad.norm if grad.item is None else abs(grad.item)
            assert norm == pytest.approx(together, rel=1e-5)


@pytest.mark.parametrize("kind", [kind.__name__ for kind in kinds.KINDS])
def test_each_sample_has_the_statistics_of_its_parameters(traced, kind):
    for sample in samples_by_kind(traced)[kind]:
        parameters = traced.reader.parameters(0, sample.step)
        stats = traced.reader.parameter_stats(0, sample.step)
        named = {parameter.name: each for parameter, each in zip(parameters, stats, strict=True) if each.grad}
        assert NAMES.get(kind, named.keys()) == named.keys()
        known = all(each.weight >= 0 and each.update >= 0 for each in named.values())
        assert known or kind == "odd_tensors"  # it has a weight that is NaN


JUDGES_THE_TRAINING = ("loss-", "exploding", "update-ratio", "not-finite")
"""Rules of numbers that leap from one kind to the next, or are meant to be so."""


def test_no_way_to_train_is_taken_for_a_fault(traced):
    diagnosis = Diagnosis(traced.reader, 0, read_limits())
    assert diagnosis.follow(traced.reader.steps(0))
    found = {
        (each.rule, each.subject) for each in diagnosis.findings if not each.rule.startswith(JUDGES_THE_TRAINING)
    }
    forgotten = ("critic.2.weight", "critic.2.bias", "to_critic.weight", "to_critic.bias")
    assert found == {("unchanged-parameter", name) for name in forgotten}, "no optimizer of the GAN has these"
