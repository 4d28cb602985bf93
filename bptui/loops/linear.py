"""Linear regression by hand: one weight, autograd's gradient, and the update written out.

A loop is a generator that yields a `Sample` per training step. That is all there is to it: copy this file,
change the model, and `bptui run yours.py:linear` steps through it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from bptui.records import Sample


class BackPropagationModel:
    """y = x · weight. As the weight is a tensor, every call builds a piece of the computation graph."""

    def __init__(self, weight: torch.Tensor) -> None:
        self.weight = weight

    def forward(self, input_x: float) -> torch.Tensor:
        """The prediction, of the weight's shape."""
        return input_x * self.weight

    def loss_function(self, input_x: float, true_output_y: float) -> torch.Tensor:
        """The squared error of the prediction, of the weight's shape."""
        output_prediction = self.forward(input_x)
        return (output_prediction - true_output_y) ** 2


def linear(
    lr: float = 0.01, epochs: int = 100, initial_weight: float = 1.0, zero_grad: bool = True
) -> Iterator[Sample]:
    """Learn y = 3x from nine samples.

    What to look at:
        1. `s` runs a sample. Graph (1) is the model: mul, sub, pow, each with its value and its gradient.
        2. `y` on mul: the chain rule with its numbers, ∂loss/∂weight = 1 · 2·(output - y) · 1 · x.
        3. Gradients (2): by hand the same is 2·x·(x·w - y). Δ is what rounding leaves.
        4. `n`, `n`, `n`: forward, backward, update, each at its own key press; `o`: op by op.
        5. `e`, then Weights (3): the weight is on its way to 3, in large steps where x is large.
        6. `bptui --no-zero-grad`: gradients accumulate. `bptui --lr 0.04`: every step goes too far.

    Args:
        lr: The learning rate.
        epochs: How many times to go through the nine samples.
        initial_weight: The weight before the first update.
        zero_grad: Reset the gradient after each update; without it, gradients accumulate.
    """
    x = np.arange(1.0, 10.0, 1.0)
    y = 3 * x
    weight = torch.tensor([initial_weight], requires_grad=True)  # autograd is to compute ∂loss/∂weight

    for epoch in range(epochs):
        for index, (training_x, training_y) in enumerate(zip(x, y, strict=True)):
            model = BackPropagationModel(weight)

            # forward: from the input to the loss
            loss = model.loss_function(training_x, training_y)

            # backward: from the loss to the gradient of the weight
            loss.backward()
            output = model.forward(training_x)
            before, grad = weight.item(), weight.grad.item()

            # update: a step against the gradient
            weight.data -= lr * weight.grad.data

            # backward() adds to the gradient that is there, so it is reset after each update
            if zero_grad:
                weight.grad.data.zero_()

            yield Sample(
                epoch=epoch, index=index, samples=len(x), epochs=epochs,
                input=training_x, target=training_y, output=output, loss=loss,
                grad=grad, weight=before, weight_after=weight,
                by_hand=2 * training_x * (training_x * before - training_y),
            )  # fmt: skip
