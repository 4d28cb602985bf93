"""A script that trains in every way that people train: each function one kind, two epochs of three samples.

Run by test_kinds.py, bare and under bptui. Every kind says each loss as hex and, at its end, its weights' hash.
"""
# ruff: noqa: B007, B023

import hashlib
import itertools
import sys

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

EPOCHS = 2
torch.manual_seed(0)
DATA = [(torch.randn(4, 3), torch.randn(4, 1)) for _ in range(3)]


def say(loss):
    print("loss", float(loss.detach()).hex())


def say_hash(params):
    digest = hashlib.sha256()
    for param in params:
        digest.update(param.detach().float().contiguous().numpy().tobytes())
    print("weights", digest.hexdigest())


def make_model(*extra):
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), *extra, nn.Linear(5, 1))


def raw_tensors():
    torch.manual_seed(1)
    weight = torch.randn(3, 1, requires_grad=True)
    bias = torch.zeros(1, requires_grad=True)
    for epoch in range(EPOCHS):
        for x, y in DATA:
            loss = ((x @ weight + bias - y) ** 2).mean()
            loss.backward()
            with torch.no_grad():
                weight -= 0.1 * weight.grad
                bias -= 0.1 * bias.grad
                weight.grad.zero_()
                bias.grad = None
            say(loss)
    say_hash([weight, bias])


def module_without_optimizer():
    model = make_model()
    for epoch in range(EPOCHS):
        for x, y in DATA:
            model.zero_grad()
            loss = ((model(x) - y) ** 2).mean()
            loss.backward()
            for param in model.parameters():
                param.data -= 0.1 * param.grad
            say(loss)
    say_hash(model.parameters())


def train_with(make_optimizer, model=None):
    model = model or make_model()
    opt = make_optimizer(model.parameters())
    for epoch in range(EPOCHS):
        for x, y in DATA:
            opt.zero_grad()
            loss = ((model(x) - y) ** 2).mean()
            loss.backward()
            opt.step()
            say(loss)
    say_hash(model.parameters())


def sgd():
    train_with(lambda params: torch.optim.SGD(params, lr=0.1, momentum=0.9))


def adam():
    train_with(torch.optim.Adam)


def adamw():
    train_with(lambda params: torch.optim.AdamW(params, foreach=True))


def lbfgs():
    model = make_model()
    opt = torch.optim.LBFGS(model.parameters(), max_iter=3)
    for epoch in range(EPOCHS):
        for x, y in DATA:

            def closure():
                opt.zero_grad()
                loss = ((model(x) - y) ** 2).mean()
                loss.backward()
                return loss

            say(opt.step(closure))
    say_hash(model.parameters())


def gan():
    generator, critic = make_model(), make_model()
    g_opt, c_opt = torch.optim.SGD(generator.parameters(), 0.1), torch.optim.SGD(critic[0].parameters(), 0.1)
    to_critic = nn.Linear(1, 3)
    for epoch in range(EPOCHS):
        for x, _ in DATA:
            fake = to_critic(generator(x))
            c_opt.zero_grad()
            real_loss = -critic(x).mean()
            real_loss.backward()
            fake_loss = critic(fake.detach()).mean()
            fake_loss.backward()
            c_opt.step()
            g_opt.zero_grad()
            g_loss = -critic(fake).mean()
            g_loss.backward()
            g_opt.step()
            say(real_loss), say(fake_loss), say(g_loss)
    say_hash([*generator.parameters(), *critic.parameters()])


def accumulation():
    model = make_model()
    opt = torch.optim.SGD(model.parameters(), 0.1)
    for epoch in range(EPOCHS):
        for i, (x, y) in enumerate(DATA):
            loss = ((model(x) - y) ** 2).mean() / 3
            loss.backward()
            if i % 3 == 2:
                opt.step()
                opt.zero_grad()
            say(loss)
    say_hash(model.parameters())


