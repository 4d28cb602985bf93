"""Ten thousand small parameters in nested modules, of which each sample uses some or all: `wide.py BLOCKS`."""

import sys

import torch
from torch import nn


def linears(count: int) -> nn.Sequential:
    return nn.Sequential(*(nn.Linear(2, 2) for _ in range(count)))


def main() -> None:
    torch.manual_seed(0)
    stages = (nn.Sequential(*(linears(50) for _ in range(10))) for _ in range(10))
    model = nn.Sequential(*stages)
    for param in model.parameters():
        if param.ndim == 2:
            nn.init.orthogonal_(param)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)
    blocks = [block for stage in model for block in stage][: int(sys.argv[1])]
    for _epoch in range(1000):
        for x in torch.randn(1000, 4, 2):
            optimizer.zero_grad()
            for block in blocks:
                x = block(x)
            loss = (x - 1).square().mean()
            loss.backward()
            optimizer.step()


if __name__ == "__main__":
    main()
