"""Small graphs, and what their nodes were given and gave."""

import torch

from bptui.debuggee.graph import op_name
from bptui.debuggee.stats import summarise
from bptui.explain.chain import links
from bptui.explain.explain import explain
from bptui.records import ExplainedRow, Node


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


def rows_and_links(loss, names):
    """The rows of the graph under a loss of one number, after its backward pass; its links; its rows by name.

    Args:
        loss: Where to begin.
        names: The leaves by their names.
    """
    nodes = sorted(nodes_under(loss), key=lambda node: (not hasattr(node, "variable"), node._sequence_nr()))
    row_of, grads, found = {node: row for row, node in enumerate(nodes)}, {}, []

    def listen(node):
        node.register_prehook(lambda came_in: grads.update({node: came_in[0]}))
        node.register_hook(lambda out, came_in: found.append((node, explain(node, came_in, out))))

    for node in nodes:
        listen(node)
    loss.backward(torch.ones_like(loss))
    called = {id(leaf): name for name, leaf in names.items()}
    rows = [
        Node(
            called[id(node.variable)] if hasattr(node, "variable") else op_name(node.name()),
            "parameter" if hasattr(node, "variable") else "op",
            tuple(dict.fromkeys(row_of[source] for source, _ in node.next_functions if source is not None)),
            grad=summarise(grads[node]), node=node.name(),
        )
        for node in nodes
    ]  # fmt: skip
    explained = [
        ExplainedRow(row_of[node], tuple(row_of.get(source) for source, _ in node.next_functions), explanation)
        for node, explanation in found
    ]
    return rows, links(explained), {row.name: at for at, row in enumerate(rows)}
