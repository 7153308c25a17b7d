"""Names of other tools' metrics."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunewell.readers.logs.names import renamed, step_name, trace_name, trace_names

ALONE = {
    # Hugging Face's integrations
    "train/loss": "loss",
    "train/grad_norm": "grad_norm",
    "train/learning_rate": "learning_rate",
    "train/epoch": "epoch",
    "train/train_loss": "train_loss",
    "train/train_runtime": "train_runtime",
    "train/rewards/margins": "rewards/margins",
    "train/completions/mean_length": "completions/mean_length",
    "eval/loss": "eval_loss",
    "eval/general_loss": "eval_general_loss",
    "eval/rewards/margins": "eval_rewards/margins",
    "eval/runtime": "eval_runtime",
    "test/accuracy": "test_accuracy",
    # the Trainer's own
    "loss": "loss",
    "eval_loss": "eval_loss",
    "eval_accuracy": "eval_accuracy",
    "train_runtime": "train_runtime",
    "train_samples_per_second": "train_samples_per_second",
    "rewards/chosen": "rewards/chosen",
    # Lightning
    "train_loss": "loss",
    "train_loss_step": "loss",
    "train_loss_epoch": "loss",
    "train/loss_step": "loss",
    "train_acc": "accuracy",
    "val_loss": "eval_loss",
    "val_acc": "eval_accuracy",
    "val_loss_epoch": "eval_loss",
    "val_loss_step": "eval_loss_step",
    "val_loss/dataloader_idx_1": "eval_dataloader_idx_1_loss",
    "lr-AdamW": "learning_rate",
    "lr-AdamW/pg1": "lr-AdamW/pg1",
    "lr-AdamW-momentum": "lr-AdamW-momentum",
    "grad_2.0_norm_total": "grad_norm",
    # Keras
    "val_accuracy": "eval_accuracy",
    "epoch_loss": "loss",
    "batch_loss": "loss",
    "validation/epoch_loss": "eval_loss",
    "evaluation_loss_vs_iterations": "evaluation_loss_vs_iterations",
    # torchtune, LLaMA-Factory, Megatron, NeMo, hand-written
    "lr": "learning_rate",
    "train/lr": "learning_rate",
    "lm loss": "loss",
    "lm loss validation": "eval_loss",
    "lm loss vs samples": "lm loss vs samples",
    "grad-norm": "grad_norm",
    "reduced_train_loss": "loss",
    "validation/loss": "eval_loss",
    "Loss/train": "loss",
    "Loss/val": "eval_loss",
    "Accuracy/test": "test_accuracy",
    "Train/Loss": "loss",
    # what is not touched
    "valid_tokens": "valid_tokens",
    "train_tokens": "train_tokens",
    "training_step_time": "training_step_time",
    "critic/rewards/mean": "critic/rewards/mean",
    "MRR": "MRR",
    "train/": "train/",
    "": "",
}


@pytest.mark.parametrize("name", ALONE)
def test_alone(name: str) -> None:
    """Seen without others."""
    assert trace_name(name) == ALONE[name]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        # The Trainer's own name comes first, and its mean over the run is no loss of a step.
        ({"loss", "train/loss"}, {"loss": "loss", "train/loss": "train/loss"}),
        ({"train_loss", "train_runtime"}, {"train_loss": "train_loss"}),
        ({"train/loss", "train/train_loss"}, {"train/loss": "loss"}),
        (
            {"loss", "train_loss", "train/train_loss"},
            {"train_loss": "train_loss", "train/train_loss": "train/train_loss"},
        ),
        # A value for each step before a mean over an epoch.
        (
            {"train_loss_step", "train_loss_epoch"},
            {"train_loss_step": "loss", "train_loss_epoch": "train_loss_epoch"},
        ),
        (
            {"val_loss_step", "val_loss_epoch"},
            {"val_loss_step": "eval_loss_step", "val_loss_epoch": "eval_loss"},
        ),
        ({"epoch_loss", "batch_loss"}, {"epoch_loss": "epoch_loss", "batch_loss": "loss"}),
        # Two optimizers.
        ({"lr-Adam", "lr-SGD"}, {"lr-Adam": "lr-Adam", "lr-SGD": "lr-SGD"}),
        ({"val_loss", "valid_loss"}, {"val_loss": "val_loss", "valid_loss": "valid_loss"}),
    ],
)
def test_in_company(names: set[str], expected: dict[str, str]) -> None:
    """What else is in the log decides."""
    told = trace_names(names)
    assert {name: told[name] for name in expected} == expected


@given(st.lists(st.sampled_from(sorted(ALONE)) | st.text(max_size=12)))
def test_nothing_is_dropped_or_merged(names: list[str]) -> None:
    """As many columns come out as go in, in whatever company; translating twice changes nothing."""
    told = trace_names(names)
    assert set(told) == set(names)
    assert len(set(told.values())) == len(told)
    assert len(renamed(dict.fromkeys(names, 0), told)) == len(set(names))


def test_the_optimizer_step() -> None:
    """It goes before the count of log calls."""
    assert step_name({"_step", "train/global_step", "loss"}) == "train/global_step"
    assert step_name(["_step", "trainer/global_step"]) == "trainer/global_step"
    assert step_name({"_step", "loss"}) == "_step"
    assert step_name({"loss"}) is None
