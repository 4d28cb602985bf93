"""PyTorch's table of derivatives: what was read, and which entry is which node's."""

import importlib
import importlib.util

import pytest
import torch

from bptui.explain import derivatives
from bptui.explain.derivatives import entry_of, table, where
from bptui.explain.names import input_names
from tests.explain.cases import CASES
from tests.explain.graphs import backward, nodes_under, tensor

IN_CPP = {"CopyBackwards", "SendRpcBackward", "UndefinedGradBackward"}
"""Nodes that are written in C++ by hand."""


def test_every_entry_is_a_node_and_every_node_has_an_entry():
    nodes = {name.removesuffix("_copy") for name in dir(torch._C._functions) if "Backward" in name} - IN_CPP
    assert set(table()) == nodes


def test_overloads_are_numbered_as_they_come():
    assert table()["MulBackward0"].signature == "mul.Tensor(Tensor self, Tensor other) -> Tensor"
    assert table()["PowBackward1"].signature.startswith("pow.Tensor_Tensor(")
    assert table()["MaxBackward0"].signature.startswith("max.dim(")
    assert table()["NllLossBackward0"].signature.startswith("nll_loss_forward(")
    assert table()["SumBackwardAutogradNestedTensor1"].formulas == {
        "self": "_nested_sum_backward(grad, self, dim, keepdim)"
    }
    assert entry_of("ExpandBackward0_copy") is table()["ExpandBackward0"]
    assert entry_of("AccumulateGrad") is None


def test_formulas_are_pytorchs_words():
    assert table()["PowBackward0"].formulas == {"self": "pow_backward(grad, self, exponent)"}
    assert list(table()["AddmmBackward0"].formulas) == ["self", "mat1", "mat2"]
    assert list(table()["NativeLayerNormBackward0"].formulas) == ["input", "weight", "bias"]
    assert list(table()["WhereBackward0"].formulas) == ["self", "other"]
    assert table()["CatBackward0"].lists == {"tensors"}
    assert all(entry.formulas and all(entry.formulas.values()) for entry in table().values())


def test_it_is_what_a_yaml_reader_finds():
    yaml = importlib.import_module("yaml") if importlib.util.find_spec("yaml") else None
    if yaml is None:
        pytest.skip("no reader of YAML is installed")
    entries = {}
    for entry in yaml.safe_load(where().read_text()):
        for key, formulas in entry.get("dispatch", {"Default": entry}).items():
            entries[entry["name"], key] = {name: str(text) for name, text in formulas.items() if name != "name"}
    for entry in table().values():
        keys = [key for key in ("AutogradNestedTensor", "AutogradCUDA") if key in entry.node]
        formulas = entries[entry.signature, keys[0] if keys else "Default"]
        split = {name.strip(): text for names, text in formulas.items() for name in names.split(",")}
        for name, text in entry.formulas.items():
            assert "".join(text.split()) == "".join(split[name].split()), entry.node


@pytest.mark.parametrize(
    "name", ["addmm", "where", "cat", "stack", "layer_norm", "attention", "conv2d", "pow_base"]
)
def test_the_names_are_those_of_the_edges(name):
    node_name, function, *shapes = CASES[name]
    outs = backward(function(*(tensor(*shape, low=0.2) for shape in shapes)))
    nodes = [node for node in nodes_under(*outs) if node.name().startswith(f"{node_name}Backward")]
    for node in nodes:
        names = input_names(entry_of(node.name()), None, len(node.next_functions))
        assert not any(each.startswith("input ") for each in names)


def test_a_torch_without_the_table_says_so(monkeypatch, tmp_path):
    from bptui.explain.explain import explain

    monkeypatch.setattr(derivatives, "where", lambda: None)
    derivatives.table.cache_clear()
    a = torch.tensor(2.0, requires_grad=True)
    try:
        told = explain((a * 3).grad_fn, (torch.tensor(1.0),), (torch.tensor(3.0), None))
        unknown = explain(torch.digamma(a).grad_fn, (torch.tensor(1.0),))
    finally:
        derivatives.table.cache_clear()
    assert "derivatives.yaml" in told.remark and "derivatives.yaml" in unknown.remark
    assert told.inputs[0].numbers == "∂L/∂a = g · b = 1 · 3 = 3" and told.signature == ""
    assert unknown.inputs[0].name == "input 0"
