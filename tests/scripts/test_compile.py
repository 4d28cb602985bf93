"""torch.compile: left out by default, and said; with --keep-compile, as without us."""

SOURCE = """
import sys
import torch
from torch import nn
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))
opt = torch.optim.Adam(model.parameters(), 0.1)
fast = torch.compile(model, backend=sys.argv[1])
def whole(x, y):
    loss = ((model(x) - y) ** 2).mean()
    loss.backward()
    return loss.detach()
if "whole" in sys.argv:
    whole, opt.step = torch.compile(whole, backend=sys.argv[1]), torch.compile(opt.step, backend=sys.argv[1])
for epoch in range(2):
    for i in range(5):
        x, y = torch.randn(4, 3), torch.randn(4, 1)
        opt.zero_grad()
        loss = ((fast(x) - y) ** 2).mean()
        loss.backward()
        opt.step()
        print(float(loss.detach()).hex())
for i in range(3):
    opt.zero_grad()
    print(float(whole(x, y)).hex())
    opt.step()
from torch._dynamo.utils import counters
print(dict(counters["stats"]))
"""


def test_kept_it_compiles_what_it_compiles_without_us(workshop):
    """A model, a whole step with its backward pass, and an optimizer."""
    script = workshop.write(SOURCE)
    bare, kept = (
        workshop.bare(script, "eager", "whole"),
        workshop.record("--keep-compile", script, "eager", "whole"),
    )
    assert "calls_captured" in bare.stdout
    assert (kept.code, kept.stdout) == (0, bare.stdout)
    assert len(kept.samples) == 13
    facts = kept.reader.facts()
    assert "trouble" not in facts
    assert facts["compile"].startswith("torch.compile compiles")


async def test_kept_or_left_out_the_losses_are_the_same(workshop):
    """Each sample is traced as far as can be: compiled code is one node of autograd."""
    script = workshop.write(SOURCE)
    bare = workshop.bare(script, "aot_eager")
    async with workshop.session(script, "aot_eager", keep_compile=True) as stepped:
        while stepped.status.state == "paused":
            await stepped.step(5)
        kept = stepped.done()
    assert (kept.code, kept.stdout) == (0, bare.stdout)
    assert "CompiledFunctionBackward" in str(tuple(kept.reader.graph(0, 5)))
    left_out = workshop.record(script, "aot_eager")
    assert left_out.stdout == bare.stdout.partition("{")[0] + "{}\n"
    assert left_out.reader.facts()["compile"].startswith("torch.compile is left out")
