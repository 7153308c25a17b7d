"""What loading a model takes on the device, tensor by tensor, in the order the libraries do it."""

from __future__ import annotations

import torch
from torch import nn

from tunewell.simulate.quantised import Packed
from tunewell.simulate.storages import Storages

HALF = (torch.float16, torch.bfloat16)
HALF_BYTES = 2


def load(model: nn.Module, storages: Storages) -> None:
    """Count weights and buffers as they come to the device.

    Packed weights are loaded to the device directly: transformers first asks for the whole model's
    size in one piece and gives it back, so that all of it lies in one segment. A packed weight is
    there in 16 bits until it is packed. What is not packed is cast to fp32 by
    `peft.prepare_model_for_kbit_training`, one tensor at a time, with the cache emptied at the
    end; a model that stands is cast already.
    """
    found = [module for module in model.modules() if isinstance(module, Packed)]
    packed = bool(found)
    casts = packed and not found[0].prepared
    if packed:
        storages.pass_through(_loaded_bytes(model), "warm-up of the allocator")
    halves: dict[nn.Parameter, int] = {}
    modules = list(model.named_modules())
    # Adapters are put on what is loaded.
    modules.sort(key=lambda item: "lora_" in item[0])
    for name, module in modules:
        with storages.inside(name):
            if isinstance(module, Packed):
                _pack(module, storages)
            for parameter in module.parameters(recurse=False):
                if casts and parameter.dtype in HALF and parameter not in halves:
                    size = parameter.numel() * HALF_BYTES
                    halves[parameter] = storages.hold(size, "weight in 16 bits")
                elif parameter not in halves:
                    storages.add(parameter, "parameter", kind="weights")
            for buffer in module.buffers(recurse=False):
                storages.add(buffer, "buffer", kind="weights")
    for parameter, half in halves.items():
        parameter.data = parameter.data.float()
        storages.add(parameter, "parameter", kind="weights")
        storages.release(half)
    if packed:
        storages.empty_cache()


def _pack(module: Packed, storages: Storages) -> None:
    whole = module.in_features * module.out_features * HALF_BYTES
    unpacked = storages.hold(whole, "weight before packing")
    storages.add(module.weight, "parameter", kind="weights")
    for buffer in module.buffers(recurse=False):
        storages.add(buffer, "buffer", kind="weights")
    storages.release(unpacked)


def _loaded_bytes(model: nn.Module) -> int:
    """What transformers counts before it loads a packed model: half a byte or one for a weight."""
    return sum(
        parameter.numel() * (HALF_BYTES if parameter.is_floating_point() else 1)
        for parameter in model.parameters()
        if parameter.dtype in HALF or not parameter.is_floating_point()
    )
