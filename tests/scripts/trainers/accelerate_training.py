"""accelerate: a loop of one's own, six micro-batches an epoch, an update after every second."""

import torch
from accelerate import Accelerator

torch.manual_seed(0)
accelerator = Accelerator(cpu=True, gradient_accumulation_steps=2)
model = torch.nn.Sequential(torch.nn.Linear(3, 1))
data = torch.utils.data.TensorDataset(torch.randn(12, 3), torch.randn(12, 1))
model, opt, loader = accelerator.prepare(
    model, torch.optim.Adam(model.parameters(), 0.1), torch.utils.data.DataLoader(data, 2, shuffle=True)
)
for epoch in range(6):  # noqa: B007
    for x, y in loader:
        with accelerator.accumulate(model):
            loss = torch.nn.functional.mse_loss(model(x), y)
            print("loss", loss.item().hex())
            accelerator.backward(loss)
            opt.step()
            opt.zero_grad()
for param in model.parameters():
    print("weight", *map(float.hex, param.flatten().tolist()))
