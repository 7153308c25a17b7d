"""Fine-tune an encoder to classify text, by a recipe, on transformers' Trainer."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tunewell.core.errors import InputError, SettingsError, UserError
from tunewell.core.progress import Progress, Silent
from tunewell.facts.recipe import steps_per_epoch
from tunewell.readers.logs import read_run
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.evaluation import Evaluation
from tunewell.subjects.model_state import ModelState
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.trace import Trace
from tunewell.train.holdout import hold_out
from tunewell.train.quiet import quiet, require_training_extra

if TYPE_CHECKING:
    from tunewell.train.guard.guard import Guard

METRICS = ("eval_loss", "eval_accuracy", "eval_f1")
SILENT = Silent()
LOGS = 100
"""Points of the loss curve: enough to see its shape, too few to cost time."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainResult:
    """One finished training.

    `evaluation` and `test` are the kept model's predictions, None where there is no such split.
    `folder` holds `events.jsonl` and, if it was asked for, `model/`.
    """

    evaluation: Evaluation | None
    test: Evaluation | None
    trace: Trace
    model_state: ModelState | None
    folder: Path
    seconds: float


def fit(  # noqa: PLR0913  what is trained, where, and how it is told
    recipe: Recipe,
    dataset: Dataset,
    *,
    folder: Path,
    progress: Progress = SILENT,
    threads: int | None = None,
    keep_model: bool = True,
    guard: Guard | None = None,
    resume: bool = False,
    prediction: Path | None = None,
) -> TrainResult:
    """Fine-tune `recipe.model`, a folder, on `dataset` and judge the model that is kept.

    Where the evaluation split is missing, 15 % of the training rows are held out by seed 0. The
    same seed gives the same row order and the same initial head whatever the other settings.
    Rows without a label are left out, and `progress` says so.

    Under a `guard` the run recovers as that was asked to, and snapshots are written from which
    `resume`, with a guard again, goes on after it was killed; they are removed when it has ended.
    `prediction` is the file of a plan that the run is held against, beside which it adds what it
    measured.

    Raises:
        InputError: if the model folder or the labels cannot be used.
        SettingsError: if a setting of the recipe cannot be obeyed here.
        MissingExtraError: if torch or transformers is not installed.
    """
    require_training_extra()
    _require_possible(recipe)
    if resume and guard is None:
        message = "only a guarded run leaves snapshots to resume from: give a guard"
        raise SettingsError(message)
    settings: dict[str, Any] = {}
    if dataset.evaluation is None:
        dataset = hold_out(dataset)
        settings["evaluation"] = "15 % of the training rows, held out by seed 0"
    dataset = _labelled(dataset, progress)
    names = _label_names(dataset, Path(str(recipe.model)))
    started = time.perf_counter()
    folder.mkdir(parents=True, exist_ok=True)
    with quiet(threads):
        evaluation, test = _train(
            recipe,
            dataset,
            names,
            folder,
            progress,
            {**settings, "keep_model": keep_model},
            guard=guard,
            resume=resume,
            prediction=prediction,
        )
    try:
        trace, state = read_run(folder)
    except InputError:
        # The watcher never stops a run, so what it could not write is missed only here.
        message = f"{folder}: the run could not be recorded there; is the disk full?"
        raise UserError(message) from None
    seconds = time.perf_counter() - started
    return TrainResult(evaluation, test, trace, state, folder, seconds)


