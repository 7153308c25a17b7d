"""What the scripts that ask one tool have in common.

Only the standard library, as each runs in the environment of its tool.

A script reads cases as JSON from its input: name, model (a name on the hub), parameters, trainable,
card (name and bytes), config (of config.json) and step (of `tunewell.plan.step.Step`). It writes
one answer for each: `tensors`, bytes of tensors at the peak, and `total`, bytes that the tool says
the card must have, as far as the tool gives them; or `reason`, why the tool does not cover it.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any

GIB = 1024**3
MIB = 1024**2
PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""Every linear layer of a decoder with a gated perceptron."""

Case = dict[str, Any]
Answer = dict[str, int]
Ask = Callable[[Case], Answer]


class NotCoveredError(Exception):
    """The tool has no answer for this configuration, and says so."""


def serve(package: str, asks: dict[str, Ask], *, started: float) -> None:
    """Answer all cases of the input with every way to ask this tool.

    Args:
        package: name of the tool's distribution.
        asks: what to call, by the column's name.
        started: `time.perf_counter()` before the tool was imported.
    """
    imported = time.perf_counter() - started
    cases = json.load(sys.stdin)
    columns = {}
    for name, ask in asks.items():
        answers, seconds = {}, 0.0
        for case in cases:
            begun = time.perf_counter()
            answers[case["name"]] = _answer(ask, case)
            seconds += time.perf_counter() - begun
        columns[name] = {
            "package": f"{package} {version(package)}",
            "import_seconds": round(imported, 3),
            "seconds": round(seconds / max(len(cases), 1), 5),
            "answers": answers,
        }
    json.dump(columns, sys.stdout)


def _answer(ask: Ask, case: Case) -> dict[str, Any]:
    try:
        with quiet():
            return dict(ask(case))
    except NotCoveredError as error:
        return {"reason": str(error)}


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep a tool's own output out of the answers."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def low_rank_targets(step: dict[str, Any]) -> tuple[str, ...] | None:
    """Names of the layers that an adapter is put on; None without an adapter."""
    adapter = step.get("adapter")
    if adapter is None:
        return None
    targets = adapter.get("targets")
    if targets is None:
        message = "the adapter's layers are left to PEFT"
        raise NotCoveredError(message)
    return PROJECTIONS if tuple(targets) == ("all-linear",) else tuple(targets)


def compute_precision(step: dict[str, Any]) -> str:
    """Precision of the products of matrices: that of autocast, else that of the weights."""
    return str(step.get("autocast") or step.get("weights", "fp32"))


def is_autocast(step: dict[str, Any]) -> bool:
    """Whether fp32 weights are trained through `torch.autocast`."""
    return bool(step.get("autocast")) and step.get("weights", "fp32") == "fp32"


def never_makes_the_square(step: dict[str, Any]) -> bool:
    """Whether attention runs in a kernel that keeps no matrix of length times length.

    PyTorch has none for bf16 before Ampere, where it is only emulated.
    """
    if step.get("attention", "sdpa") == "eager":
        return False
    before_ampere = step.get("device", {}).get("capability", 80) < 80  # noqa: PLR2004
    return not (before_ampere and compute_precision(step) == "bf16")
