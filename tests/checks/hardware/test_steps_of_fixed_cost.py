"""HW061 steps-of-fixed-cost."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from tests.checks.runs import run

from tunewell.checks.hardware.steps_of_fixed_cost import steps_of_fixed_cost
from tunewell.subjects.trace import Trace
from tunewell.testing import CheckCases, run_check


def timed(
    fixed: float,
    a_thousand: float,
    *,
    spread: float = 0.5,
    count: int = 400,
    scatter: float = 0.03,
    cuda: bool = True,
) -> tuple[Trace]:
    """Steps of so many seconds and so many more for each thousand tokens, of about 800."""
    rng = np.random.default_rng(0)
    tokens = np.maximum(64, np.round(800 * np.exp(spread * rng.standard_normal(count))))
    seconds = fixed + a_thousand * tokens / 1000
    seconds *= 1 + scatter * rng.standard_normal(count)
    columns = {"step_seconds": list(seconds), "input_tokens": list(tokens)}
    return run(columns | ({"cuda_peak_bytes": [1e9] * count} if cuda else {}))


class TestStepsOfFixedCost(CheckCases):
    """Steps whose time is fixed, or goes with their tokens."""

    check = steps_of_fixed_cost
    faulty = {
        "all of it is fixed": timed(0.1, 0.0),
        "a tenth goes with the tokens": timed(0.1, 0.01),
    }
    nearly = {
        "half is fixed": timed(0.05, 0.06),
        "batches are alike": timed(0.1, 0.0, spread=0.02),
        "too noisy to tell": timed(0.1, 0.0, scatter=3.0),
        "few steps": timed(0.1, 0.0, count=60),
        "on the processor": timed(0.1, 0.0, cuda=False),
    }
    clean = {"goes with the tokens": timed(0.005, 0.1)}


@pytest.mark.slow
def test_real_steps(tmp_path: Path) -> None:
    """A model so small that starting it takes the time, and one that computes."""
    pytest.importorskip("torch", reason="needs the training extra")
    bound = {"min_fixed": 0.5}  # on a busy machine the scatter of the times is large
    small = really(tmp_path / "small", 16, (4, 16, 32), 500)
    assert run_check(steps_of_fixed_cost, (small,), **bound).findings
    wide = really(tmp_path / "wide", 256, (16, 64, 128), 120)
    assert not run_check(steps_of_fixed_cost, (wide,), **bound).findings


def really(folder: Path, width: int, lengths: tuple[int, ...], steps: int) -> Trace:
    """Train on batches of these lengths, on the processor; the GPU's column is added."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    from tunewell import watch
    from tunewell.readers.logs import read_run

    torch.manual_seed(0)
    model = GPT2LMHeadModel(
        GPT2Config(vocab_size=50, n_embd=width, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0)
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    every = np.resize(np.repeat(lengths, 5), steps)
    with watch(model, optimizer, folder, announce=None):
        for length in every:
            ids = torch.randint(0, 50, (1, int(length)))
            optimizer.zero_grad()
            model(input_ids=ids, labels=ids).loss.backward()
            optimizer.step()
    trace = read_run(folder)[0]
    columns = {**trace.columns, "cuda_peak_bytes": trace.column("step_seconds")}
    return dataclasses.replace(trace, columns=MappingProxyType(columns))
