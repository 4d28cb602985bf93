"""A recurrent network: the same cell at every time step, and a gradient that has to come back through all."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from bptui.records import Sample


class RNN(nn.Module):
    """h = tanh(W·x + U·h + b) at every time step; the answer is read from the last h."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.cell = nn.RNNCell(1, hidden)
        self.answer = nn.Linear(hidden, 1)

    def forward(self, sequences: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
        """The hidden state after each time step, (n, hidden), and the answers, (n, 1), to (n, time, 1)."""
        hidden, states = None, []
        for x in sequences.unbind(1):
            hidden = self.cell(x, hidden)
            hidden.retain_grad()  # keep ∂loss/∂h, which backward() else only passes on
            states.append(hidden)
        return states, self.answer(hidden)


def rnn(lr: float = 0.1, epochs: int = 10, time_steps: int = 12, orthogonal: bool = False) -> Iterator[Sample]:
    """Remember the first number of a sequence to its end.

    What to look at:
        1. `s`: Graph (1) has a row for each call of the cell, cell to cell#12: one cell, unrolled through time.
        2. `o` a few times, `n` to the backward pass, then `o`: it goes through time backwards, cell#12 first.
        3. Look at the norms of the gradients from cell#12 up to cell: each step multiplies by Uᵀ and tanh', both
           of which make it smaller here. What happened first hardly counts: the gradient vanishes.
        4. `x` in Gradients (2): grad is ‖∂loss/∂h‖ by time step, the first step first.
        5. `c`: the loss stays near 1, the first number is not remembered.
        6. `bptui run rnn --orthogonal`: U keeps lengths, the gradient arrives, the loss falls.

    Args:
        lr: The learning rate.
        epochs: How many times to go through the sequences.
        time_steps: The length of a sequence.
        orthogonal: Begin with a U that turns and mirrors, but shortens nothing.
    """
    torch.manual_seed(0)
    sequences = 0.3 * torch.randn(200, time_steps, 1)
    sequences[:, 0, 0] = torch.randint(0, 2, (200,)) * 2.0 - 1.0
    model = RNN(hidden=8)
    if orthogonal:
        nn.init.orthogonal_(model.cell.weight_hh)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    batches = sequences.split(10)

    for epoch in range(epochs):
        for index, x in enumerate(batches):
            # forward: through time
            states, answer = model(x)
            loss = ((answer - x[:, 0]) ** 2).mean()

            # backward: through time, from the last step to the first
            optimizer.zero_grad()
            loss.backward()
            by_time_step = torch.stack([state.grad.norm() for state in states])

            # update
            optimizer.step()

            yield Sample(
                epoch=epoch, index=index, samples=len(batches), epochs=epochs,
                input=x, target=x[:, 0], output=answer, loss=loss,
                grad=by_time_step, weight_after=model.cell.weight_hh,
            )  # fmt: skip
