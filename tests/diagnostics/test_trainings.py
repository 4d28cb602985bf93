"""Real trainings: what is wrong is named within the samples one steps through, and a sound one is left alone."""

import pytest

from bptui.loops import LESSONS

HEALTHY = [name for name in LESSONS if name not in ("broken", "vanishing")]

NAMED = {
    1: {("gradient-not-zeroed", "model.hidden"), ("gradient-not-zeroed", "model.output")},
    2: {("learning-rate-too-high", ""), ("update-ratio", "model.output.weight")},
    3: {("dead-relu", "relu in model")},
    4: {("frozen-parameter", "model.hidden")},
    5: {("not-finite-op", "log"), ("not-finite-sample", "loss")},
}
"""What has to be found of each bug of the lesson `broken`."""


def named(findings):
    return {(each.rule, each.subject) for each in findings}


@pytest.mark.parametrize("bug", NAMED)
def test_each_bug_is_named_within_twenty_samples(diagnosed, bug):
    _, findings = diagnosed("broken", "--bug", str(bug), steps=[20])
    assert named(findings) >= NAMED[bug]


@pytest.mark.parametrize("bug", [1, 2, 3, 4])
def test_each_bug_is_named_at_full_speed(diagnosed, bug):
    """By the first samples, which are traced; what turns NaN later is only seen in the numbers of samples."""
    _, findings = diagnosed("broken", "--bug", str(bug), "--epochs", "3")
    assert named(findings) >= NAMED[bug]


def test_without_a_bug_nothing_is_found(diagnosed):
    assert diagnosed("broken", "--bug", "0", steps=[40])[1] == ()


@pytest.mark.parametrize("lesson", HEALTHY)
def test_nothing_is_found_in_a_sound_lesson(diagnosed, lesson):
    assert diagnosed(lesson, steps=[12], goes_on=True)[1] == ()


def test_the_gradient_vanishes_in_the_sigmoids_alone(diagnosed):
    _, findings = diagnosed("vanishing", steps=[4, 4])
    assert {each.rule for each in findings} == {"vanishing-gradient"}
    assert {each.subject.partition(".")[0] for each in findings} == {"sigmoids"}
    assert findings[0].subject == "sigmoids.0.linear.weight"


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        (("linear", "--lr", "0.04"), "learning-rate-too-high"),
        (("linear", "--no-zero-grad"), "gradient-not-zeroed"),
    ],
)
def test_what_readme_and_lesson_say_to_break_is_named(diagnosed, arguments, rule):
    findings = {each.rule: each for each in diagnosed(*arguments, steps=[12])[1]}
    assert rule in findings
    if rule == "learning-rate-too-high":
        assert findings[rule].since == 5, "lr·2·x² > 2 from x = 6 on"


LAYERS = """
    from torch import nn

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.unused = nn.Linear(3, 3), nn.Linear(3, 3)

        def forward(self, x):
            return self.used(x)

    def loop(epochs: int = 3):
        torch.manual_seed(0)
        model = Two()
        opt = torch.optim.SGD(model.parameters(), 0.1)
        for i in range(10):
            opt.zero_grad()
            loss = model(torch.ones(2, 3)).square().mean()
            {backward}
            opt.step()
            yield Sample(epoch=0, index=i, samples=10, loss=loss.detach())
"""


def test_a_layer_that_the_loss_does_not_reach(diagnosed):
    _, findings = diagnosed(source=LAYERS.format(backward="loss.backward()"), steps=[8])
    assert named(findings) == {("parameter-without-gradient", "model.unused")}


def test_a_loss_that_is_detached(diagnosed):
    ended, findings = diagnosed(source=LAYERS.format(backward="loss.detach().backward()"))
    assert ended.code == 1
    assert named(findings) == {("loss-detached", "loss")}


def test_weights_that_require_no_gradient(diagnosed):
    source = """
        def loop():
            weight = torch.ones(3)
            for i in range(3):
                loss = (weight * 2).sum()
                loss.backward()
                yield Sample(epoch=0, index=i, loss=loss)
    """
    ended, findings = diagnosed(source=source)
    assert ended.code == 1
    assert named(findings) == {("requires-grad-missing", "loss")}


def test_micro_batches_may_sum_their_gradients_up(diagnosed):
    source = """
        def loop():
            weight = torch.ones(3, requires_grad=True)
            for i in range(24):
                loss = (weight * (1 + i % 3)).square().mean() / 4
                loss.backward()
                if i % 4 == 3:
                    weight.data -= 1e-4 * weight.grad
                    weight.grad = None
                yield Sample(epoch=0, index=i, samples=24, loss=loss)
    """
    assert diagnosed(source=source, steps=[20])[1] == ()