def _train(  # noqa: PLR0913, PLR0915  the parts of one training, in order
    recipe: Recipe,
    dataset: Dataset,
    names: Sequence[str],
    folder: Path,
    progress: Progress,
    settings: Mapping[str, Any],
    *,
    guard: Guard | None,
    resume: bool,
    prediction: Path | None,
) -> tuple[Evaluation | None, Evaluation | None]:
    from tunewell.train.inference import classify, evaluation_of  # noqa: PLC0415  needs torch
    from tunewell.train.keeper import Keeper  # noqa: PLC0415  needs torch
    from tunewell.train.model import (  # noqa: PLC0415  needs torch
        encode,
        load_classifier,
        load_tokenizer,
        token_limit,
    )
    from tunewell.train.rows import Pad, Rows, SeededOrder  # noqa: PLC0415  needs torch
    from tunewell.train.supervised import make_trainer  # noqa: PLC0415  needs torch
    from tunewell.train.watch import Watch  # noqa: PLC0415  needs torch

    source = Path(str(recipe.model))
    model = load_classifier(source, names, seed=recipe.seed, dropout=recipe.dropout)
    tokenizer = load_tokenizer(source)
    limit = token_limit(tokenizer, model.config)
    length = min(recipe.max_length or limit, limit)
    ids = {name: number for number, name in enumerate(names)}

    def rows(split: Split, order: Sequence[int]) -> Rows:
        tokens = encode(tokenizer, [split.texts[row] for row in order], length)
        return Rows(tokens, [ids[str(split.labels[row])] for row in order])

    train, judged = dataset.train, dataset.evaluation
    counts = np.bincount([ids[str(label)] for label in train.labels], minlength=len(names))
    # Rows of like length are evaluated together: less padding, same predictions.
    order = sorted(range(len(judged)), key=lambda row: len(judged.texts[row])) if judged else []
    per_epoch = steps_per_epoch(recipe, len(train))
    steps = (
        recipe.max_steps if recipe.max_steps > 0 else math.ceil(recipe.num_train_epochs * per_epoch)
    )
    metric = recipe.metric_for_best_model
    metric = metric if metric.startswith("eval_") else f"eval_{metric}"
    greater = recipe.greater_is_better
    keeper = Keeper(
        steps_per_epoch=per_epoch,
        evals_per_epoch=recipe.evals_per_epoch,
        metric=metric,
        greater_is_better=metric != "eval_loss" if greater is None else greater,
        patience=recipe.early_stopping_patience,
        load_best=recipe.load_best_model_at_end,
        keep_best=guard is not None and guard.overfitting is not None,
        progress=progress,
    )
    watch = Watch(
        folder,
        announce=None,
        settings={**_as_settings(recipe), **settings, "metric_for_best_model": metric},
        prediction=prediction,
    )
    trainer = make_trainer(
        recipe,
        model=model,
        train=rows(train, range(len(train))),
        judged=rows(judged, order) if judged else None,
        order=SeededOrder(train.texts, recipe.seed),
        collate=Pad(tokenizer.pad_token_id or 0, left=tokenizer.padding_side == "left"),
        class_counts=counts,
        steps=steps,
        log_every=max(1, steps // LOGS),
        folder=folder,
        keeper=keeper,
        watch=watch,
    )
    progress.begin(f"training, seed {recipe.seed}", steps)
    try:
        if guard is None:
            trainer.train()
        else:
            mark = _mark(recipe, train)
            _train_guarded(trainer, guard, folder, mark=mark, keeper=keeper, resume=resume)
    except BaseException as error:
        watch.close(reason=type(error).__name__)
        raise
    finally:
        progress.end()
    watch.close(kept_step=keeper.kept_step)
    evaluation = None
    if judged is not None and keeper.best_scores is not None:
        logits = np.empty_like(keeper.best_scores)
        logits[order] = keeper.best_scores
        evaluation = evaluation_of(judged, names, logits, counts)
    test = None
    if dataset.test is not None:
        tokens = encode(tokenizer, dataset.test.texts, length)
        logits = classify(model, tokens, trainer.data_collator, precision=recipe.precision)
        test = evaluation_of(dataset.test, names, logits, counts)
    if settings.get("keep_model"):
        model.float().save_pretrained(str(folder / "model"))
        tokenizer.save_pretrained(str(folder / "model"))
    return evaluation, test


def _train_guarded(
    trainer: Any,  # noqa: ANN401  transformers has no types
    guard: Guard,
    folder: Path,
    *,
    mark: Mapping[str, Any],
    keeper: Any,  # noqa: ANN401  needs torch
    resume: bool,
) -> None:
    """Train under the guard, with snapshots on disk.

    Raises:
        UserError: if memory does not suffice whatever the guard does.
    """
    from tunewell.train.guard.memory import is_out_of_memory  # noqa: PLC0415  needs torch
    from tunewell.train.snapshots import (  # noqa: PLC0415  needs torch
        Snapshots,
        load_keeper,
        remove_snapshots,
        snapshot_to_resume,
    )

    named: dict[str, Any] = {}
    if resume:
        snapshot = snapshot_to_resume(folder, mark)
        load_keeper(snapshot, keeper)
        named["resume_from_checkpoint"] = str(snapshot)
    else:
        remove_snapshots(folder)
    trainer.add_callback(Snapshots(mark, keeper, every=guard.snapshot_seconds))
    try:
        guard.train(trainer, **named)
    except Exception as error:
        if not guard.out_of_memory or not is_out_of_memory(error):
            raise
        message = guard.interventions[-1].text if guard.interventions else str(error)
        raise UserError(message) from error
    remove_snapshots(folder)


def _mark(recipe: Recipe, train: Split) -> dict[str, Any]:
    """What must be the same in a run that is taken up again: settings, rows, their order."""
    rows = hashlib.blake2b(digest_size=16)
    for text, label in zip(train.texts, train.labels, strict=True):
        rows.update(f"{len(text)}\0{text}\0{label}\0".encode(errors="replace"))
    settings = {
        name: value
        for name, value in _as_settings(recipe).items()
        if isinstance(value, bool | int | float | str | None)
    }
    return {**settings, "training rows": rows.hexdigest()}


def _require_possible(recipe: Recipe) -> None:
    if not recipe.model:
        message = "no model is set: name a model folder as model in [recipe]"
        raise SettingsError(message)
    if recipe.method != "full":
        message = f'method {recipe.method!r} is not built yet; train with method = "full"'
        raise SettingsError(message)
    if recipe.precision not in ("fp32", "bf16"):
        message = f'precision {recipe.precision!r} is not built yet; use "fp32" or "bf16"'
        raise SettingsError(message)
    metric = recipe.metric_for_best_model.removeprefix("eval_")
    if f"eval_{metric}" not in METRICS:
        message = f"metric_for_best_model {metric!r} is not one of {', '.join(METRICS)}"
        raise SettingsError(message)


def _labelled(dataset: Dataset, progress: Progress) -> Dataset:
    """The data set without unlabelled rows."""

    def labelled(split: Split) -> Split:
        keep = [row for row, label in enumerate(split.labels) if label is not None]
        if len(keep) == len(split):
            return split
        progress.note(f"{len(split) - len(keep):,} rows of {split.name} have no label: left out")
        return dataclasses.replace(
            split,
            texts=[split.texts[row] for row in keep],
            labels=[split.labels[row] for row in keep],
            lines=[split.lines[row] for row in keep],
        )

    return Dataset(
        train=labelled(dataset.train),
        evaluation=dataset.evaluation and labelled(dataset.evaluation),
        test=dataset.test and labelled(dataset.test),
    )


def _label_names(dataset: Dataset, model: Path) -> tuple[str, ...]:
    """Names in id order: those of the model's head if they are the same, sorted otherwise.

    Raises:
        InputError: if there are fewer than 2, or another split has a label that training lacks.
    """
    from tunewell.train.model import load_config  # noqa: PLC0415  needs transformers

    names = dataset.label_names
    if len(names) < 2:  # noqa: PLR2004  a classifier tells at least two classes apart
        message = (
            f"{dataset.train.source.path}: training needs rows of at least 2 classes, "
            f"this has {len(names)}"
        )
        raise InputError(message)
    known = set(names)
    for split in dataset.splits[1:]:
        if not len(split):
            message = f"{split.source.path}: the {split.name} split has no labelled row"
            raise InputError(message)
        for row, label in enumerate(split.labels):
            if label not in known:
                message = (
                    f"{split.source.path}, line {split.lines[row]}: label {label!r} never occurs "
                    f"in training; drop the row or add training rows of {label!r}"
                )
                raise InputError(message)
    held = load_config(model).id2label or {}
    head = tuple(str(held[number]) for number in sorted(held))
    return head if set(head) == known and len(head) == len(known) else names


def _as_settings(recipe: Recipe) -> dict[str, Any]:
    skipped = ("given", "file", "lines")
    return {
        field.name: getattr(recipe, field.name)
        for field in dataclasses.fields(recipe)
        if field.name not in skipped
    }
