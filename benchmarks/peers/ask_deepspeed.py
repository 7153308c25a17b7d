"""Asks DeepSpeed's estimators of model states, which count every parameter as trained.

Asked for one GPU and nothing offloaded, as what they compare with is one GPU. Their states are
those of 16-bit training with fp32 copies, 18 bytes a parameter.
"""

from __future__ import annotations

import time

from asking import Answer, Case, NotCoveredError, quiet, serve

STARTED = time.perf_counter()

with quiet():
    from deepspeed.runtime.zero.stage3 import estimate_zero3_model_states_mem_needs
    from deepspeed.runtime.zero.stage_1_and_2 import estimate_zero2_model_states_mem_needs


def zero2(case: Case) -> Answer:
    """Bytes a GPU that ZeRO's second stage needs for states."""
    _only_full(case)
    _, on_gpu = estimate_zero2_model_states_mem_needs(case["parameters"], cpu_offload=False)
    return {"tensors": on_gpu}


def zero3(case: Case) -> Answer:
    """Bytes a GPU that ZeRO's third stage needs for states."""
    _only_full(case)
    _, on_gpu, _ = estimate_zero3_model_states_mem_needs(
        case["parameters"], case["largest_layer"], cpu_offload=False, cpu_offload_params=False
    )
    return {"tensors": on_gpu}


def _only_full(case: Case) -> None:
    if case["step"].get("adapter"):
        message = "counts every parameter as trained"
        raise NotCoveredError(message)


serve("deepspeed", {"DeepSpeed ZeRO-2": zero2, "DeepSpeed ZeRO-3": zero3}, started=STARTED)
