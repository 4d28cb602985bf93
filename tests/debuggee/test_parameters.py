"""Which gradients a sample shows."""

from __future__ import annotations

import math

import pytest
import torch

from bptui.debuggee.parameters import Parameters


@pytest.mark.parametrize("count", [1, 3], ids=["one number", "several"])
@pytest.mark.parametrize("drops", [True, False])
def test_a_sample_that_is_skipped_shows_its_gradient(count: int, drops: bool) -> None:
    weights = [torch.tensor([float(i)], requires_grad=True) for i in range(count)]
    loss = sum(weight * 3.0 for weight in weights)
    parameters = Parameters()
    for _ in range(2):  # a reference that is kept must not become the gradient of the next sample
        parameters.begin((loss,), is_measured=True)
        loss.backward(retain_graph=True)
        parameters.await_update()
        if drops:
            torch.optim.SGD(weights).zero_grad()
        _, _, grad = parameters.quantities()
        shown = getattr(grad, "value", grad)
        assert float(shown) == pytest.approx(3.0 * math.sqrt(count))
        torch.optim.SGD(weights).zero_grad()
