"""Which model a real Trainer kept, told from its output folder alone."""

import importlib.util
import shutil
from pathlib import Path
from typing import Any

import pytest

from tunewell.checks.metrics.wrong_checkpoint_kept import wrong_checkpoint_kept
from tunewell.core.finding import Finding
from tunewell.readers.logs import read_trace
from tunewell.testing import run_check

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="needs the training extra"
)


def overfit(out: Path, *, save_model: bool = False, **settings: Any) -> None:  # noqa: ANN401
    """Train a tiny GPT-2 by heart on 16 random rows: its evaluation loss soon rises."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel, Trainer
    from transformers import TrainingArguments as Arguments

    from tunewell.train.quiet import quiet

    with quiet(1):
        torch.manual_seed(0)
        train, judged = torch.randint(0, 50, (16, 8)), torch.randint(0, 50, (32, 8))
        config = GPT2Config(vocab_size=50, n_embd=32, n_layer=1, n_head=2, n_positions=8)
        trainer = Trainer(
            model=GPT2LMHeadModel(config),
            args=Arguments(
                output_dir=str(out),
                use_cpu=True,
                report_to="none",
                disable_tqdm=True,
                dataloader_pin_memory=False,
                learning_rate=1e-2,
                max_steps=40,
                logging_steps=4,
                eval_strategy="steps",
                eval_steps=4,
                save_steps=4,
                save_only_model=True,
                **settings,
            ),
            train_dataset=[{"input_ids": row, "labels": row} for row in train],
            eval_dataset=[{"input_ids": row, "labels": row} for row in judged],
        )
        trainer.train()
        trainer.save_state()
        if save_model:
            trainer.save_model()


def said(out: Path) -> tuple[Finding, ...]:
    """What the check says of an output folder."""
    return tuple(run_check(wrong_checkpoint_kept, (read_trace(out),)).findings)


def test_no_best_model_was_chosen(tmp_path: Path) -> None:
    """Then the last is kept, although a better one is on disk."""
    overfit(tmp_path)
    trace = read_trace(tmp_path)
    assert trace.kept_step == 40
    (finding,) = said(tmp_path)
    low = trace.column("eval_loss")
    best = int(low.steps[low.values.argmin()])
    assert f"checkpoint-{best} is still on disk" in finding.message


def test_the_best_checkpoint_was_deleted(tmp_path: Path) -> None:
    """The state names it, later ones are there, it is not."""
    overfit(tmp_path, metric_for_best_model="loss")
    trace = read_trace(tmp_path)
    assert trace.best_step in trace.saved_steps
    assert trace.metric_for_best == "eval_loss"
    assert trace.kept_step is None, "nothing tells whether the best was loaded"
    assert not said(tmp_path)
    shutil.rmtree(tmp_path / f"checkpoint-{trace.best_step}")
    assert read_trace(tmp_path).kept_step == 40
    (finding,) = said(tmp_path)
    assert "its checkpoint is not on disk" in finding.message


@pytest.mark.parametrize("loads", [True, False])
def test_saved_weights_tell_where_they_come_from(tmp_path: Path, *, loads: bool) -> None:
    """The model beside the checkpoints equals the best one where it was loaded, else the last."""
    overfit(
        tmp_path, save_model=True, load_best_model_at_end=loads, metric_for_best_model="eval_loss"
    )
    trace = read_trace(tmp_path)
    assert trace.best_step is not None
    assert trace.best_step < 40
    assert trace.kept_step == (trace.best_step if loads else 40)
    assert bool(said(tmp_path)) is not loads


def test_a_loaded_best_model_is_not_called_deleted(tmp_path: Path) -> None:
    """It was saved beside the checkpoints, and its own folder removed to save space."""
    overfit(tmp_path, save_model=True, load_best_model_at_end=True)
    shutil.rmtree(tmp_path / f"checkpoint-{read_trace(tmp_path).best_step}")
    assert read_trace(tmp_path).kept_step is None
    assert not said(tmp_path)
