"""Real trainings in plain PyTorch loops, a second each, as the traces that a watcher would make.

The columns that `tunewell.Watch` adds are computed here, by the definitions of the Trace: these
loops are what people write by hand, with the faults that hand-written loops have.
"""

from __future__ import annotations

import dataclasses
import math
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tunewell.subjects.trace import Column, Restart, Trace

TOKENS = 60
LENGTH = 12


@dataclasses.dataclass
class Task:
    """Rows and labels, for training and for judging; labels of a language are its next tokens."""

    rows: Any
    labels: Any
    judged_rows: Any
    judged_labels: Any
    classes: int | None


def topics(  # noqa: PLR0913  each is a property of the rows
    count: int = 320,
    *,
    classes: int = 4,
    wrong: float = 0.0,
    shares: tuple[float, ...] | None = None,
    judged: int = 200,
    sharpness: float = 2.0,
    seed: int = 0,
) -> Task:
    """Texts of tokens that depend on their class, of whose labels a share is drawn at random."""
    import torch

    rng = np.random.default_rng(seed)
    weights = np.exp(sharpness * rng.normal(size=(classes, TOKENS)))
    weights /= weights.sum(axis=1, keepdims=True)
    labels = rng.choice(classes, size=count + judged, p=shares)
    rows = np.stack([rng.choice(TOKENS, size=LENGTH, p=weights[label]) for label in labels])
    mixed = np.where(
        rng.random(len(labels)) < wrong, rng.integers(classes, size=len(labels)), labels
    )
    made, told = torch.tensor(rows), torch.tensor(mixed)
    return Task(made[:count], told[:count], made[count:], told[count:], classes)


def language(count: int = 256, *, judged: int = 64, sharpness: float = 2.0, seed: int = 0) -> Task:
    """Sequences of a random Markov chain; every next token is a label."""
    import torch

    rng = np.random.default_rng(seed)
    chain = np.exp(sharpness * rng.normal(size=(TOKENS, TOKENS)))
    chain /= chain.sum(axis=1, keepdims=True)
    rows = np.zeros((count + judged, LENGTH + 1), dtype=np.int64)
    rows[:, 0] = rng.integers(TOKENS, size=len(rows))
    for at in range(LENGTH):
        drawn = rng.random(len(rows))[:, None]
        rows[:, at + 1] = (
            (chain[rows[:, at]].cumsum(axis=1) < drawn).sum(axis=1).clip(0, TOKENS - 1)
        )
    made = torch.tensor(rows)
    return Task(made[:count, :-1], made[:count, 1:], made[count:, :-1], made[count:, 1:], None)


