"""Hugging Face Trainer: six micro-batches an epoch, an update after every second."""

import tempfile

import torch
import transformers


class Regression(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, 1)

    def forward(self, x, labels):
        loss = torch.nn.functional.mse_loss(self.layer(x), labels)
        print("loss", loss.item().hex())
        return {"loss": loss}


torch.manual_seed(0)
data = [{"x": x, "labels": y} for x, y in zip(torch.randn(12, 3), torch.randn(12, 1), strict=True)]
arguments = transformers.TrainingArguments(
    tempfile.mkdtemp(),
    num_train_epochs=6,
    per_device_train_batch_size=2,
    gradient_accumulation_steps=2,
    use_cpu=True,
    report_to=[],
    save_strategy="no",
    logging_strategy="no",
    disable_tqdm=True,
)
trainer = transformers.Trainer(Regression(), arguments, train_dataset=data)
trainer.train()
for param in trainer.model.parameters():
    print("weight", *map(float.hex, param.flatten().tolist()))
