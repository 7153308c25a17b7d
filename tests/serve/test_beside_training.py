"""A real training with the live page open beside it: it learns the same, bit for bit."""

from __future__ import annotations

import importlib.util
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.serve.conftest import Listener, Page, served

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="needs the training extra"
)


def train(out: Path, *callbacks: Any, break_at: int | None = None) -> list[float]:  # noqa: ANN401
    """Train a tiny GPT-2 on random tokens, watched, and return the logged losses."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainerCallback
    from transformers import TrainingArguments as Arguments

    from tunewell.train.quiet import quiet
    from tunewell.train.watch import Watch

    class Break(TrainerCallback):
        def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
            if state.global_step == break_at:
                message = "out of something"
                raise RuntimeError(message)

    with quiet(1):
        torch.manual_seed(0)
        tokens = torch.randint(0, 50, (64, 8))
        rows = [{"input_ids": row, "labels": row} for row in tokens]
        config = GPT2Config(vocab_size=50, n_embd=16, n_layer=1, n_head=2, n_positions=8)
        trainer = Trainer(
            model=GPT2LMHeadModel(config),
            args=Arguments(
                output_dir=str(out),
                use_cpu=True,
                report_to="none",
                disable_tqdm=True,
                save_strategy="no",
                logging_steps=1,
                max_steps=20,
                dataloader_pin_memory=False,
            ),
            train_dataset=rows,
            callbacks=[Watch(announce=None), Break(), *callbacks],
        )
        trainer.train()
        return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def test_it_learns_the_same_and_is_shown_as_it_goes(tmp_path: Path) -> None:
    """The page is waiting before the training begins, and holds every logged loss at its end."""
    alone = train(tmp_path / "alone")
    with served(tmp_path / "seen") as (port, _), closing(Listener(port, Page())) as listener:
        assert listener.next().state["phase"] == "waiting"
        seen = train(tmp_path / "seen")
        page = listener.until(lambda page: page.state["phase"] == "finished")
    assert seen == alone
    assert page.columns["loss"]["s"] == list(range(1, 21))
    assert page.columns["loss"]["v"] == pytest.approx(seen, rel=1e-5)
    assert page.settings["max_steps"] == "20"


def test_a_server_that_dies_is_nothing_to_the_run(tmp_path: Path) -> None:
    """It ends in the middle, with a page open, and the training goes on."""
    from transformers import TrainerCallback

    out = tmp_path / "run"
    server = served(out)
    port, _ = server.__enter__()
    listener = Listener(port, Page())

    class End(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
            if state.global_step == 10:
                server.__exit__(None, None, None)

    assert train(out, End()) == train(tmp_path / "alone")
    listener.close()


def test_a_training_that_breaks(tmp_path: Path) -> None:
    """Nothing more is written: after a while the page says that it is silent, and is not fooled."""
    with pytest.raises(RuntimeError, match="out of something"):
        train(tmp_path, break_at=7)
    with served(tmp_path) as (port, follower), closing(Listener(port, Page())) as listener:
        page = listener.until(lambda page: "loss" in page.columns)
        assert page.state["phase"] == "running"
        now = follower.run.clock()
        follower.run.pace._clock = lambda: now + 10_000
        listener.until(lambda page: page.state["phase"] == "silent")
        assert page.state["step"] == 7