def mixed_precision():
    model = make_model()
    opt = torch.optim.SGD(model.parameters(), 0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    for epoch in range(EPOCHS):
        for x, y in DATA:
            with torch.autocast("cpu", dtype=torch.bfloat16):
                loss = ((model(x) - y) ** 2).mean()
                scaler.scale(loss).backward()  # inside the `with`: its exit is no new iteration
            scaler.step(opt)
            scaler.update()
            opt.zero_grad()
            say(loss)
    say_hash(model.parameters())


class Checkpointed(nn.Module):
    def __init__(self, use_reentrant):
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(5, 5), nn.Dropout(0.5))
        self.use_reentrant = use_reentrant

    def forward(self, x):
        return checkpoint(self.inner, x, use_reentrant=self.use_reentrant)


def checkpoint_reentrant():
    train_with(torch.optim.Adam, make_model(Checkpointed(True)))


def checkpoint_not_reentrant():
    train_with(torch.optim.Adam, make_model(Checkpointed(False)))


def gradient_penalty():
    model = make_model()
    opt = torch.optim.SGD(model.parameters(), 0.1)
    for epoch in range(EPOCHS):
        for x, _ in DATA:
            x = x.clone().requires_grad_()
            out = model(x)
            (grad,) = torch.autograd.grad(out.sum(), x, create_graph=True)
            loss = out.mean() + ((grad.norm(dim=1) - 1) ** 2).mean()
            opt.zero_grad()
            loss.backward()
            opt.step()
            say(loss)
    say_hash(model.parameters())


def func_transforms():
    weight = torch.ones(3, requires_grad=True)
    for epoch in range(EPOCHS):
        for x, y in DATA:
            inner = torch.func.vmap(torch.func.grad(lambda w, x: (w * x).sum() ** 2), (None, 0))(weight, x)
            loss = (inner.sum() - y.sum()) ** 2
            loss.backward()
            with torch.no_grad():
                weight -= 1e-4 * weight.grad
            weight.grad = None
            say(loss)
    say_hash([weight])


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * 3 * x * x


def custom_function():
    weight = torch.full((3, 1), 0.5, requires_grad=True)
    for epoch in range(EPOCHS):
        for x, y in DATA:
            loss = (Cube.apply(x @ weight) - y).abs().mean()
            loss.backward()
            weight.data -= 0.01 * weight.grad
            weight.grad = None
            say(loss)
    say_hash([weight])


def truncated_bptt():
    torch.manual_seed(1)
    rnn, head = nn.RNN(3, 5), nn.Linear(5, 1)
    opt = torch.optim.SGD([*rnn.parameters(), *head.parameters()], 0.1)
    for epoch in range(EPOCHS):
        hidden = torch.zeros(1, 4, 5)
        for x, y in DATA:
            out, hidden = rnn(x[None], hidden.detach())
            loss = ((head(out[0]) - y) ** 2).mean()
            opt.zero_grad()
            loss.backward()
            opt.step()
            say(loss)
    say_hash([*rnn.parameters(), *head.parameters()])


def lstm():
    """Two layers with dropout between them, gradients clipped, a learning rate that follows a schedule."""
    torch.manual_seed(1)
    cells, head = nn.LSTM(3, 5, num_layers=2, dropout=0.5), nn.Linear(5, 1)
    params = [*cells.parameters(), *head.parameters()]
    opt = torch.optim.RMSprop(params, 0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 6)
    for epoch in range(EPOCHS):
        for x, y in DATA:
            out, _ = cells(x[:, None])
            loss = ((head(out[:, 0]) - y) ** 2).mean()
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(params, 1.0)
            opt.step()
            schedule.step()
            say(loss)
    say_hash(params)


def load_with(workers, **options):
    model = make_model()
    opt = torch.optim.SGD(model.parameters(), 0.1)
    data = TensorDataset(torch.cat([x for x, _ in DATA]), torch.cat([y for _, y in DATA]))
    loader = DataLoader(
        data, 4, shuffle=True, num_workers=workers, multiprocessing_context="fork" if workers else None, **options
    )
    for epoch in range(EPOCHS):
        for x, y in loader:
            opt.zero_grad()
            loss = nn.functional.mse_loss(model(x), y)
            loss.backward()
            opt.step()
            say(loss)
    say_hash(model.parameters())


def loader():
    load_with(0)


def loader_with_workers():
    load_with(2)


