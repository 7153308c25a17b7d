"""The faults that only the run shows, each as a loop to train and the check that is to tell it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from tests.planted.loops import TOKENS, Loop, language, model_for, topics


def thrown_off(at: int, size: float) -> Callable[[Loop, int], None]:
    """Weights that are changed by so many times their own spread before a step."""

    def meddle(loop: Loop, step: int) -> None:
        import torch

        if step == at:
            torch.manual_seed(step)
            with torch.no_grad():
                for weight in loop.model.parameters():
                    weight.add_(size * weight.std() * torch.randn_like(weight))

    return meddle


SPIKE: dict[str, Any] = {
    "steps": 300, "batch": 8, "schedule": "constant", "warmup": 0, "rate": 1e-3,
}  # fmt: skip
"""Settings under which a spike is planted."""

HEART: dict[str, Any] = {"steps": 160, "batch": 4, "rate": 1e-2, "judge_every": 16}
"""Settings under which few rows are learned by heart."""


def overflows(times: float) -> Any:
    """A model whose gradient comes back multiplied, as by an expert whose weights are large."""
    import torch

    class Overflows(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.times = model_for(topics()), times

        def forward(self, input_ids: Any, labels: Any = None) -> Any:
            logits = self.inner(input_ids, labels)
            logits.register_hook(lambda gradient: gradient * self.times)
            return logits

    return Overflows()


def now_and_then(loop: Loop, step: int) -> None:
    """One step in four overflows."""
    loop.model.times = math.inf if step % 4 == 0 else 1.0


def by_heart() -> Loop:
    """64 sequences ten times over."""
    task = language(64, judged=64)
    return Loop(task, model=model_for(task, dropout=0.0, width=64), **HEART)


def every_fourth() -> Loop:
    """A scheduler that was built for optimizer steps and is advanced by every fourth."""
    loop, made = Loop(topics(), schedule="cosine"), [0]

    def advance() -> None:
        made[0] += 1
        if made[0] % 4 == 0:
            loop.scheduler.step()

    loop.advance = advance
    return loop


def all_but_the_head(model: Any) -> list[Any]:
    """The parameters of an optimizer that was built before the head."""
    return [*model.embed.parameters(), *model.blocks.parameters()]


def detached() -> Loop:
    """No gradient reaches the first block and what lies before it."""
    import torch

    class Detached(torch.nn.Module):
        def __init__(self, inner: Any) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, input_ids: Any, labels: Any = None) -> Any:
            del labels
            hidden = self.inner.blocks[0](self.inner.embed(input_ids).mean(dim=1)).detach()
            for block in list(self.inner.blocks)[1:]:
                hidden = block(hidden)
            return self.inner.head(hidden)

    return Loop(topics(), model=Detached(model_for(topics(), depth=3)))


def killed(loop: Loop, step: int) -> None:
    """All units of the first block die at step 60."""
    import torch

    if step == 60:
        with torch.no_grad():
            loop.model.blocks[0][0].bias.fill_(-100.0)


def deep() -> Loop:
    """Ten layers of sigmoids."""
    import torch
    from torch import nn

    class Deep(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.embed = nn.Embedding(TOKENS, 24)
            layers = [nn.Sequential(nn.Linear(24, 24), nn.Sigmoid()) for _ in range(10)]
            self.blocks, self.head = nn.Sequential(*layers), nn.Linear(24, 4)

        def forward(self, input_ids: Any, labels: Any = None) -> Any:
            del labels
            return self.head(self.blocks(self.embed(input_ids).mean(dim=1)))

    return Loop(topics(), model=Deep())


def growing(loop: Loop, step: int) -> None:
    """A rate that grows without end."""
    for group in loop.optimizer.param_groups:
        group["lr"] = 1e-3 * 1.04**step


FAULTY: dict[str, tuple[str, Callable[[], Loop]]] = {
    "spike-at-half": (
        "FIT040",
        lambda: Loop(topics(), meddle=thrown_off(150, 3.0), judge_every=50, **SPIKE),
    ),
    "rate-far-too-high": ("FIT003", lambda: Loop(language(), rate=1.0, judge_every=50, every=2)),
    "rate-of-zero": ("HYP052", lambda: Loop(topics(), rate=0.0)),
    "every-step-skipped": (
        "FIT048",
        lambda: Loop(
            topics(), model=overflows(math.inf), half=True, steps=60,
            schedule="constant_with_warmup",
        ),
    ),
    "one-step-in-four-skipped": (
        "FIT048",
        lambda: Loop(topics(), model=overflows(1.0), half=True, meddle=now_and_then),
    ),
    "scheduler-once-in-four": ("HYP054", every_fourth),
    "warm-up-outlasts-run": ("HYP055", lambda: Loop(topics(), warmup=500)),
    "learned-by-heart": ("FIT042", by_heart),
    "one-class": (
        "FIT043",
        lambda: Loop(
            topics(600, classes=2, shares=(0.95, 0.05), sharpness=0.3), rate=3e-4, judge_every=50
        ),
    ),
    "evaluation-mode-after-a-quarter": (
        "FIT047",
        lambda: Loop(topics(), judge_every=50, after_judging=lambda _: None),
    ),
    "head-in-no-optimizer": ("FIT044", lambda: Loop(topics(), parameters=all_but_the_head)),
    "detached": ("FIT005", detached),
    "block-dies-at-60-of-200": ("FIT044", lambda: Loop(topics(), meddle=killed)),
    "gradients-vanish": ("FIT046", deep),
    "gradients-explode": (
        "FIT045",
        lambda: Loop(language(), clip=1e9, meddle=growing, schedule="constant", warmup=0),
    ),
    "rate-too-low": (
        "HYP050", lambda: Loop(language(512), batch=64, rate=5e-5, steps=300, every=5),
    ),
    "rate-far-too-low": ("FIT041", lambda: Loop(language(), rate=1e-6, steps=200, every=5)),
}  # fmt: skip
"""By a name: the code of the check that is meant, and the training."""


def planted(name: str) -> Loop:
    """The loop of a planted fault."""
    return FAULTY[name][1]()
