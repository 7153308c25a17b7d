"""Packed layers and eight-bit states, against what bitsandbytes 0.50.2 made on a CPU.

Read from `Linear4bit`, `Int8Params` and `AdamW8bit.init_state` of a layer of 256 inputs and 512
outputs, and of an embedding of 1,000 x 64 that `GlobalOptimManager` was told to keep in 32 bits.
"""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
from torch import nn

from tunewell.simulate.optimizers import create
from tunewell.simulate.quantised import Linear4bit, Linear8bit, pack_linears

NF4 = {"weight": 65536, "absmax": 2048 * 4, "code": 64}
DOUBLE = {"weight": 65536, "absmax": 2048, "code": 64, "offset": 4, "absmax2": 32, "code2": 1024}
INT8 = {"weight": 131072, "SCB": 2048}


def layer() -> nn.Linear:
    return nn.Linear(256, 512, bias=False, device="meta", dtype=torch.bfloat16)


@pytest.mark.parametrize(
    ("packed", "expected"),
    [
        (lambda: Linear4bit(layer(), torch.bfloat16, double=False), NF4),
        (lambda: Linear4bit(layer(), torch.bfloat16, double=True), DOUBLE),
        (lambda: Linear8bit(layer(), torch.float16), INT8),
    ],
    ids=["nf4", "double", "int8"],
)
def test_a_packed_layer_holds_what_bitsandbytes_holds(
    packed: type[nn.Module], expected: dict[str, int]
) -> None:
    module = packed()
    assert {name: tensor.nbytes for name, tensor in module.state_dict().items()} == expected
    values = torch.empty((3, 7, 256), dtype=torch.bfloat16, device="meta", requires_grad=True)
    out = module(values)
    assert (out.shape, out.dtype) == ((3, 7, 512), torch.bfloat16)
    out.sum().backward()
    assert values.grad is not None
    assert values.grad.shape == values.shape


def test_every_linear_layer_but_the_named_is_packed() -> None:
    model = nn.ModuleDict({"body": nn.Sequential(layer(), nn.ReLU()), "lm_head": layer()})
    pack_linears(model, "int8", compute=torch.float16, double=False, skip=("lm_head",))
    kinds = [type(module) for module in model.modules() if isinstance(module, nn.Linear)]
    assert kinds == [Linear8bit, nn.Linear]


def test_eight_bit_states_are_those_of_bitsandbytes() -> None:
    model = nn.ModuleDict({"emb": nn.Embedding(1000, 64), "lin": nn.Linear(64, 1000)}).to("meta")
    optimizer = create("adamw_8bit", model)
    for parameter in model.parameters():
        parameter.grad = torch.empty_like(parameter)
    optimizer.step()
    found = {
        name: sorted(value.nbytes for value in optimizer.state[parameter].values() if value.dim())
        for name, parameter in model.named_parameters()
    }
    assert found == {
        "emb.weight": [256_000, 256_000],
        "lin.weight": [1000, 1000, 64_000, 64_000],
        "lin.bias": [4000, 4000],
    }
