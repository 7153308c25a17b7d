"""Real trainings in plain PyTorch loops, a second each, watched by `tunewell.watch`.

They are what people write by hand, with the faults that hand-written loops have.
"""

from __future__ import annotations

import copy
import dataclasses
import itertools
import math
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tunewell.readers.logs import read_run
from tunewell.subjects.model_state import ModelState
from tunewell.subjects.trace import Trace

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

        def forward(self, input_ids: Any, labels: Any = None) -> Any:
            del labels  # passed as to a model of transformers; the loop has its own loss
            hidden = self.embed(input_ids).mean(dim=1)
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

        def forward(self, input_ids: Any, labels: Any = None) -> Any:
            del labels
            return self.head(self.drop(self.mix(self.embed(input_ids))[0]))

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
    meddle: Callable[[Loop, int], None] = lambda *_: None
    after_judging: Callable[[Loop], None] = lambda loop: loop.model.train()
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    half: bool = False

    def __post_init__(self) -> None:
        import torch

        torch.manual_seed(self.seed)
        self.model = self.model if self.model is not None else model_for(self.task)
        # The optimizer gets what `parameters` says: a fault may leave some out.
        self.optimizer = torch.optim.AdamW(
            self.parameters(self.model), lr=self.rate, weight_decay=self.weight_decay
        )
        self.schedule_anew()
        self.scaler = torch.amp.GradScaler("cpu", enabled=self.half)
        self.epoch = 0.0
        self.state: ModelState | None = None

    def schedule_anew(self) -> None:
        """The schedule from its beginning, at the full rate."""
        from transformers import get_scheduler

        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"] = self.rate
        self.scheduler = get_scheduler(
            self.schedule,
            self.optimizer,
            num_warmup_steps=self.warmup,
            num_training_steps=self.steps,
            scheduler_specific_kwargs=self.schedule_arguments or None,
        )
        self.advance: Callable[[], None] = self.scheduler.step

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

    def run_into(self, folder: Path) -> None:
        """Train, watched, into a run folder that stays."""
        self._train(folder, 0, self.steps)

    def run(self) -> Trace:
        """Train, watched, and give what the run folder tells; the step-one proof is `state`."""
        with tempfile.TemporaryDirectory() as folder:
            self._train(Path(folder), 0, self.steps)
            return self._recorded(folder)

    def run_resumed(self, *, at: int, reached: int, schedule_lost: bool = False) -> Trace:
        """Train up to `reached`, and once more from the checkpoint `at` on, in one run folder."""
        parts = (self.model, self.optimizer, self.scheduler, self.scaler)
        with tempfile.TemporaryDirectory() as folder:
            checkpoint: list[Any] = []

            def keep(step: int) -> None:
                if step == at:
                    checkpoint.extend(copy.deepcopy(part.state_dict()) for part in parts)

            self._train(Path(folder), 0, reached, keep)
            for part, kept in zip(parts, checkpoint, strict=True):
                part.load_state_dict(kept)
            if schedule_lost:
                self.schedule_anew()
            self._train(Path(folder), at, self.steps)
            return self._recorded(folder)

    def _recorded(self, folder: str) -> Trace:
        trace, self.state = read_run(Path(folder))
        assert '"broken"' not in (Path(folder) / "events.jsonl").read_text()
        return trace

    def _train(
        self, folder: Path, first: int, last: int, keep: Callable[[int], None] = lambda _: None
    ) -> None:
        from tunewell.train.loop import watch

        told = {
            "learning_rate": self.rate,
            "lr_scheduler_type": self.schedule,
            "warmup_steps": self.warmup,
            "per_device_train_batch_size": self.batch,
            **({"lr_scheduler_kwargs": self.schedule_arguments} if self.schedule_arguments else {}),
            **self.settings,
        }
        batches = itertools.islice(self.batches(), first, None)
        self.model.train()
        with watch(
            self.model, self.optimizer, folder, max_steps=self.steps,
            train_rows=len(self.task.rows), classes=self.task.classes, settings=told,
            scaler=self.scaler, start_step=first, log_every=self.every, announce=None,
        ) as run:  # fmt: skip
            for step in range(first + 1, last + 1):
                self.meddle(self, step)
                norm = self._step(next(batches))
                if step % self.every == 0:
                    run.log(grad_norm=norm, epoch=self.epoch)
                if self.judge_every and step % self.judge_every == 0:
                    run.log(self._judge())
                    self.after_judging(self)
                keep(step)

    def _loss(self, rows: Any, labels: Any) -> tuple[Any, Any]:
        import torch

        logits = self.model(input_ids=rows, labels=labels)
        loss = torch.nn.functional.cross_entropy(
            logits.reshape(-1, logits.shape[-1]).float(),
            labels.reshape(-1),
            label_smoothing=self.smoothing,
        )
        return loss, logits

    def _step(self, places: Any) -> Any:
        """One step, and the norm of its gradients."""
        import torch

        rows, labels = self.task.rows[places], self.task.labels[places]
        with torch.autocast("cpu", dtype=torch.float16, enabled=self.half):
            loss, _ = self._loss(rows, labels)
        self.optimizer.zero_grad()
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimizer)
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
        scale = self.scaler.get_scale()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.scaler.get_scale() >= scale:
            self.advance()
        return norm

    def _judge(self) -> dict[str, Any]:
        import torch

        self.model.eval()
        with torch.no_grad():
            loss, logits = self._loss(self.task.judged_rows, self.task.judged_labels)
        right = logits.argmax(dim=-1) == self.task.judged_labels
        return {"eval_loss": loss, "eval_accuracy": right.float().mean()}


def only(trace: Trace, *names: str) -> Trace:
    """A trace of only these columns, as a plain log has them."""
    kept = {name: column for name, column in trace.columns.items() if name in names}
    return dataclasses.replace(trace, columns=kept)


PLAIN = ("loss", "grad_norm", "learning_rate", "epoch", "eval_loss", "eval_accuracy")
"""What the Hugging Face Trainer logs by itself."""
