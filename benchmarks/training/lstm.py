"""(b) An LSTM that learns to continue sines."""

import math

import torch
from torch import nn

from benchmarks.training.log import Log


class Forecaster(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(1, 16, batch_first=True)
        self.head = nn.Linear(16, 1)

    def forward(self, x):
        states, _ = self.lstm(x)
        return self.head(states[:, -1])


torch.manual_seed(0)
waves = torch.sin(torch.linspace(0, 64 * math.pi, 2048)).unfold(0, 13, 1).unsqueeze(-1)
model = Forecaster()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
loss_function = nn.MSELoss()
log = Log(model.named_parameters(), model, loss_function, optimizer)
batches = 120

for epoch in range(1_000_000):
    for batch in torch.randperm(len(waves))[: batches * 8].view(batches, 8):
        optimizer.zero_grad()
        loss = loss_function(model(waves[batch, :12]), waves[batch, 12])
        loss.backward()
        optimizer.step()
        log(loss)
