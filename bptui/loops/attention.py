"""One block of attention, written out: queries, keys, values, softmax."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from bptui.records import Sample


class Block(nn.Module):
    """Every position asks (query), every position offers (key), and what fits is fetched (value)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The new x, (n, time, width), and who looked where, (n, time, time)."""
        scores = self.query(x) @ self.key(x).transpose(1, 2) / x.shape[-1] ** 0.5
        attention = scores.softmax(-1)
        return self.norm(x + attention @ self.value(x)), attention


class Reverser(nn.Module):
    """Tokens and their positions in, a block of attention, tokens out."""

    def __init__(self, tokens: int, length: int, width: int) -> None:
        super().__init__()
        self.token = nn.Embedding(tokens, width)
        self.position = nn.Parameter(torch.randn(length, width))
        self.block = Block(width)
        self.out = nn.Linear(width, tokens)

    def forward(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits, (n, time, tokens), and who looked where, (n, time, time)."""
        x, attention = self.block(self.token(tokens) + self.position)
        return self.out(x), attention


def attention(lr: float = 0.02, epochs: int = 10, length: int = 5) -> Iterator[Sample]:
    """Reverse a sequence with one block of attention.

    What to look at:
        1. `s`, then → on block in Graph (1): three linears of the same x, bmm (q·kᵀ), softmax, bmm (·v).
        2. The gradient reaches x, the add before block, by four paths: query, key, value, and past them through
           the residual add. `y` there: the norms on the way from the loss; what comes in is the sum of the four.
        3. `y` on softmax: a row of attention sums to 1, so what goes out sums to 0 in each row.
        4. Console (5) after `e`: the attention, a row for each position. The first looks at the last, the
           second at the last but one: a diagonal, which nobody programmed.
        5. In Graph, compare the gradients of query.weight and key.weight with that of out.weight in the first
           sample: who looks where can hardly matter before what is fetched means something.

    Args:
        lr: The learning rate of Adam.
        epochs: How many times to go through 20 batches of 32 sequences.
        length: How many tokens a sequence has.
    """
    torch.manual_seed(0)
    model = Reverser(tokens=6, length=length, width=16)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    batches = torch.randint(0, 6, (20, 32, length))

    for epoch in range(epochs):
        right = 0.0
        for index, tokens in enumerate(batches):
            # forward
            target = tokens.flip(1)
            logits, looked = model(tokens)
            loss = cross_entropy(logits.flatten(0, 1), target.flatten())

            # backward
            optimizer.zero_grad()
            loss.backward()

            # update
            optimizer.step()

            right += (logits.argmax(-1) == target).float().mean().item()
            yield Sample(
                epoch=epoch, index=index, samples=len(batches), epochs=epochs,
                input=tokens, target=target, output=logits, loss=loss,
                grad=model.block.query.weight.grad, weight_after=model.block.query.weight,
            )  # fmt: skip
        print(f"epoch {epoch + 1}: {right / len(batches):.0%} of the tokens right; who looks where:")
        for row in looked.mean(0).tolist():
            print("   ".join(f"{share:4.2f}" for share in row))
