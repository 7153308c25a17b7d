"""What other tools call a metric, in the names of `Trace`: one home for all readers of logs.

A reader gathers its points under the names of its log. Once all of them are known it asks
`trace_names(names)` for the translation, and `renamed` applies it:

    names = trace_names(points.names)
    columns = renamed(points.columns(), names)
    superseded = renamed(points.superseded(), names)

A name is translated only where it can mean nothing else in this log. Two names never become one:
of several that could be `loss`, `loss` itself comes first, then `train/loss`, a value for each step
before a mean over an epoch; the others keep their own names. Where two stand equally near (two
optimizers' `lr-...`) both keep their names. Nothing is dropped.

`step_name(names)` says which of a row's values is the optimizer step: W&B counts calls of `log` in
`_step`, while Hugging Face's and Lightning's integrations log the optimizer step beside it.

What was translated from, by tool:

- Hugging Face's integrations write `train/`, `eval/` and `test/` before the names of the Trainer;
- Lightning users log `train_loss`, `val_loss`, `train/loss`; `on_step=True, on_epoch=True` makes
  `train_loss_step` and `train_loss_epoch` of them; several validation sets end in
  `/dataloader_idx_1`; `LearningRateMonitor` writes `lr-AdamW`, and `lr-AdamW/pg1` for each group;
- Keras: `val_loss`; its event files hold `epoch_loss`, `batch_loss`;
- torchtune and LLaMA-Factory: `lr`; Megatron and NeMo: `lm loss`, `grad-norm`, `learning-rate`,
  `reduced_train_loss`; hand-written loops: `Loss/train`, `Accuracy/val`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import TypeVar

Value = TypeVar("Value")

STEP_NAMES = (
    "train/global_step",
    "trainer/global_step",
    "training/global_step",
    "global_step",
    "current_steps",
    "step",
    "_step",
    "iteration",
    "iter",
)
"""What the optimizer step is called, the surest first."""

TIME_NAMES = ("_timestamp", "timestamp", "wall_time", "time")
"""What the time of logging is called, where it is in seconds since 1970."""

WORDS = {
    "acc": "accuracy",
    "lr": "learning_rate",
    "learning-rate": "learning_rate",
    "learning rate": "learning_rate",
    "lm loss": "loss",
    "reduced_train_loss": "loss",
    "grad-norm": "grad_norm",
    "gradient_norm": "grad_norm",
    "grad_norm_total": "grad_norm",
    "grad_2.0_norm_total": "grad_norm",
    "ppl": "perplexity",
}
"""Another word for the same thing, whatever stands before it."""

METRICS = frozenset(
    {"loss", "accuracy", "f1", "precision", "recall", "perplexity", "auc", "mae", "mse"}
    | {"learning_rate", "grad_norm", "epoch", *WORDS}
)
"""Names short enough to be told by themselves, so that `train_` or `Loss/` may be taken off."""

TRAINING = frozenset({"train", "training"})
EVALUATION = frozenset({"eval", "val", "valid", "validation", "dev", "evaluation"})
TEST = "test"

MEGATRON_EVALUATION = " validation"
DATA_LOADER = re.compile(r"(?P<name>.+)/(?P<set>dataloader_idx_\d+)$")
MONITORED_RATE = re.compile(r"lr-[A-Za-z0-9]+$")
"""Lightning's name for the rate of an optimizer with one group of parameters."""

FINAL = ("train_runtime", "train/train_runtime")
"""With one of these in a log `train_loss` is the Trainer's mean over the run, logged at the end."""


def step_name(names: Collection[str]) -> str | None:
    """Which of these holds the optimizer step, None where none does."""
    return next((name for name in STEP_NAMES if name in names), None)


def trace_names(names: Iterable[str]) -> dict[str, str]:
    """The `Trace` name of each metric of one log. No two get the same."""
    known = list(dict.fromkeys(names))
    final = any(name in FINAL for name in known)
    wanted: dict[str, list[tuple[int, str]]] = {}
    for name in known:
        new, rank = _reading(name, final=final)
        wanted.setdefault(new, []).append((rank, name))
    told: dict[str, str] = {}
    for new, candidates in wanted.items():
        ranks = Counter(rank for rank, _ in candidates)
        best = min(ranks)
        for rank, name in candidates:
            told[name] = new if rank == best and ranks[best] == 1 else name
    kept = {name for name, new in told.items() if name == new}
    while taken := [name for name, new in told.items() if name != new and new in kept]:
        # What lost above keeps a name that another one was to get.
        told |= {name: name for name in taken}
        kept.update(taken)
    return {name: told[name] for name in known}