def loader_with_workers_that_stay():
    """They draw their seed once, not at every epoch: the shuffling that follows is another one."""
    load_with(2, persistent_workers=True)


class Stream(IterableDataset):
    def __iter__(self):
        return ((x[0], y[0]) for x, y in DATA)


def loader_of_a_stream():
    """With a worker that stays, it is read anew in every epoch."""
    model = make_model()
    opt = torch.optim.SGD(model.parameters(), 0.1)
    stay = {"num_workers": 1, "persistent_workers": True, "multiprocessing_context": "fork"}
    loader = DataLoader(Stream(), 1, **stay)
    for epoch in range(EPOCHS):
        for x, y in loader:
            opt.zero_grad()
            loss = nn.functional.mse_loss(model(x), y)
            loss.backward()
            opt.step()
            say(loss)
    say_hash(model.parameters())


def endless():
    model = make_model()
    opt = torch.optim.SGD(model.parameters(), 0.1)
    batches = itertools.cycle(DATA)
    step = 0
    while True:
        x, y = next(batches)
        opt.zero_grad()
        loss = ((model(x) - y) ** 2).mean()
        loss.backward()
        opt.step()
        say(loss)
        step += 1
        if step == 6:
            break
    say_hash(model.parameters())


def endless_epochs():
    """No variable says which epoch it is."""
    weight = torch.ones(3, 1, requires_grad=True)
    opt = torch.optim.SGD([weight], 0.1)
    done = 0
    while done < EPOCHS:
        for x, y in DATA:
            opt.zero_grad()
            loss = ((x @ weight - y) ** 2).mean()
            loss.backward()
            opt.step()
            say(loss)
        done += 1
    say_hash([weight])


def train_epoch(model, opt):
    for x, y in DATA:
        opt.zero_grad()
        loss = ((model(x) - y) ** 2).mean()
        loss.backward()
        opt.step()
        say(loss)


def function_per_epoch():
    model = make_model()
    opt = torch.optim.SGD(model.parameters(), 0.1)
    for epoch in range(EPOCHS):
        train_epoch(model, opt)
    say_hash(model.parameters())


def function_per_epoch_unnumbered():
    model = make_model()
    opt = torch.optim.SGD(model.parameters(), 0.1)
    for _ in "ab":
        train_epoch(model, opt)
    say_hash(model.parameters())


def losses_of(model, opt):
    for epoch in range(EPOCHS):
        for x, y in DATA:
            loss = ((model(x) - y) ** 2).mean()
            opt.zero_grad()
            loss.backward()
            opt.step()
            yield loss


def generator():
    model = make_model()
    for loss in losses_of(model, torch.optim.SGD(model.parameters(), 0.1)):
        say(loss)
    say_hash(model.parameters())


class Trainer:
    def __init__(self):
        self.model = make_model()
        self.opt = torch.optim.SGD(self.model.parameters(), 0.1)

    def step(self, x, y):
        self.opt.zero_grad()
        loss = ((self.model(x) - y) ** 2).mean()
        loss.backward()
        self.opt.step()
        say(loss)

    def fit(self):
        for epoch in range(EPOCHS):
            for x, y in DATA:
                self.step(x, y)


def method():
    trainer = Trainer()
    trainer.fit()
    say_hash(trainer.model.parameters())


def closure():
    weight = torch.ones(3, 1, requires_grad=True)

    def step(x, y):
        loss = ((x @ weight - y) ** 2).mean()
        loss.backward()
        with torch.no_grad():
            weight.sub_(0.1 * weight.grad)
            weight.grad = None
        say(loss)

    for epoch in range(EPOCHS):
        for x, y in DATA:
            step(x, y)
    say_hash([weight])


class OwnSGD:
    def __init__(self, params):
        self.params = list(params)

    def zero_grad(self):
        for param in self.params:
            param.grad = None

    def step(self):
        for param in self.params:
            param.data = param.data - 0.1 * param.grad


def own_optimizer():
    train_with(OwnSGD)


