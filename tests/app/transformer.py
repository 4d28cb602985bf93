"""The graph of a transformer, made without torch: every leaf and op of a real one in miniature."""

import math

from bptui.records import Node, Place, TensorSummary

DIM = 64


def summary(*shape, at=1, bad=""):
    """The summary of a tensor of this shape, with numbers that depend on where it stands."""
    numel = math.prod(shape)
    mean, std = 0.01 * math.sin(at), 1 + 0.01 * math.cos(at)
    counts = {"nans": bad.count("N"), "pos_infs": bad.count("+"), "neg_infs": bad.count("-")}
    if numel == 1:
        return TensorSummary(shape, "float32", "cpu", mean, mean, mean, 0.0, abs(mean), 0, 0, 0, 0, (mean,))
    norm = math.hypot(mean, std) * math.sqrt(numel)
    return TensorSummary(shape, "float32", "cpu", -3 * std, 3 * std, mean, std, norm, 0, **counts, values=())


class Tracing:
    """Makes the rows of a graph one by one."""

    def __init__(self):
        self.rows = []

    def add(self, name, module, types, *inputs, shape=(4, 32, DIM), kind="op", grad=True, line=57, bad=""):
        """A row after those it uses; gives its number."""
        at = len(self.rows)
        value = summary(*shape, at=at, bad=bad)
        place = Place("/home/user/train_gpt.py", line) if kind == "op" else None
        node = f"{name.title().replace('_', '')}Backward0" if kind == "op" else ""
        self.rows.append(
            Node(name, kind, inputs, value, summary(*shape, at=-at) if grad else None, place, node, module, types)
        )
        return at

    def layer(self, op, module, types, source, *names, line=45):
        """An op with its parameters: the weight and so on."""
        path = module.split("#")[0]
        leaves = [self.add(f"{path}.{name}", module, types, shape=(DIM,), kind="parameter") for name in names]
        return self.add(op, module, types, source, *leaves, line=line)


def transformer(layers=12, bad=""):
    """The rows of a sample of a GPT; with `bad`, one op of block 3 gives such elements: "NN", "-"."""
    graph = Tracing()
    both = ("weight", "bias")
    idx = graph.add("x", "model.wte", "GPT.Embedding", shape=(4, 32), kind="input", grad=False)
    x = graph.layer("embedding", "model.wte", "GPT.Embedding", idx, "weight")
    x = graph.add("add", "model", "GPT", x, graph.layer("embedding", "model.wpe", "GPT.Embedding", x, "weight"))
    for i in range(layers):
        block, types = f"model.h.{i}", "GPT..Block"
        y = graph.layer("native_layer_norm", f"{block}.ln_1", f"{types}.LayerNorm", x, *both)
        attn, attn_types = f"{block}.attn", f"{types}.Attention"
        y = graph.layer("addmm", f"{attn}.c_attn", f"{attn_types}.Linear", y, *both)
        y = graph.add("softmax", attn, attn_types, y, shape=(4, 4, 32, 32), bad=bad if i == 3 else "", line=21)
        y = graph.layer("addmm", f"{attn}.c_proj", f"{attn_types}.Linear", y, *both)
        x = graph.add("add", block, types, x, y, line=44)
        y = graph.layer("native_layer_norm", f"{block}.ln_2", f"{types}.LayerNorm", x, *both)
        y = graph.layer("addmm", f"{block}.mlp.c_fc", f"{types}.MLP.Linear", y, *both)
        y = graph.add("gelu", f"{block}.mlp.gelu", f"{types}.MLP.GELU", y, line=34)
        y = graph.layer("addmm", f"{block}.mlp.c_proj", f"{types}.MLP.Linear", y, *both)
        x = graph.add("add", block, types, x, y, line=45)
    x = graph.layer("native_layer_norm", "model.ln_f", "GPT.LayerNorm", x, *both)
    x = graph.layer("mm", "model.lm_head", "GPT.Linear", x, "weight")
    target = graph.add("y", "", "", shape=(128,), kind="input", grad=False)
    graph.add("nll_loss", "", "", x, target, shape=(), line=75)
    return tuple(graph.rows)
