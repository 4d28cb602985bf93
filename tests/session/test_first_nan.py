"""Back to the op, node or update that was the first to give something not finite."""

from bptui.breakpoints import parse_breakpoint
from bptui.protocol import Back, Breakpoints, Step, Travel

CASES = """\
import math
import torch
from bptui import Sample

def leaf(*values, dtype=torch.float32):
    return torch.tensor(values, dtype=dtype, requires_grad=True)

DATA = torch.tensor([1.0, math.nan])
MASK = torch.full((3,), -math.inf)

class Own(torch.autograd.Function):
    forward = staticmethod(lambda ctx, x: x / 0.0)
    backward = staticmethod(lambda ctx, grad: grad)

def log_of_zero(w): return (w * 0).log()
def zero_by_zero(w): return (w - w) / (w - w)
def sqrt_of_zero(w): return (w * 0).sqrt()
def norm_at_zero(w): return (w * 0).square().sum().sqrt()
def masked(w): return torch.where(w < 0, (w * 0).log(), 0.0)
def half(w): return w.half() * 300 * 300
def softmax(w):
    e = (w * 100).exp()
    return e / e.sum()
def data(w): return w.sum() * DATA
def made_of_data(w): return w.sum() * (DATA[:1] - 1).log()
def by_a_mask(w):
    attention = w.expand(3).masked_fill(torch.tensor([True, False, False]), -math.inf).softmax(0)
    return (attention[0] - 1).log()
def all_masked(w): return (w + MASK).softmax(0)
def in_place(w):
    copy = w * 0
    copy[0].log_()
    return copy
def own(w): return Own.apply(w)
def filled(w):
    copy = w * 1
    copy[0] = math.nan
    return copy

CASES = [log_of_zero, zero_by_zero, sqrt_of_zero, norm_at_zero, masked, half, softmax, data, made_of_data,
         by_a_mask, all_masked, in_place, own, filled]

def loop():
    w = leaf(1.0)
    for case in CASES:
        for function in (torch.square, case):
            w.grad = None
            loss = function(w).float().sum()
            loss.backward()
            yield Sample(0, 0, loss, grad=w.grad)
    for rate in (0.5, math.inf):
        w.grad = None
        w.square().sum().backward()
        with torch.no_grad():
            w -= rate * w.grad
        yield Sample(0, 0, 1.0, weight_after=w)
    yield Sample(0, 0, 1.0)
    yield Sample(0, 0, math.nan)
"""

FINITE = "its inputs are finite"
NODE = "the gradient that came is finite"
FOUND = {
    "log_of_zero": ("forward", f"log, output has 1 -Inf; {FINITE}"),
    "zero_by_zero": ("forward", f"div, output has 1 NaN; {FINITE}"),
    "sqrt_of_zero": ("backward", f"SqrtBackward0, gradient out has 1 +Inf; {NODE}"),
    "norm_at_zero": ("backward", f"SqrtBackward0, gradient out has 1 +Inf; {NODE}"),
    "masked": ("backward", f"LogBackward0, gradient out has 1 NaN; {NODE}; in forward its op gave 1 -Inf"),
    "half": ("forward", f"mul, output has 1 +Inf; {FINITE}"),
    "softmax": ("forward", f"exp, output has 1 +Inf; {FINITE}"),
    "data": ("forward", "mul, its input is not finite: 1 NaN from the data, no op of this sample made them"),
    "made_of_data": ("forward", f"log, output has 1 -Inf; {FINITE}"),
    "by_a_mask": ("forward", f"log, output has 1 NaN; {FINITE}"),
    "all_masked": ("forward", "softmax, output has 3 NaN; of its inputs 3 -Inf is all that is not finite"),
    "in_place": ("forward", f"log_, output has 1 -Inf; {FINITE}"),
    "own": ("forward", f"own, output has 1 +Inf; {FINITE}"),
    "filled": ("forward", f"setitem, output has 1 NaN; {FINITE} but for a number that it was given"),
    "": ("update", f"mul, output has 1 NaN; {FINITE} but for a number that it was given"),
}

SCRIPT = """\
import math, torch
torch.manual_seed(0)
net = torch.nn.Linear(2, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for index in range(6):
    loss = net(torch.ones(3, 2)).square().mean()
    optimizer.zero_grad()
    loss.backward()
    if index == 3:
        optimizer.param_groups[0]["lr"] = math.inf
    optimizer.step()
"""


def begin(build, source, **options):
    """A session that goes back, and a client that has seen it stop."""
    house = build(source, reverse=True, **options)
    client = house.client()
    client.wait(state="paused")
    return house, client


def run(client, command=None):
    """Go on until it stands again."""
    stop = client.status.stop
    client.send(command or Step("run"))
    return client.wait(lambda status: status.stop > stop or status.exit_code is not None)


def test_it_stops_at_the_first_op_or_node(build):
    house, client = begin(build, CASES)
    client.send(Breakpoints((parse_breakpoint("nan", 1),)))
    reader = house.reader()
    for number, (case, (phase, how)) in enumerate(FOUND.items()):
        status = run(client)
        assert (status.detail, status.hit) == (f"first not finite: {how}", (1,)), case
        assert (status.steps, status.recorded) == (2 * number + 1, 2 * number + 2)
        inside = reader.inside(0)
        assert inside.phase == phase
        if phase == "backward":  # Explain knows the node
            assert inside.row in {each.row for each in reader.explanations(0, inside.step).rows}
        status = run(client)  # to the sample at which it was noticed
        assert (status.detail, status.steps) == ("breakpoint 1: nan", 2 * number + 2)
    reader.close()
    status = run(client)
    nobody = "breakpoint 1: nan: no op, node or update that was heard gave a number that is not finite"
    assert (status.detail, status.steps, status.hit) == (nobody, 2 * len(FOUND) + 2, (1,))
    status = run(client)
    assert (status.state, status.differs) == ("finished", "")


def test_it_stops_at_an_update(build):
    house, client = begin(build, SCRIPT, script=True)
    client.send(Breakpoints((parse_breakpoint("nonfinite(param)", 1),)))
    status = run(client)  # a condition only stops
    assert (status.detail, status.steps) == ("breakpoint 1: nonfinite(param)", 4)
    status = run(client, Back("nonfinite"))
    how = "parameters have 3 +Inf; they and their gradients were finite before"
    assert (status.detail, status.steps) == (f"first not finite: after SGD.step, {how}", 3)
    reader = house.reader()
    inside = reader.inside(0)
    assert (inside.phase, inside.parts[0].name) == ("update", "net.weight")
    assert run(client, Step("sample")).steps == 4
    run(client, Travel(0))
    run(client, Step("op", 2))  # the first sample, too, is stepped inside, though it had run at full speed
    assert (run(client, Back("op")).steps, reader.inside(0).position) == (0, 1)
    reader.close()