def trace_name(name: str) -> str:
    """The `Trace` name of a metric that is seen alone. Whole logs are for `trace_names`."""
    return trace_names((name,))[name]


def renamed(columns: Mapping[str, Value], names: Mapping[str, str]) -> dict[str, Value]:
    """Columns under their new names; one that `names` does not know keeps its own."""
    return {names.get(name, name): column for name, column in columns.items()}


OWN, PREFIXED, WORD, EACH_STEP, BARE, EACH_EPOCH = range(6)
"""How near a name stands to the one it is read as, the nearest first."""


def _reading(name: str, *, final: bool) -> tuple[str, int]:
    """What a name is read as, and how near that is."""
    special = _special(name)
    if special is not None:
        return special
    side, rest, rank = _side(name)
    if side is None:
        new = _word(name)
        return new, OWN if new == name else WORD
    if side == TEST:
        return f"test_{_word(rest)}", rank
    if side in EVALUATION:
        return _of_evaluation(rest, rank)
    return (name, OWN) if final and rank == BARE else _of_training(rest, rank)


def _special(name: str) -> tuple[str, int] | None:
    """What only one tool writes so."""
    if MONITORED_RATE.match(name):
        return "learning_rate", WORD
    megatron = WORDS.get(name.removesuffix(MEGATRON_EVALUATION))
    if name.endswith(MEGATRON_EVALUATION) and megatron:
        return f"eval_{megatron}", WORD
    for told, rank in (("epoch_", EACH_EPOCH), ("batch_", EACH_STEP)):  # Keras
        if name.startswith(told) and name.removeprefix(told) in METRICS:
            return _word(name.removeprefix(told)), rank
    loader = DATA_LOADER.match(name)
    if loader is None:
        return None
    new, rank = _reading(loader["name"], final=False)
    if not new.startswith("eval_"):
        return name, OWN
    return f"eval_{loader['set']}_{new.removeprefix('eval_')}", rank


def _of_training(rest: str, rank: int) -> tuple[str, int]:
    for ending, taken in (("_step", EACH_STEP), ("_epoch", EACH_EPOCH)):  # Lightning
        if rest.endswith(ending) and _word(rest.removesuffix(ending)).lower() in METRICS:
            return _word(rest.removesuffix(ending)), taken
    return _word(rest), rank


def _of_evaluation(rest: str, rank: int) -> tuple[str, int]:
    if rest.startswith("epoch_") and rest.removeprefix("epoch_") in METRICS:  # Keras
        return f"eval_{_word(rest.removeprefix('epoch_'))}", EACH_EPOCH
    if rest.endswith("_step"):
        # A value for each batch of an evaluation, over steps of its own.
        return f"eval_{rest}", rank
    if rest.endswith("_epoch") and _word(rest.removesuffix("_epoch")).lower() in METRICS:
        return f"eval_{_word(rest.removesuffix('_epoch'))}", EACH_EPOCH
    return f"eval_{_word(rest)}", rank


def _side(name: str) -> tuple[str | None, str, int]:
    """Which data a metric is of, the rest of its name, and how near it stands.

    With a slash the side may come first or last; with an underscore it is told from the words, as
    `train_runtime` and `valid_tokens` are no metrics of a side.
    """
    first, slash, rest = name.partition("/")
    if slash and rest and (side := _known_side(first)):
        return side, rest, PREFIXED
    rest, slash, last = name.rpartition("/")
    if slash and rest.lower() in METRICS and (side := _known_side(last)):
        return side, rest, PREFIXED
    first, underscore, rest = name.partition("_")
    if underscore and rest:
        side = first.lower()
        if side in {"eval", TEST}:
            return side, rest, OWN
        plain = rest.removesuffix("_step").removesuffix("_epoch")
        if side in {"val", "validation"} or (
            side in TRAINING | EVALUATION and plain.lower() in METRICS
        ):
            return side, rest, BARE
    return None, name, OWN


def _known_side(word: str) -> str | None:
    side = word.lower()
    return side if side in TRAINING or side in EVALUATION or side == TEST else None


def _word(name: str) -> str:
    lower = name.lower()
    return WORDS.get(lower, lower if lower in METRICS else name)
