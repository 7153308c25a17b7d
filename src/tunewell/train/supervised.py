"""transformers' Trainer, with the loss, the row order and the callbacks of a recipe."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional
from transformers import PrinterCallback, ProgressCallback, Trainer, TrainingArguments

from tunewell.subjects.recipe import Recipe
from tunewell.train.keeper import Keeper
from tunewell.train.rows import Pad, Rows, SeededOrder

EVALUATION_BATCH = 64


class SupervisedTrainer(Trainer):  # type: ignore[misc]  # transformers has no types
    """Learns from weighted, smoothed or focal cross-entropy and is judged by the plain one.

    So the evaluation losses of two recipes can be compared whatever they train on.
    """

    order: SeededOrder
    weights: torch.Tensor | None
    smoothing: float
    focal_gamma: float

    def compute_loss(
        self,
        model: Any,  # noqa: ANN401
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,  # noqa: ANN401, ARG002
    ) -> Any:  # noqa: ANN401
        """The loss of one batch, a mean over its rows."""
        outputs = model(**inputs)
        loss = outputs.loss
        if model.training and (self.weights is not None or self.smoothing or self.focal_gamma):
            loss = training_loss(
                outputs.logits.float(),
                inputs["labels"],
                weights=self.weights,
                smoothing=self.smoothing,
                focal_gamma=self.focal_gamma,
            )
        return (loss, outputs) if return_outputs else loss

    def row_weights(self, batch: dict[str, Any]) -> torch.Tensor:
        """What each row counts in the training loss of its batch, shape (rows,)."""
        labels: torch.Tensor = batch["labels"]
        if self.weights is None:
            return torch.ones(len(labels))
        return self.weights.to(labels.device)[labels]

    def _get_train_sampler(self, train_dataset: Any = None) -> SeededOrder:  # noqa: ANN401, ARG002
        return self.order


def training_loss(
    logits: torch.Tensor,
    labels: torch.Tensor,
    *,
    weights: torch.Tensor | None,
    smoothing: float,
    focal_gamma: float,
) -> torch.Tensor:
    """Cross-entropy of logits (rows, classes) and labels (rows,), a mean over the rows.

    With `focal_gamma` above 0 each row counts by (1 - p)^gamma, where p is the probability of its
    own class, so that rows which are right already count less (Lin et al. 2017). `weights`, one a
    class, are normalised over the batch as PyTorch does.
    """
    if not focal_gamma:
        return functional.cross_entropy(logits, labels, weight=weights, label_smoothing=smoothing)
    each = functional.cross_entropy(
        logits, labels, weight=weights, label_smoothing=smoothing, reduction="none"
    )
    own = logits.detach().softmax(dim=-1).gather(1, labels.unsqueeze(1)).squeeze(1)
    scale = torch.ones_like(each) if weights is None else weights[labels]
    return ((1 - own) ** focal_gamma * each).sum() / scale.sum()


def make_trainer(  # noqa: PLR0913  the parts of one training
    recipe: Recipe,
    *,
    model: Any,  # noqa: ANN401
    train: Rows,
    judged: Rows | None,
    order: SeededOrder,
    collate: Pad,
    class_counts: NDArray[np.int64],
    steps: int,
    log_every: int,
    folder: Path,
    keeper: Keeper,
    watch: Any,  # noqa: ANN401
) -> SupervisedTrainer:
    """The trainer of a recipe, ready to run `steps` optimizer steps."""
    arguments = TrainingArguments(
        output_dir=str(folder),
        learning_rate=recipe.learning_rate,
        max_steps=steps,
        per_device_train_batch_size=recipe.per_device_train_batch_size,
        per_device_eval_batch_size=EVALUATION_BATCH,
        gradient_accumulation_steps=recipe.gradient_accumulation_steps,
        weight_decay=recipe.weight_decay,
        warmup_steps=math.ceil(recipe.warmup_ratio * steps),
        lr_scheduler_type=recipe.lr_scheduler_type,
        max_grad_norm=recipe.max_grad_norm,
        bf16=recipe.precision == "bf16",
        use_cpu=not (torch.cuda.is_available() or torch.backends.mps.is_available()),
        seed=recipe.seed,
        logging_steps=log_every,
        logging_first_step=True,
        save_strategy="no",
        save_total_limit=2,
        eval_strategy="no",
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )

    def score(prediction: Any) -> dict[str, float]:  # noqa: ANN401
        logits, given = prediction.predictions, prediction.label_ids
        keeper.scores = logits.astype(np.float32)
        return scores(given, logits.argmax(axis=1), len(class_counts))

    trainer = SupervisedTrainer(
        model=model,
        args=arguments,
        train_dataset=train,
        eval_dataset=judged,
        data_collator=collate,
        compute_metrics=score,
        callbacks=[keeper, watch],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.remove_callback(ProgressCallback)
    # The loss here is a mean over rows, so accumulated batches must be averaged by the Trainer.
    trainer.model_accepts_loss_kwargs = False
    trainer.order = order
    trainer.smoothing = recipe.label_smoothing
    trainer.focal_gamma = recipe.focal_gamma
    trainer.weights = None
    if recipe.class_weights == "balanced":
        balanced = class_counts.sum() / (len(class_counts) * np.maximum(class_counts, 1))
        trainer.weights = torch.tensor(balanced, dtype=torch.float32, device=arguments.device)
    return trainer


def scores(
    given: NDArray[np.int64], predicted: NDArray[np.int64], classes: int
) -> dict[str, float]:
    """Accuracy and macro-F1 over the classes that are given or predicted."""
    cells = np.bincount(given * classes + predicted, minlength=classes**2).reshape(classes, classes)
    hits, both = np.diag(cells), cells.sum(axis=0) + cells.sum(axis=1)
    occurs = both > 0
    return {
        "accuracy": float(hits.sum() / max(len(given), 1)),
        "f1": float(np.mean(2 * hits[occurs] / both[occurs])),
    }