def several_loops():
    """Two loops one after the other in one epoch, and an inner loop over the parameters."""
    model = make_model()
    for epoch in range(EPOCHS):
        for x, y in DATA[:2]:
            loss = ((model(x) - y) ** 2).mean()
            loss.backward()
            for param in model.parameters():
                param.data -= 0.1 * param.grad
                param.grad = None
            say(loss)
        for x, y in DATA[2:]:
            loss = (model(x) - y).abs().mean()
            loss.backward()
            for param in model.parameters():
                param.data -= 0.1 * param.grad
                param.grad = None
            say(loss)
    say_hash(model.parameters())


def skips_samples():
    """`continue` before and after the backward pass, and one that is not reached by every iteration."""
    weight = torch.ones(3, 1, requires_grad=True)
    opt = torch.optim.SGD([weight], 0.1)
    for epoch in range(EPOCHS):
        for i, (x, y) in enumerate(DATA * 2):
            if i % 2:
                continue
            opt.zero_grad()
            if i == 0:
                loss = ((x @ weight - y) ** 2).mean()
                loss.backward()
                opt.step()
                say(loss)
                continue
            loss = (x @ weight - y).abs().mean()
            loss.backward()
            opt.step()
            say(loss)
    say_hash([weight])


def compiled():
    model = make_model()
    opt = torch.optim.SGD(model.parameters(), 0.1)
    fast = torch.compile(model, backend="eager")
    for epoch in range(EPOCHS):
        for x, y in DATA:
            opt.zero_grad()
            loss = ((fast(x) - y) ** 2).mean()
            loss.backward()
            opt.step()
            say(loss)
    say_hash(model.parameters())


def odd_tensors():
    """Not finite, empty, complex, bfloat16, frozen, unused, sparse."""
    torch.manual_seed(1)
    nan = torch.tensor([float("nan"), 1.0], requires_grad=True)
    empty = torch.zeros(0, requires_grad=True)
    wave = torch.tensor([1 + 1j], requires_grad=True)
    half = torch.ones(2, dtype=torch.bfloat16, requires_grad=True)
    frozen = torch.ones(2)
    unused = torch.ones(2, requires_grad=True)
    table = nn.Embedding(10, 2, sparse=True)
    params = [nan, empty, wave, half, table.weight]
    for epoch in range(EPOCHS):
        for i in range(3):
            rows = table(torch.tensor([i, i + 1]))
            loss = (nan * frozen).sum() + empty.sum() + (wave * wave.conj()).real.sum() + half.sum() + rows.sum()
            loss.backward()
            with torch.no_grad():
                for param in params:
                    param -= 0.1 * (param.grad.to_dense() if param.grad.is_sparse else param.grad)
                    param.grad = None
            say(rows.sum())
    say_hash([unused, frozen, half, empty, table.weight, torch.view_as_real(wave)])


def vector_loss():
    weight = torch.ones(3, 1, requires_grad=True)
    for epoch in range(EPOCHS):
        for x, y in DATA:
            loss = (x @ weight - y) ** 2
            loss.backward(gradient=torch.full_like(loss, 0.25))
            weight.data -= 0.1 * weight.grad
            weight.grad = None
            say(loss.sum())
    say_hash([weight])


ALL_OPTIMIZERS = [
    kind
    for kind in vars(torch.optim).values()
    if isinstance(kind, type)
    and issubclass(kind, torch.optim.Optimizer)
    and kind.__name__ not in ("Optimizer", "LBFGS", "SparseAdam")
]
"""But for those that need a closure, or sparse gradients."""


def every_optimizer():
    torch.manual_seed(1)
    models = [nn.Linear(3, 1, bias=False) for _ in ALL_OPTIMIZERS]
    opts = [kind(model.parameters()) for kind, model in zip(ALL_OPTIMIZERS, models, strict=True)]
    table = nn.Embedding(4, 1, sparse=True)
    opts.append(torch.optim.SparseAdam(table.parameters()))
    for epoch in range(EPOCHS):
        for x, y in DATA:
            losses = [((model(x) - y) ** 2).mean() for model in models]
            loss = sum(losses) + table(torch.arange(2)).square().sum()
            loss.backward()
            for opt in opts:
                opt.step()
                opt.zero_grad()
            say(loss)
    say_hash([*(model.weight for model in models), table.weight])


