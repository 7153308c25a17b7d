"""Runs that waste time or memory, planted by really training."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.planted.measuring import said, trained
from tests.planted.test_evaluations_of_runs import classifier, learnable

from tunewell.readers.logs import read_run
from tunewell.subjects.trace import Trace


def model_hook(trainer: Any, hook: Any) -> Any:
    """The trainer, whose model calls a function after each forward pass."""
    trainer.model.register_forward_hook(hook)
    return trainer


def test_what_is_kept_of_every_step(tmp_path: Path) -> None:
    """Four megabytes a step, as where a metric remembers the logits of a vocabulary."""
    kept: list[Any] = []

    def keep(module: Any, given: Any, answer: Any) -> None:  # noqa: ARG001
        kept.append(np.ones(500_000) * float(answer.logits.detach().sum()))

    faulty = model_hook(classifier(tmp_path / "faulty", max_steps=120, eval_strategy="no"), keep)
    (found,) = said([trained(faulty).trace()], "HW042")
    assert found.message.startswith("main memory grows by ")
    kept.clear()
    healthy = classifier(tmp_path / "healthy", max_steps=120, eval_strategy="no")
    assert not said([trained(healthy).trace()], "HW042")


def test_steps_that_walk_through_all_that_was(tmp_path: Path) -> None:
    """A list that every step adds to and sorts."""
    met: list[float] = []

    def walk(module: Any, given: Any, answer: Any) -> None:  # noqa: ARG001
        met.extend(np.random.default_rng(len(met)).random(4000).tolist())
        met.sort(key=lambda value: -value)

    faulty = model_hook(classifier(tmp_path / "faulty", max_steps=120, eval_strategy="no"), walk)
    trace = trained(faulty).trace()
    assert said([trace], "HW045"), trace.column("step_seconds").values
    healthy = classifier(tmp_path / "healthy", max_steps=120, eval_strategy="no")
    assert not said([trained(healthy).trace()], "HW045")


@pytest.mark.reproduces("P22")
def test_a_loader_that_takes_longer_than_the_step(tmp_path: Path) -> None:
    """The collator tokenises three thousand texts for each batch."""
    from tests.preflight import tiny
    from transformers import DataCollatorWithPadding

    tokens = tiny.tokenizer()
    pad = DataCollatorWithPadding(tokens)

    def slow(rows: Any) -> Any:
        for text in tiny.sentences(3000):
            tokens(text)
        return pad(rows)

    faulty = classifier(tmp_path / "faulty", collator=slow, max_steps=24, eval_strategy="no")
    (found,) = said([trained(faulty).trace()], "HW002")
    assert "% of each step is waiting for data" in found.message
    healthy = classifier(tmp_path / "healthy", max_steps=24, eval_strategy="no")
    assert not said([trained(healthy).trace()], "HW002")


def test_evaluation_that_takes_the_time(tmp_path: Path) -> None:
    """At every second step, over more rows than are trained on; in a short run nobody minds."""
    faulty = classifier(tmp_path / "faulty", judged=learnable(300), eval_steps=2, max_steps=16)
    trace = trained(faulty).trace()
    assert not said([trace], "HW040")
    (found,) = said([trace], "HW040", min_minutes=0.0)
    assert "% of the time goes to evaluation: 8 evaluations" in found.message
    healthy = trained(classifier(tmp_path / "healthy", max_steps=48, eval_steps=16)).trace()
    assert not said([healthy], "HW040", min_minutes=0.0)


def test_saving_that_takes_the_time(tmp_path: Path) -> None:
    """At every step; in a short run nobody minds."""
    often: dict[str, Any] = {"eval_strategy": "no", "save_strategy": "steps", "max_steps": 12}
    trace = trained(classifier(tmp_path / "faulty", save_steps=1, **often)).trace()
    assert not said([trace], "HW041")
    (found,) = said([trace], "HW041", min_minutes=0.0)
    assert "% of the time goes to saving: 12 checkpoints" in found.message


PROCESS = """
    import os, sys
    import torch, torch.distributed as dist
    from tunewell import watch
    rank, slow = int(os.environ["RANK"]), int(sys.argv[1])
    dist.init_process_group("gloo")
    torch.manual_seed(0)
    model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(64, 64))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    with watch(model, optimizer, sys.argv[2], max_steps=30, announce=None):
        for step in range(30):
            for _ in range(60 if rank == slow else 2):
                batch = torch.randn(400, 64).sort(dim=0).values
            optimizer.zero_grad()
            model(batch).square().mean().backward()
            optimizer.step()
    dist.destroy_process_group()
"""


def two_processes(folder: Path, slow: int) -> Trace:
    """A real training in two processes, one of which may prepare its batches slowly."""
    script = folder / "train.py"
    script.write_text(textwrap.dedent(PROCESS), encoding="utf-8")
    done = subprocess.run(
        [
            sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2",
            "--master-port=0", "--standalone", str(script), str(slow), str(folder / "run"),
        ],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    trace = read_run(folder / "run")[0]
    assert set(trace.ranks) == {1}
    return trace


@pytest.mark.slow
def test_a_process_that_the_other_waits_for(tmp_path: Path) -> None:
    """Its batches take longer; the other waits in the exchange of gradients."""
    (tmp_path / "faulty").mkdir()
    (tmp_path / "healthy").mkdir()
    (found,) = said([two_processes(tmp_path / "faulty", slow=1)], "HW044")
    assert found.message.startswith("every step waits for rank 1: it needs")
    assert not said([two_processes(tmp_path / "healthy", slow=-1)], "HW044")
