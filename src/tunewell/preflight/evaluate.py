"""The trainer's own evaluation over a few rows of a copy, before an epoch is paid for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from tunewell.core.check import NotRunError
from tunewell.preflight.generate import generated, shorten
from tunewell.preflight.metric import MetricWitness
from tunewell.preflight.raised import INSTALLED, raised
from tunewell.preflight.shadow import shadow, subset
from tunewell.preflight.stage import Probe, Stage
from tunewell.preflight.stand_in import able
from tunewell.preflight.step import enough
from tunewell.preflight.trial import RAISES, align, shapes
from tunewell.subjects.first_step import Raised
from tunewell.subjects.rehearsed_evaluation import Judged, RehearsedEvaluation

MOST_ROWS = 32
FEW_ROWS = 4
"""Rows where the model gives a number for each word of a large vocabulary: 4 rows of 1,024 tokens
and 150,000 words are 2.5 GB."""

LARGE_VOCABULARY = 5_000
MOST_CLASSES = 16
LARGEST_SIZE = 8
"""Rows whose loss is taken one at a time and all together."""

SIZED = frozenset({"causal", "seq2seq"})
"""Tasks whose loss is a mean over the tokens of a batch, without anything drawn at random."""

SAME = 1e-5
"""Two passes over the same rows agree to this share, or something is random."""

BY_WORD = frozenset({"causal", "masked", "seq2seq", "preference", "unpaired", "other"})


def rehearse_evaluation(stage: Stage) -> RehearsedEvaluation:
    """Evaluate a copy on a few rows with the trainer's own evaluation and metric function.

    Raises:
        NotRunError: if there is nothing to evaluate, or no sample can be evaluated.
    """
    require_evaluation(stage)
    acting, _ = able(stage)
    trainer, chosen = acting.trainer, stage.evaluation
    assert chosen is not None  # noqa: S101  as required above
    # Without a way back a row costs a third of what it costs to train.
    rows = sorted(_rows(acting)[: 3 * len(enough(acting, MOST_ROWS))])
    size = min(MOST_ROWS, max(1, trainer.args.eval_batch_size))
    with shadow(
        trainer,
        acting.train.rows[:1],
        dataset=acting.train.dataset,
        per_device_eval_batch_size=size,
        skip_memory_metrics=True,
    ) as twin:
        align(twin)
        twin.eval_dataset = subset(chosen.dataset, rows)
        # An evaluator of embeddings may take minutes over a collection of its own.
        complete = getattr(twin, "evaluator", None) is None
        twin.evaluator = None
        writes = bool(getattr(twin.args, "predict_with_generate", False))
        if writes:
            shorten(twin, chosen.dataset, rows)
        look = _Look(
            twin,
            trainer.model,
            total=chosen.total,
            generates=writes,
            causal=stage.task == "causal",
        )
        metrics = look.run(twin)
        made = None
        repeat = None
        by_size: dict[int, float] = {}
        if look.raised is None:
            object.__setattr__(twin.args, "predict_with_generate", False)
            repeat = _repeat(twin)
            made = generated(acting, twin, rows) if writes else None
            by_size = _by_size(twin, rows) if stage.task in SIZED else {}
    names = _names(trainer)
    return RehearsedEvaluation(
        task=stage.task,
        trainer=type(trainer).__name__,
        rows=tuple(rows),
        total=chosen.total,
        batch_size=size,
        label_names=tuple(trainer.label_names),
        inputs=look.inputs,
        outputs=look.outputs,
        losses=tuple(look.losses),
        labelled=look.labelled,
        has_metrics=trainer.compute_metrics is not None,
        judged=look.judged,
        metrics=None
        if metrics is None or look.stopped or not complete
        else _with_names(metrics, names),
        wanted=trainer.args.metric_for_best_model or "",
        repeat_difference=repeat,
        by_size=by_size,
        sized=min(len(rows), LARGEST_SIZE),
        precision=str(next(stage.core.parameters()).dtype).removeprefix("torch."),
        generated=made,
        raised=look.raised,
        names=names,
    )


PROBE = Probe(gives=RehearsedEvaluation, run=rehearse_evaluation)


def require_evaluation(stage: Stage) -> None:
    """Check that a sample of the evaluation set can be evaluated.

    Raises:
        NotRunError: if not.
    """
    kind = type(stage.trainer)
    if stage.evaluation is None:
        message = "the trainer has no evaluation set, or one that can be walked through only once"
        raise NotRunError(message)
    if stage.task == "prompt":
        message = "the evaluation of this trainer begins by generating text"
        raise NotRunError(message)
    if RAISES in stage.facts:
        message = f"a training step raises {stage.facts[RAISES]}"
        raise NotRunError(message)
    for name in ("evaluate", "evaluation_loop"):
        if not getattr(kind, name).__code__.co_filename.startswith(INSTALLED):
            message = f"{kind.__name__}.{name} is its author's own, and may need every row"
            raise NotRunError(message)


class _Look:
    """Runs the evaluation and keeps what passes by."""

    def __init__(
        self, twin: Any, model: Any, *, total: int | None, generates: bool, causal: bool
    ) -> None:
        self.inputs: tuple[str, ...] = ()
        self.outputs: tuple[str, ...] = ()
        self.losses: list[float | None] = []
        self.labelled = 0
        self.raised: Raised | None = None
        self.stopped = False
        self._metric: MetricWitness | None = None
        self.step = twin.prediction_step
        if twin.compute_metrics is not None:
            self._metric = MetricWitness(
                twin, model, total=total, generates=generates, causal=causal
            )
            twin.compute_metrics = self._metric
        twin.prediction_step = self._predicted

    @property
    def judged(self) -> Judged | None:
        """What the metric function got and gave."""
        return self._metric.judged if self._metric is not None else None

    def run(self, twin: Any) -> tuple[str, ...] | None:
        """Names of all metrics; None where the evaluation raised."""
        handle = twin.model.register_forward_hook(self._answered)
        try:
            metrics = twin.evaluate()
        except Exception as error:  # noqa: BLE001  the user's own code; what it raises is the finding
            self.raised = raised(error)
            return None
        finally:
            handle.remove()
            twin.prediction_step = self.step
        self.stopped = self.judged is not None and self.judged.raised is not None
        return tuple(metrics)

    def _predicted(self, model: Any, inputs: Any, *given: Any, **named: Any) -> Any:
        self.inputs = (
            tuple(inputs) if isinstance(inputs, Mapping) or hasattr(inputs, "keys") else ()
        )
        if self._metric is not None and not _labels_are_inputs(inputs):
            self._metric.causal = False
        loss, logits, labels = self.step(model, inputs, *given, **named)
        self.losses.append(None if loss is None else float(loss.detach().float().mean()))
        self.labelled += loss is not None or labels is not None
        return loss, logits, labels

    def _answered(self, module: Any, given: Any, answer: Any) -> None:  # noqa: ARG002  torch's hook
        if hasattr(answer, "keys"):
            self.outputs = tuple(str(name) for name in answer if name != "loss")
        elif isinstance(answer, tuple):
            self.outputs = tuple(shapes(answer))


def _rows(stage: Stage) -> list[int]:
    chosen = stage.evaluation
    assert chosen is not None  # noqa: S101  as required by the caller
    vocabulary = getattr(getattr(stage.core, "config", None), "vocab_size", 0) or 0
    writes = getattr(stage.trainer.args, "predict_with_generate", False)
    if stage.task in BY_WORD and vocabulary > LARGE_VOCABULARY and not writes:
        return sorted(chosen.rows, key=lambda row: _size(chosen.dataset[row]))[:FEW_ROWS]
    if len(chosen.dataset) <= MOST_ROWS:
        return list(range(len(chosen.dataset)))
    # A row of each class: a metric function may need every class to be there.
    rows = [*_a_row_of_each_class(stage), *chosen.rows[::-1]]
    return list(dict.fromkeys(rows))[:MOST_ROWS]


def _size(example: Any) -> int:
    ids = example.get("input_ids") if isinstance(example, Mapping) else None
    return len(ids) if ids is not None and hasattr(ids, "__len__") else 0


def _a_row_of_each_class(stage: Stage) -> list[int]:
    dataset = stage.evaluation.dataset if stage.evaluation is not None else None
    names = getattr(dataset, "column_names", None) or ()
    column = next((name for name in ("labels", "label") if name in names), None)
    if dataset is None or column is None or stage.task != "sequence":
        return []
    first: dict[Any, int] = {}
    for row, value in enumerate(dataset.with_format(None)[column]):
        if not isinstance(value, list):
            first.setdefault(value, row)
    return list(first.values())[:MOST_CLASSES]


def _names(trainer: Any) -> tuple[str, ...]:
    judged = trainer.eval_dataset
    return tuple(map(str, judged)) if isinstance(judged, dict) else ()


def _with_names(metrics: tuple[str, ...], names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        return metrics
    plain = [metric.removeprefix("eval_") for metric in metrics]
    return tuple(f"eval_{name}_{metric}" for name in names for metric in plain)


def _labels_are_inputs(inputs: Any) -> bool:
    """Whether each label that counts is the token at the same place, so that the model shifts."""
    if "labels" not in inputs or "input_ids" not in inputs:
        return False
    asked, labels = inputs["input_ids"], inputs["labels"]
    if not isinstance(labels, torch.Tensor) or asked.shape != labels.shape:
        return False
    counts = labels != -100  # noqa: PLR2004  what the loss leaves out
    return bool((asked[counts] == labels[counts]).all())


def _by_size(twin: Any, rows: Sequence[int]) -> dict[int, float]:
    """The mean loss of the same rows one at a time and together; empty where it is not steady."""
    count = min(len(rows), LARGEST_SIZE)
    if count < 2:  # noqa: PLR2004  one row is one batch
        return {}
    whole, metric = twin.eval_dataset, twin.compute_metrics
    size = twin.args.per_device_eval_batch_size
    twin.compute_metrics = None
    # Rows of every length: a sample may be sorted by it.
    twin.eval_dataset = subset(whole, np.linspace(0, len(rows) - 1, count).astype(int).tolist())
    try:
        one, again, together = (_loss(twin, batch) for batch in (1, 1, count))
    except Exception:  # noqa: BLE001  the user's own code: the evaluation itself was told of above
        return {}
    finally:
        object.__setattr__(twin.args, "per_device_eval_batch_size", size)
        twin.eval_dataset, twin.compute_metrics = whole, metric
    if one is None or again is None or together is None or abs(one - again) > SAME * abs(one):
        return {}
    return {1: one, count: together}


def _loss(twin: Any, size: int) -> float | None:
    object.__setattr__(twin.args, "per_device_eval_batch_size", size)
    found = twin.evaluation_loop(twin.get_eval_dataloader(), "", prediction_loss_only=True)
    loss = found.metrics.get("eval_loss")
    return float(loss) if loss is not None and math.isfinite(loss) else None


def _repeat(twin: Any) -> float | None:
    """The largest difference of two passes over one batch, relative to the largest output."""
    batch = next(iter(twin.get_eval_dataloader()))
    twin.model.eval()
    first, second = (_floats(twin.prediction_step(twin.model, dict(batch), False)) for _ in "ab")
    largest = None
    for one, other in zip(first, second, strict=False):
        if one.shape != other.shape or not one.size:
            continue
        scale = float(np.abs(one).max())
        difference = float(np.abs(one - other).max())
        if math.isfinite(scale) and math.isfinite(difference):
            largest = max(largest or 0.0, difference / max(scale, 1e-12))
    return largest


def _floats(value: Any) -> list[Any]:
    if isinstance(value, torch.Tensor):
        if not value.is_floating_point():
            return []
        return [value.detach().float().cpu().numpy().astype(np.float64)]
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, tuple | list):
        return [array for part in value for array in _floats(part)]
    return []
