"""skorch: six updates an epoch, each with its backward pass inside optimizer.step(closure)."""

import torch
from skorch import NeuralNetRegressor


class Regression(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, 1)

    def forward(self, x):
        return self.layer(x)


class Loss(torch.nn.MSELoss):
    def forward(self, output, target):
        loss = super().forward(output, target)
        print("loss", loss.item().hex())
        return loss


torch.manual_seed(0)
net = NeuralNetRegressor(Regression, max_epochs=6, lr=0.1, batch_size=2, criterion=Loss, verbose=0)
net.fit(torch.randn(15, 3).numpy(), torch.randn(15, 1).numpy())
for param in net.module_.parameters():
    print("weight", *map(float.hex, param.flatten().tolist()))