def optimizer_in_backward():
    """Each parameter has an optimizer of its own, which makes its step as soon as there is a gradient."""
    model = make_model()
    opts = {param: torch.optim.SGD([param], 0.1) for param in model.parameters()}

    def update(param):
        opts[param].step()
        opts[param].zero_grad()

    for param in model.parameters():
        param.register_post_accumulate_grad_hook(update)
    for epoch in range(EPOCHS):
        for x, y in DATA:
            loss = ((model(x) - y) ** 2).mean()
            loss.backward()
            say(loss)
    say_hash(model.parameters())


def chunks():
    """Three loops: the innermost makes the samples, the outermost is the epochs', as it says."""
    torch.manual_seed(1)
    rnn = nn.RNN(3, 1)
    opt = torch.optim.SGD(rnn.parameters(), 0.1)
    for epoch in range(EPOCHS):
        for x, y in DATA[:1]:
            hidden = torch.zeros(1, 4, 1)
            for chunk in range(3):
                out, hidden = rnn(x[None] + chunk, hidden.detach())
                loss = ((out[0] - y) ** 2).mean()
                opt.zero_grad()
                loss.backward()
                opt.step()
                say(loss)
    say_hash(rnn.parameters())


def loader_passes():
    """Nothing counts the epochs but the passes over the loader."""
    model = make_model()
    opt = torch.optim.SGD(model.parameters(), 0.1)
    loader = DataLoader(TensorDataset(torch.cat([x for x, _ in DATA]), torch.cat([y for _, y in DATA])), 4)

    def pass_over():
        for x, y in loader:
            opt.zero_grad()
            loss = nn.functional.mse_loss(model(x), y)
            loss.backward()
            opt.step()
            say(loss)

    def evaluate():
        with torch.no_grad():
            return [model(x) for x, _ in loader]

    pass_over(), evaluate(), pass_over(), evaluate()
    say_hash(model.parameters())


def closure_without_a_loop():
    model = make_model()
    opt = torch.optim.LBFGS(model.parameters(), max_iter=3)

    def step(pair):
        def closure():
            opt.zero_grad()
            loss = ((model(pair[0]) - pair[1]) ** 2).mean()
            loss.backward()
            return loss

        say(opt.step(closure))

    list(map(step, DATA * EPOCHS))
    say_hash(model.parameters())


def no_loop_of_its_own():
    """Nor an optimizer: every second backward pass is followed by an update, past the version counter."""
    weight = torch.ones(3, 1, requires_grad=True)
    bias = torch.zeros(1, requires_grad=True)

    def step(i, pair):
        x, y = pair
        loss = ((x @ weight + bias - y) ** 2).mean() / 2
        loss.backward()
        if i % 2:
            weight.data -= 0.1 * weight.grad
            bias.data -= 0.1 * bias.grad
            weight.grad = bias.grad = None
        say(loss)

    list(map(step, range(12), DATA * EPOCHS * 2))
    say_hash([weight, bias])


# The last sample of no_loop_of_its_own is complete when the next begins, or at the end: so it is the last.
KINDS = [
    raw_tensors, module_without_optimizer, sgd, adam, adamw, lbfgs, gan, accumulation, mixed_precision,
    checkpoint_reentrant, checkpoint_not_reentrant, gradient_penalty, func_transforms, custom_function,
    truncated_bptt, lstm, loader, loader_with_workers, loader_with_workers_that_stay, loader_of_a_stream,
    endless, endless_epochs, function_per_epoch,
    function_per_epoch_unnumbered, generator, method, closure, own_optimizer, several_loops, skips_samples,
    compiled, odd_tensors, vector_loss, every_optimizer, optimizer_in_backward, chunks,
    loader_passes, closure_without_a_loop, no_loop_of_its_own,
]  # fmt: skip


def run(kind):
    print("kind", kind.__name__)
    kind()


if __name__ == "__main__":
    # No loop statement here: it would stand around all the others.
    list(map(run, [kind for kind in KINDS if sys.argv[1:] in ([], [kind.__name__])]))
