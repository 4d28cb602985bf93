"""PyTorch Lightning: six micro-batches of seven an epoch, an update after every second; a bar with a thread."""

import warnings

import pytorch_lightning as lightning
import torch

warnings.simplefilter("ignore")


class Regression(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, 1)

    def training_step(self, batch, batch_idx):
        x, y = batch
        loss = torch.nn.functional.mse_loss(self.layer(x), y)
        print("loss", loss.item().hex())
        return loss

    def validation_step(self, batch, batch_idx):
        x, y = batch
        self.log("validation", torch.nn.functional.mse_loss(self.layer(x), y))

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=0.1)


torch.manual_seed(0)
data = torch.utils.data.TensorDataset(torch.randn(14, 3), torch.randn(14, 1))
trainer = lightning.Trainer(
    max_epochs=6,
    accumulate_grad_batches=2,
    limit_train_batches=6,
    accelerator="cpu",
    logger=False,
    enable_checkpointing=False,
    enable_model_summary=False,
)
model = Regression()
trainer.fit(
    model,
    torch.utils.data.DataLoader(data, 2, shuffle=True),
    torch.utils.data.DataLoader(data, 4),
)
for param in model.parameters():
    print("weight", *map(float.hex, param.flatten().tolist()))
