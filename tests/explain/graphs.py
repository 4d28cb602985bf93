"""Small graphs, and what their nodes were given and gave."""

import torch

from bptui.explain.explain import explain


def nodes_under(*tensors):
    """Every autograd node from which these tensors come, the last op first."""
    found, waiting = {}, [tensor.grad_fn for tensor in tensors if tensor.grad_fn is not None]
    while waiting:
        node = waiting.pop(0)
        if node is not None and node not in found:
            found[node] = None
            waiting += [source for source, _ in node.next_functions]
    return list(found)


def backward(out):
    """Go back from an output, with a gradient that is nowhere the same."""
    outs = out if isinstance(out, tuple | list) else (out,)
    outs = [each for each in outs if each.requires_grad]
    generator = torch.Generator().manual_seed(1)
    grads = [torch.randn(each.shape, generator=generator, dtype=torch.float64).to(each.dtype) for each in outs]
    torch.autograd.backward(outs, grads)
    return outs


def explained(function, *args):
    """The explanation of every node of a call, by its name and by the gradients that went out."""
    out = function(*args)
    outs = [each for each in (out if isinstance(out, tuple | list) else (out,)) if each.requires_grad]
    found = []

    def listen(node):
        node.register_hook(lambda grads, came_in: found.append((explain(node, came_in, grads), grads)))

    for node in nodes_under(*outs):
        if not hasattr(node, "variable"):
            listen(node)
    backward(outs)
    return found


def tensor(*shape, dtype=torch.float32, requires_grad=True, seed=0, low=None):
    """Numbers that are the same each time; positive ones from `low` on."""
    generator = torch.Generator().manual_seed(seed + sum(shape))
    numbers = torch.randn(shape, generator=generator, dtype=torch.float64)
    numbers = numbers if low is None else numbers.abs() + low
    return numbers.to(dtype).requires_grad_(requires_grad)
