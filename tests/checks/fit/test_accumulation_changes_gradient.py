"""FIT014 accumulation-changes-gradient, on real trainers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.preflight import tiny

from tunewell.checks.fit.accumulation_changes_gradient import accumulation_changes_gradient
from tunewell.core.finding import Severity
from tunewell.preflight.equivalences import measure
from tunewell.preflight.rehearse import stage_of
from tunewell.subjects.equivalences import Equivalences, Pair
from tunewell.testing import CheckCases, run_check
from tunewell.train.quiet import quiet

HALVED = {"gradient_accumulation_steps": 4, "per_device_train_batch_size": 2}


def measured(trainer: Any) -> Equivalences:  # noqa: ANN401
    with quiet(1):
        stage = stage_of(trainer)
        assert stage is not None
        return measure(stage)


def tokenised(kind: str) -> list[dict[str, Any]]:
    """Rows of very unequal length."""
    tokens = tiny.tokenizer()
    rows: list[dict[str, Any]] = []
    for number, text in enumerate(tiny.sentences(24, longest=40)):
        row = {"input_ids": tokens(text)["input_ids"]}
        row["attention_mask"] = [1] * len(row["input_ids"])
        row["labels"] = number % 3 if kind == "sequence" else list(row["input_ids"])
        rows.append(row)
    return rows


def language_model(out: Path, model: Any = None, trainer: Any = None, **settings: Any) -> Any:  # noqa: ANN401
    """A plain Trainer over language modelling."""
    from transformers import DataCollatorForTokenClassification, Trainer

    with quiet(1):
        return (trainer or Trainer)(
            tiny.causal() if model is None else model,
            args=tiny.arguments(out, **{**HALVED, **settings}),
            train_dataset=tiny.dataset(tokenised("causal")),
            data_collator=DataCollatorForTokenClassification(tiny.tokenizer()),
            processing_class=tiny.tokenizer(),
        )


def own_loss(out: Path) -> Any:  # noqa: ANN401
    """O07: a loss that takes the number of tokens and ignores it."""
    from torch.nn.functional import cross_entropy

    def averaged(outputs: Any, labels: Any, num_items_in_batch: Any = None) -> Any:  # noqa: ANN401, ARG001
        logits = outputs["logits"][:, :-1]
        return cross_entropy(logits.reshape(-1, logits.shape[-1]), labels[:, 1:].reshape(-1))

    trainer = language_model(out)
    trainer.compute_loss_func = averaged
    return trainer


def mean_of_means(out: Path) -> Any:  # noqa: ANN401
    """O06: a model that takes no number of tokens, so that each batch is averaged by itself."""
    trainer = language_model(out)
    trainer.model_accepts_loss_kwargs = False
    return trainer


def wrong_last_window(out: Path) -> Any:  # noqa: ANN401
    """O08: a step that divides by the configured number of batches."""
    from transformers import Trainer

    class Own(Trainer):
        def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> Any:  # noqa: ANN401, ARG002
            model.train()
            loss = self.compute_loss(model, self._prepare_inputs(inputs))
            loss = loss / self.args.gradient_accumulation_steps
            self.accelerator.backward(loss)
            return loss.detach()

    trainer = tiny.classifier(out, trainer=Own, rows=tokenised("sequence"), **HALVED)
    trainer.model_accepts_loss_kwargs = False
    return trainer


def classifier(out: Path, *, told: bool) -> Any:  # noqa: ANN401
    trainer = tiny.classifier(out, rows=tokenised("sequence"), **HALVED)
    trainer.model_accepts_loss_kwargs = not told
    return trainer


FAULTY: dict[str, tuple[Callable[[Path], Any], str, Severity]] = {
    "a compute_loss_func that ignores the number": (own_loss, "multiplied", Severity.ERROR),
    "a head of transformers that ignores it": (
        lambda out: classifier(out, told=False), "multiplied", Severity.WARNING,
    ),
    "a mean of means": (mean_of_means, "weighs more", Severity.WARNING),
    "a wrong last window": (wrong_last_window, "last step", Severity.WARNING),
}  # fmt: skip


@pytest.mark.reproduces("O06", "O07", "O08")
@pytest.mark.parametrize(("build", "said", "severity"), FAULTY.values(), ids=FAULTY)
def test_real_trainers_are_found(
    build: Callable[[Path], Any], said: str, severity: Severity, tmp_path: Path
) -> None:
    found = run_check(accumulation_changes_gradient, (measured(build(tmp_path)),)).findings
    assert [said in finding.message for finding in found] == [True]
    assert found[0].severity is severity


HEALTHY: dict[str, Callable[[Path], Any]] = {
    "SFT": lambda out: tiny.sft(out, **HALVED),
    "a language model": language_model,
    "a classifier whose loss is told to be a mean": lambda out: classifier(out, told=True),
    "SFT with LoRA and dropout": lambda out: tiny.sft(
        out, model=tiny.lora(tiny.causal(), lora_dropout=0.2), **HALVED
    ),
}


@pytest.mark.parametrize("build", HEALTHY.values(), ids=HEALTHY)
def test_healthy_trainers_agree(build: Callable[[Path], Any], tmp_path: Path) -> None:
    equivalences = measured(build(tmp_path))
    assert equivalences.whole.difference < 1e-3
    assert not run_check(accumulation_changes_gradient, (equivalences,)).findings


def pairs(
    difference: float, scale: float, *, short: tuple[float, float] = (0.0, 1.0), noise: float = 0
) -> tuple[Equivalences]:
    """Measured values made up."""
    return (
        Equivalences(
            whole=Pair(8, 2, 4, difference, scale),
            partial=Pair(6, 2, 4, *short),
            noise=noise,
            sums_itself=True,
            owner="Model",
            own_loss=False,
            by_token=True,
        ),
    )


class TestAccumulationChangesGradient(CheckCases):
    """Figures as they were measured."""

    check = accumulation_changes_gradient
    faulty = {
        "times four": pairs(3.0, 4.0),
        "by batch": pairs(0.21, 0.98),
        "the last window": pairs(0.0, 1.0, short=(0.25, 0.75)),
    }
    nearly = {
        "batches of nearly equal length": pairs(0.04, 1.0),
        "a collator that masks at random": pairs(0.9, 0.5, noise=1.0),
    }
    clean = {"rounding": pairs(1e-6, 1.0)}