def model_for(task: Task, *, width: int = 24, depth: int = 2, dropout: float = 0.1) -> Any:
    """A classifier over the mean of embeddings, or a small recurrent language model."""
    import torch
    from torch import nn

    class Classifier(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(TOKENS, width)
            blocks = [
                nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Dropout(dropout))
                for _ in range(depth)
            ]
            self.blocks = nn.ModuleList(blocks)
            self.head = nn.Linear(width, task.classes or 2)

        def forward(self, rows: Any) -> Any:
            hidden = self.embed(rows).mean(dim=1)
            for block in self.blocks:
                hidden = block(hidden)
            return self.head(hidden)

    class Language(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(TOKENS, width)
            self.mix = nn.GRU(width, width, batch_first=True)
            self.drop = nn.Dropout(dropout)
            self.head = nn.Linear(width, TOKENS)

        def forward(self, rows: Any) -> Any:
            return self.head(self.drop(self.mix(self.embed(rows))[0]))

    torch.manual_seed(0)
    return Classifier() if task.classes else Language()


@dataclasses.dataclass
class Loop:
    """A training; `meddle` is called before each step and may change anything of it."""

    task: Task
    model: Any = None
    steps: int = 200
    batch: int = 16
    rate: float = 3e-3
    schedule: str = "linear"
    schedule_arguments: dict[str, Any] = dataclasses.field(default_factory=dict)
    warmup: int = 10
    weight_decay: float = 0.0
    smoothing: float = 0.0
    clip: float = 1.0
    every: int = 1
    judge_every: int = 0
    shuffled: bool = True
    order: Any = None
    seed: int = 0
    parameters: Callable[[Any], list[Any]] = lambda model: list(model.parameters())
    loss: Callable[[Any, Any], Any] | None = None
    meddle: Callable[[Loop, int], None] = lambda *_: None
    after_judging: Callable[[Loop], None] = lambda loop: loop.model.train()
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    half: bool = False

    def __post_init__(self) -> None:
        import torch
        from transformers import get_scheduler

        torch.manual_seed(self.seed)
        self.model = self.model if self.model is not None else model_for(self.task)
        # The optimizer gets what `parameters` says: a fault may leave some out.
        self.optimizer = torch.optim.AdamW(
            self.parameters(self.model), lr=self.rate, weight_decay=self.weight_decay
        )
        self.scheduler = get_scheduler(
            self.schedule,
            self.optimizer,
            num_warmup_steps=self.warmup,
            num_training_steps=self.steps,
            scheduler_specific_kwargs=self.schedule_arguments or None,
        )
        self.advance: Callable[[], None] = self.scheduler.step
        self.scaler = torch.amp.GradScaler("cpu", enabled=self.half)
        self.points: dict[str, dict[int, float]] = {}
        self.epoch = 0.0

    # -- what is trained on ----------------------------------------------------------------------

    def batches(self) -> Iterator[Any]:
        """Places of rows, batch by batch, without end."""
        rng = np.random.default_rng(self.seed)
        count = len(self.task.rows)
        a_pass = math.ceil(count / self.batch)
        done = 0
        while True:
            order = np.arange(count) if self.order is None else np.asarray(self.order)
            order = rng.permutation(order) if self.shuffled else order
            for start in range(0, count, self.batch):
                done += 1
                self.epoch = done / a_pass
                yield order[start : start + self.batch]

    # -- the training ----------------------------------------------------------------------------

    def run(self) -> Trace:
        """Train, and give the trace of it."""
        batches, window = self.batches(), []
        self.model.train()
        for step in range(1, self.steps + 1):
            self.meddle(self, step)
            rate = self.optimizer.param_groups[0]["lr"]
            places = next(batches)
            seen = self._step(step, places)
            window.append(seen)
            if step % self.every == 0:
                self._log(step, rate, window)
                window = []
            if self.judge_every and step % self.judge_every == 0:
                self._judge(step)
                self.after_judging(self)
        return self.trace()

    def _loss(self, rows: Any, labels: Any) -> tuple[Any, Any]:
        import torch

        logits = self.model(rows)
        shape = (-1, logits.shape[-1])
        if self.loss is not None:
            return self.loss(logits, labels), logits
        loss = torch.nn.functional.cross_entropy(
            logits.reshape(shape).float(), labels.reshape(-1), label_smoothing=self.smoothing
        )
        return loss, logits

    def _step(self, step: int, places: Any) -> dict[str, Any]:
        import torch

        rows, labels = self.task.rows[places], self.task.labels[places]
        self._note("evaluation_mode", step, float(not self.model.training))
        self._note("batch_mark", step, float(zlib.crc32(rows.numpy().tobytes())))
        look = step % 10 == 0 or step <= 3
        with torch.autocast("cpu", dtype=torch.float16, enabled=self.half):
            loss, logits = self._loss(rows, labels)
        self._note("step_loss", step, float(loss.detach()))
        self.optimizer.zero_grad()
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimizer)
        named = list(self.model.named_parameters())
        before = {name: p.detach().clone() for name, p in named} if look else {}
        norm = float(torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.clip))
        gradients = {
            name: 0.0 if p.grad is None else float(p.grad.pow(2).mean().sqrt())
            for name, p in named
            if p.requires_grad
        }
        scale = self.scaler.get_scale()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        skipped = self.half and self.scaler.get_scale() < scale
        if not skipped:
            self.advance()
        if self.half:
            self._note("skipped", step, float(skipped))
            self._note("loss_scale", step, float(self.scaler.get_scale()))
        if look:
            self._layers(step, before, gradients)
        flat = logits.detach().reshape(-1, logits.shape[-1]).argmax(dim=-1)
        return {
            "loss": float(loss.detach()),
            "norm": norm,
            "said": flat,
            "true": labels.reshape(-1),
        }

    def _layers(self, step: int, before: dict[str, Any], gradients: dict[str, float]) -> None:
        for name, p in self.model.named_parameters():
            if not p.requires_grad or not name.endswith("weight"):
                continue
            layer = name.removesuffix(".weight")
            size = float(before[name].pow(2).mean().sqrt())
            moved = float((p.detach() - before[name]).pow(2).mean().sqrt())
            self._note(f"update_ratio/{layer}", step, moved / size if size else math.nan)
            self._note(f"gradient_rms/{layer}", step, gradients[name])
            self._note(f"weight_rms/{layer}", step, size)

    def _log(self, step: int, rate: float, window: list[dict[str, Any]]) -> None:
        import torch

        self._note("loss", step, float(np.mean([seen["loss"] for seen in window])))
        self._note("grad_norm", step, window[-1]["norm"])
        self._note("learning_rate", step, rate)
        self._note("epoch", step, self.epoch)
        if self.task.classes:
            for name, key in (("predicted", "said"), ("label", "true")):
                counts = torch.cat([seen[key] for seen in window]).bincount()
                self._note(f"{name}_top_share", step, float(counts.max() / counts.sum()))

    def _judge(self, step: int) -> None:
        import torch

        self.model.eval()
        with torch.no_grad():
            loss, logits = self._loss(self.task.judged_rows, self.task.judged_labels)
        said = logits.argmax(dim=-1)
        self._note("eval_loss", step, float(loss))
        self._note("eval_accuracy", step, float((said == self.task.judged_labels).float().mean()))
        if self.task.classes:
            for name, given in (("predicted", said), ("label", self.task.judged_labels)):
                counts = given.bincount()
                self._note(f"eval_{name}_top_share", step, float(counts.max() / counts.sum()))

    # -- what is noted ---------------------------------------------------------------------------

    def _note(self, name: str, step: int, value: float) -> None:
        self.points.setdefault(name, {})[step] = value

    def trace(self, *, restarts: tuple[Restart, ...] = ()) -> Trace:
        """What was noted, as a trace of a finished run."""
        columns = {
            name: Column(
                np.array(list(points), dtype=np.int64),
                np.array(list(points.values()), dtype=np.float64),
            )
            for name, points in self.points.items()
        }
        told = {
            "learning_rate": self.rate,
            "lr_scheduler_type": self.schedule,
            "warmup_steps": self.warmup,
            "per_device_train_batch_size": self.batch,
            **({"lr_scheduler_kwargs": self.schedule_arguments} if self.schedule_arguments else {}),
            **self.settings,
        }
        return Trace(
            source="a loop",
            columns=columns,
            max_steps=self.steps,
            classes=self.task.classes,
            train_rows=len(self.task.rows),
            settings=told,
            restarts=restarts,
            task="classification" if self.task.classes else "language",
        )


def only(trace: Trace, *names: str) -> Trace:
    """A trace of only these columns, as a plain log has them."""
    kept = {name: column for name, column in trace.columns.items() if name in names}
    return dataclasses.replace(trace, columns=kept)


PLAIN = ("loss", "grad_norm", "learning_rate", "epoch", "eval_loss", "eval_accuracy")
"""What the Hugging Face Trainer logs by itself."""
