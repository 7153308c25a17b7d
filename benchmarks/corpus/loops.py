"""Plain PyTorch loops on the handwritten digits of scikit-learn: classifiers and a regression."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_diabetes, load_digits
from torch import nn
from torch.nn import functional

from tunewell.train.loop import watch

ROWS = 1400


@dataclass
class Loop:
    """How a loop trains; `fault` changes one thing for the worse."""

    net: str = "mlp"
    optimizer: str = "adamw"
    rate: float = 1e-3
    batch: int = 32
    epochs: int = 40
    schedule: str = "constant"
    warmup: float = 0.0
    smoothing: float = 0.0
    decay: float = 0.01
    dropout: float = 0.1
    clip: float | None = 1.0
    accumulate: int = 1
    rows: int = ROWS
    noise: float = 0.0
    seed: int = 0
    keep_best: bool = False
    fault: str = ""


def data(loop: Loop) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Training and evaluation features and labels."""
    order = np.random.default_rng(7)
    if loop.net == "regression":
        features, labels = load_diabetes(return_X_y=True)
        features = features / features.std(axis=0)
        labels = (labels - labels.mean()) / labels.std()
    else:
        features, labels = load_digits(return_X_y=True)
        features = features / 16.0
    places = order.permutation(len(features))
    cut = min(ROWS, int(0.8 * len(features)))
    kind = torch.float32 if loop.net == "regression" else torch.int64
    train, judged = places[:cut][: loop.rows], places[cut:]
    x = torch.tensor(features, dtype=torch.float32)
    y = torch.tensor(labels, dtype=kind)
    given = y[train].clone()
    if loop.noise:
        wrong = torch.tensor(order.random(len(given)) < loop.noise)
        given[wrong] = torch.tensor(order.integers(0, 10, int(wrong.sum())))
    return x[train], given, x[judged], y[judged]


def network(loop: Loop) -> nn.Module:
    """One of four small networks."""
    width = 64
    last = nn.Linear(width, 1 if loop.net == "regression" else 10)
    drop = nn.Dropout(loop.dropout)
    if loop.net == "regression":
        return nn.Sequential(nn.Linear(10, width), nn.GELU(), drop, last, nn.Flatten(0))
    if loop.net == "conv":
        return nn.Sequential(
            nn.Unflatten(1, (1, 8, 8)),
            nn.Conv2d(1, 16, 3, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(1024, width),
            nn.ReLU(),
            drop,
            last,
        )
    if loop.net == "deep":
        act: Callable[[], nn.Module] = nn.Sigmoid if loop.fault == "vanishing" else nn.ReLU
        body = [layer for _ in range(8) for layer in (nn.Linear(width, width), act())]
        return nn.Sequential(nn.Linear(64, width), act(), *body, last)
    return nn.Sequential(nn.Linear(64, width), nn.ReLU(), drop, last)


def optimizer_of(loop: Loop, net: nn.Module) -> torch.optim.Optimizer:
    """The optimizer by its name."""
    weights = list(net.parameters())
    if loop.fault == "left out":
        weights = weights[:-2]
    if loop.optimizer == "sgd":
        return torch.optim.SGD(weights, lr=loop.rate, momentum=0.9, weight_decay=loop.decay)
    return torch.optim.AdamW(weights, lr=loop.rate, weight_decay=loop.decay)


def scale(loop: Loop, step: int, total: int) -> float:
    """The learning rate's factor at a step."""
    if loop.fault == "schedule of four processes":
        step = min(4 * step, total)
    warm = loop.warmup * total
    if step < warm:
        return (step + 1) / warm
    passed = (step - warm) / max(1, total - warm)
    if loop.schedule == "linear":
        return max(0.0, 1 - passed)
    if loop.schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * min(1.0, passed)))
    if loop.schedule == "restarts":
        return 0.5 * (1 + math.cos(math.pi * ((3 * passed) % 1.0)))
    return 1.0


def train(loop: Loop, out: Path) -> None:
    """Train, watched, and evaluate after each epoch."""
    torch.manual_seed(loop.seed)
    x, y, judged_x, judged_y = data(loop)
    net = network(loop)
    optimizer = optimizer_of(loop, net)
    each = math.ceil(len(x) / loop.batch) // loop.accumulate
    total = loop.epochs * each
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: scale(loop, step, total))
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**16, growth_interval=10)
    halves = loop.fault == "fp16 overflow"
    settings = {
        "num_train_epochs": loop.epochs,
        "learning_rate": loop.rate,
        "lr_scheduler_type": {"restarts": "cosine_with_restarts"}.get(loop.schedule, loop.schedule),
        "warmup_ratio": loop.warmup,
        "per_device_train_batch_size": loop.batch,
    }
    with watch(
        net,
        optimizer,
        out,
        max_steps=total,
        train_rows=len(x),
        settings=settings,
        scaler=scaler if halves else None,
        announce=None,
    ) as run:
        for epoch in range(loop.epochs):
            if loop.fault != "evaluation mode" or epoch == 0:
                net.train()
            for features, labels in batches(loop, x, y):
                loss: Any = loss_of(loop, net(features), labels, training=True) / loop.accumulate
                if loop.fault == "nan" and run.step == total // 2:
                    loss = loss * float("nan")
                if halves:
                    scaler.scale(loss).backward()
                    _COUNT["micro"] += 1
                    if _COUNT["micro"] % 2 == 0:  # as an overflow of the backward pass leaves it
                        next(net.parameters()).grad.fill_(float("inf"))
                    scaler.step(optimizer)
                    scaler.update()
                else:
                    loss.backward()
                    if not run_due(loop):
                        continue
                    if loop.clip is not None:
                        nn.utils.clip_grad_norm_(net.parameters(), loop.clip)
                    optimizer.step()
                optimizer.zero_grad()
                schedule.step()
            net.eval()
            with torch.no_grad():
                answers = net(judged_x)
                values = {"eval_loss": float(loss_of(loop, answers, judged_y)), "epoch": epoch + 1}
                if loop.net != "regression":
                    hits = (answers.argmax(-1) == judged_y).float().mean()
                    values["eval_accuracy"] = float(hits)
            run.log(values)


_COUNT = {"micro": 0}


def run_due(loop: Loop) -> bool:
    """Whether this micro-batch ends an optimizer step."""
    _COUNT["micro"] += 1
    return _COUNT["micro"] % loop.accumulate == 0


def batches(
    loop: Loop, x: torch.Tensor, y: torch.Tensor
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Shuffled batches of an epoch, full ones only where gradients accumulate."""
    order = torch.randperm(len(x))
    if loop.fault == "sorted":
        order = torch.argsort(y, stable=True)
    for first in range(0, len(x), loop.batch):
        rows = order[first : first + loop.batch]
        if loop.accumulate > 1 and len(rows) < loop.batch:
            return
        if loop.fault == "slow loader":
            busy = torch.randn(300, 300)
            for _ in range(40):
                busy = busy @ busy / 300
        yield x[rows], y[rows]


def loss_of(
    loop: Loop, answers: torch.Tensor, labels: torch.Tensor, *, training: bool = False
) -> torch.Tensor:
    """Squared error or cross-entropy; smoothed in training alone."""
    if loop.net == "regression":
        return functional.mse_loss(answers, labels)
    return functional.cross_entropy(
        answers, labels, label_smoothing=loop.smoothing if training else 0.0
    )
