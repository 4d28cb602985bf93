"""Which module made an op: the paths by which people know them, whatever is done to modules."""

import gc
import threading
import warnings
import weakref

import pytest
import torch
from torch import nn
from torch.nn.modules import module as torch_module
from torch.utils.checkpoint import checkpoint

from bptui.debuggee.graph import Tracer
from bptui.debuggee.submodules import submodules
from bptui.records import Sample


def trace(loop):
    """(op, module, types) of each op of the first sample of a loop that yields its loss."""
    generator = loop()
    with Tracer() as tracer:
        loss = next(generator)
    rows = tracer.graph(Sample(0, 0, loss), generator.gi_frame)
    return [(row.name, row.module, row.types) for row in rows if row.kind == "op"]


def modules(loop):
    """The modules of the ops, each once."""
    return list(dict.fromkeys(module for _, module, _ in trace(loop)))


class Block(nn.Module):
    def __init__(self, call=lambda block, x: block.inner(x)):
        super().__init__()
        self.inner = nn.Linear(2, 2)
        self.call = call

    def forward(self, x):
        return self.call(self, x) + x


class Net(nn.Module):
    def __init__(self, *blocks):
        super().__init__()
        self.h = nn.ModuleList(blocks or [Block(), Block()])

    def forward(self, x):
        for block in self.h:
            x = block(x)
        return x.tanh()


def trained(net, *more):
    def loop():
        model, others = net, more  # noqa: F841
        loss = model(torch.ones(1, 2)).sum()
        loss.backward()
        yield loss

    return loop


def test_ops_carry_the_path_and_the_classes_of_their_module():
    rows = trace(trained(Net()))
    assert rows == [
        ("t", "model.h.0.inner", "Net..Block.Linear"), ("addmm", "model.h.0.inner", "Net..Block.Linear"),
        ("add", "model.h.0", "Net..Block"),
        ("t", "model.h.1.inner", "Net..Block.Linear"), ("addmm", "model.h.1.inner", "Net..Block.Linear"),
        ("add", "model.h.1", "Net..Block"), ("tanh", "model", "Net"), ("sum", "", ""),
    ]  # fmt: skip


def test_a_second_call_is_another_row():
    block = Block(lambda block, x: block.inner(block.inner(x)))
    assert modules(trained(Net(block, block))) == [
        "model.h.0.inner", "model.h.0.inner#2", "model.h.0",
        "model.h.0#2.inner", "model.h.0#2.inner#2", "model.h.0#2", "model", "",
    ]  # fmt: skip


def test_modules_that_nobody_has_registered_go_by_their_class():
    held = [nn.Linear(2, 2)]
    block = Block(lambda block, x: nn.Softplus()(held[0](x)))
    assert modules(trained(Net(block)))[:2] == ["model.h.0.Linear", "model.h.0.Softplus"]


def test_the_outermost_go_by_the_users_variables():
    class Trainer:
        def __init__(self):
            self.parts = {"net": Net()}

    def loop():
        trainer = Trainer()
        (trainer.parts["net"].h[1](torch.ones(1, 2)).sum() + nn.Linear(2, 1)(torch.ones(2)).sum()).backward()
        yield 0.0

    assert modules(loop) == ["trainer.parts['net'].h.1.inner", "trainer.parts['net'].h.1", "", "Linear"]


class DirectCall(Block):
    def __call__(self, x):
        return self.forward(x)


def test_calls_that_nobody_hears_belong_to_what_is_around():
    block = Block(lambda block, x: block.inner.forward(x))
    assert modules(trained(Net(block, DirectCall()))) == ["model.h.0", "model.h.1.inner", "model", ""]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_inside_leaves_nothing_behind(error):
    def fail(block, x):
        if x is not None:
            raise error
        return x

    def attempt(block, x):
        try:
            Block(fail)(x)
        except error:
            return block.inner(x)

    found = modules(trained(Net(Block(attempt), Block())))
    assert found[-4:] == ["model.h.1.inner", "model.h.1", "model", ""]
    if error is ValueError:  # that an interrupt has ended a call is heard only at the end of the one around it
        assert found[:-4] == ["model.h.0.inner", "model.h.0"]


class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, grad):
        return grad * 2


def test_functions_of_ones_own_belong_to_the_module_that_called_them():
    first = Block(lambda block, x: Double.apply(block.inner(x)))
    rows = trace(trained(Net(first, Block(lambda block, x: Double.apply(x)))))
    assert [(name, module) for name, module, _ in rows if name == "double"] == [
        ("double", "model.h.0"), ("double", "model.h.1"),
    ]  # fmt: skip


@pytest.mark.parametrize("use_reentrant", [False, True])
def test_what_a_checkpoint_computes_again_does_not_confuse(use_reentrant):
    first = Block(lambda block, x: checkpoint(block.inner, x.requires_grad_(), use_reentrant=use_reentrant))
    inner = ["model.h.0.inner"] if not use_reentrant else []
    found = modules(trained(Net(first, Block())))
    expected = [*inner, "model.h.0", "model.h.1.inner", "model.h.1", "model", ""]
    assert found[: len(expected)] == expected


class Overriding(Net):
    def named_modules(self, *args, **kwargs):
        raise AssertionError("not asked")

    modules = children = named_children = parameters = named_modules

    def __eq__(self, other):
        raise AssertionError("not asked")

    __hash__ = None


def test_nothing_is_asked_of_the_users_methods():
    assert "model.h.1.inner" in modules(trained(Overriding()))


def test_submodules_are_those_of_torch():
    net = Net(Block(), nn.Sequential(nn.Linear(2, 2), nn.ReLU()))
    net.extra, net.h[0].none = net.h[0], None
    assert list(submodules(net)) == list(net.named_modules())


def test_other_threads_are_not_heard():
    def elsewhere(block, x):
        thread = threading.Thread(target=lambda: Net()(torch.ones(1, 2)))
        thread.start()
        thread.join()
        return block.inner(x)

    assert modules(trained(Net(Block(elsewhere))))[0] == "model.h.0.inner"


def test_arguments_that_raise_when_looked_at():
    dead = weakref.proxy(Block())

    def loop():
        model = Block(lambda block, x: block.inner(torch.ones(1, 2)))
        loss = (model.inner(torch.ones(1, 2)) + Taking()(dead)).sum()
        loss.backward()
        yield loss

    class Taking(nn.Module):
        def forward(self, anything):
            return 1.0

    assert modules(loop) == ["model.inner", ""]


def test_a_module_is_not_kept_alive():
    generator = trained(Net())()
    with Tracer() as tracer:
        loss = next(generator)
        model = weakref.ref(generator.gi_frame.f_locals["model"])
        assert tracer.graph(Sample(0, 0, loss), generator.gi_frame)
    generator.close()
    del generator
    gc.collect()
    assert loss.grad_fn is not None
    assert model() is None


def test_after_it_torch_has_no_hooks_left():
    asked = torch_module._has_any_global_hook
    with Tracer(), warnings.catch_warnings():
        assert torch_module._global_forward_hooks and torch_module._global_forward_pre_hooks
        assert not torch_module._has_any_global_hook()
    assert not torch_module._global_forward_hooks and not torch_module._global_forward_pre_hooks
    assert torch_module._has_any_global_hook is asked and not asked()
