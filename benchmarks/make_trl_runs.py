"""Train with TRL for real, healthy and faulty, and keep the logs.

    PYTHONPATH=.:src python benchmarks/make_trl_runs.py tests/fixtures/runs/trl [NAME ...]

Each run takes 3 to 10 seconds on one core. What is kept is the trainer_state.json, with four digits
a number and without columns that no check reads: numbers, no text and no path of this machine.
No check is imported here. The register in `trl/declared.json` says what was planted.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.planted import rewarded

Build = Callable[[Path], Any]
WEAK = {"learning_rate": 1e-4}
"""A fifth of what the builders take, at which the preferred answers keep their probability."""


def both(completions: list[str], **_: Any) -> list[float]:  # noqa: ANN401  TRL passes columns
    """A reward for saying something of a length, beside the one for thanks."""
    return [1 - abs(len(text.split()) - 8) / 8 for text in completions]


def constant(completions: list[str], **_: Any) -> list[float]:  # noqa: ANN401
    """The same for every answer."""
    return [0.0 for _ in completions]


def never_met(completions: list[str], **_: Any) -> list[float]:  # noqa: ANN401
    """For a word that the model does not say."""
    return [float("zebra" in text) for text in completions]


def how_often(completions: list[str], **_: Any) -> list[float]:  # noqa: ANN401
    """The more thanks the better: what it measures can be had without an answer."""
    return [float(text.count("thanks")) for text in completions]


def grammatical(completions: list[str], **_: Any) -> list[float]:  # noqa: ANN401
    """What is wanted: an answer of the grammar."""
    return [float(rewarded.follows_grammar(text)) for text in completions]


def tossed(completions: list[str], **_: Any) -> list[float]:  # noqa: ANN401
    """A reward that has nothing to do with the answer."""
    draw = rewarded.drawing(sum(map(len, completions)))
    return [draw.random() for _ in completions]


dpo, kto, orpo, cpo = rewarded.dpo, rewarded.kto, rewarded.orpo, rewarded.cpo
scored, grpo, rloo = rewarded.reward_model, rewarded.grpo, rewarded.rloo


JUMP = 50
"""Steps after which the rate of one run jumps."""


def rate_jumps(out: Path, **settings: Any) -> Any:  # noqa: ANN401
    """GRPO whose learning rate is 200 times as high from `JUMP` on, as after a wrong resume."""
    from torch.optim.lr_scheduler import LambdaLR  # noqa: PLC0415

    trainer = grpo(out, **settings)
    optimizer = trainer.create_optimizer()
    trainer.lr_scheduler = LambdaLR(optimizer, lambda step: 200.0 if step >= JUMP else 1.0)
    return trainer


judged = rewarded.pairs(48, seed=9)
LOOKS = {"eval_strategy": "steps", "eval_steps": 10, "per_device_eval_batch_size": 16}
HEALTHY: dict[str, Build] = {
    "dpo-sigmoid": partial(dpo, **WEAK),
    "dpo-sigmoid-seed-2": partial(dpo, rows=rewarded.pairs(seed=2), seed=2, **WEAK),
    "dpo-evaluated": partial(dpo, judged=judged, **WEAK, **LOOKS),
    "dpo-beta-half": partial(dpo, beta=0.5, seed=3, **WEAK),
    "dpo-ipo": partial(dpo, loss_type="ipo", beta=0.3, **WEAK),
    "dpo-hinge": partial(dpo, loss_type="hinge", beta=0.3, **WEAK),
    "dpo-with-sft": partial(
        dpo, loss_type=["sigmoid", "sft"], loss_weights=[1.0, 0.3], learning_rate=3e-4
    ),
    "dpo-nearly-unanimous": partial(dpo, rows=rewarded.pairs(agreed=0.98, seed=5), **WEAK),
    "dpo-long-warmup": partial(dpo, warmup_steps=30, max_steps=120, logging_steps=1, **WEAK),
    "dpo-accumulated": partial(
        dpo, gradient_accumulation_steps=4, per_device_train_batch_size=2, logging_steps=5, **WEAK
    ),
    "kto": partial(kto, **WEAK),
    "kto-batch-16": partial(
        kto, rows=rewarded.liked(192, seed=4), per_device_train_batch_size=16, seed=4, **WEAK
    ),
    "orpo": partial(orpo, judged=judged, **WEAK, **LOOKS),
    "cpo": partial(cpo, **WEAK),
    "simpo": partial(
        cpo, loss_type="simpo", cpo_alpha=0.1, beta=1.0, rows=rewarded.pairs(seed=6), **WEAK
    ),
    "reward": partial(scored, judged=judged, **LOOKS),
    "reward-noisy": partial(scored, rows=rewarded.pairs(192, agreed=0.7, seed=7), max_steps=100),
    "grpo": partial(grpo, logging_steps=2),
    "grpo-beta": partial(grpo, beta=0.04, logging_steps=2, seed=2),
    "grpo-two-passes": partial(grpo, num_iterations=2, logging_steps=2, max_steps=80, seed=3),
    "grpo-two-rewards": partial(grpo, reward=[rewarded.thankful, both], logging_steps=2, seed=4),
    "grpo-groups-of-8": partial(grpo, num_generations=8, logging_steps=2, seed=5, beta=0.02),
    "grpo-slow": partial(grpo, learning_rate=2e-4, logging_steps=4, max_steps=120, seed=6),
    "grpo-dr-grpo": partial(grpo, loss_type="dr_grpo", logging_steps=2, seed=7),
    "grpo-every-step": partial(grpo, max_steps=40, seed=8),
    "rloo": partial(rloo, logging_steps=2),
    "rloo-seed-2": partial(rloo, logging_steps=2, seed=2, beta=0.1),
}
FAULTY: dict[str, tuple[Build, str]] = {
    "dpo-displaced": (dpo, "FIT070"),
    "dpo-hinge-displaced": (
        partial(dpo, loss_type="hinge", beta=0.3, learning_rate=5e-4, seed=3),
        "FIT070",
    ),
    "dpo-foreign": (
        partial(dpo, rows=rewarded.foreign(), learning_rate=1e-3, max_steps=100),
        "FIT071",
    ),
    # FIT071 was expected: its loss is gone too late for that, and its probabilities at once.
    "dpo-rate-too-high": (
        partial(dpo, rows=rewarded.pairs(agreed=1.0), learning_rate=1e-2, max_steps=100),
        "FIT070",
    ),
    "reward-foreign": (
        partial(scored, rows=rewarded.foreign(400), learning_rate=1e-3),
        "FIT071",
    ),
    "dpo-rate-too-low": (partial(dpo, learning_rate=1e-9), "FIT072"),
    "reward-at-chance": (
        partial(scored, rows=rewarded.unrelated(400), learning_rate=1e-6, max_steps=100),
        "FIT072",
    ),
    "kto-rate-too-low": (partial(kto, learning_rate=1e-9), "FIT072"),
    "dpo-evaluation-swapped": (
        partial(
            dpo, judged=rewarded.pairs(48, seed=9, swapped=True), max_steps=100, **LOOKS, **WEAK
        ),
        "FIT073",
    ),
    "reward-evaluation-swapped": (
        partial(scored, judged=rewarded.pairs(48, seed=9, swapped=True), **LOOKS),
        "FIT073",
    ),
    "kto-collapsed": (
        partial(kto, learning_rate=3e-3, max_steps=24, logging_steps=1),
        "FIT070",
    ),
    "grpo-constant": (partial(grpo, reward=constant, logging_steps=2), "FIT075"),
    "grpo-never-met": (partial(grpo, reward=never_met, logging_steps=2, beta=0.02), "FIT075"),
    "rloo-constant": (partial(rloo, reward=constant, logging_steps=2), "FIT075"),
    "grpo-clipped": (partial(grpo, max_completion_length=5, logging_steps=2), "FIT076"),
    "rloo-clipped": (partial(rloo, max_completion_length=6, logging_steps=2), "FIT076"),
    "grpo-hacked": (
        partial(
            grpo,
            reward=[how_often, grammatical],
            reward_weights=[1.0, 0.0],
            logging_steps=2,
            max_steps=120,
            learning_rate=2e-3,
        ),
        "FIT077",
    ),
    "grpo-collapsed": (partial(grpo, learning_rate=3e-2, logging_steps=2, max_steps=80), "FIT078"),
    "grpo-collapsed-beta": (
        partial(grpo, learning_rate=2e-2, beta=0.01, logging_steps=2, max_steps=80),
        "FIT078",
    ),
    "grpo-destroyed": (
        partial(grpo, learning_rate=0.3, beta=0.01, logging_steps=2, max_steps=60),
        "FIT078",
    ),
    "grpo-ran-away": (
        partial(
            grpo,
            learning_rate=3e-2,
            beta=1e-4,
            warmup_steps=100,
            logging_steps=2,
            max_steps=100,
        ),
        "FIT078",
    ),
    "grpo-kl-ran-away": (
        partial(rate_jumps, beta=1e-3, max_steps=60, learning_rate=1e-4, logging_steps=2),
        "FIT078",
    ),
    "grpo-hacked-evaluated": (
        partial(
            grpo,
            reward=[how_often, grammatical],
            reward_weights=[1.0, 0.0],
            max_steps=90,
            judged=16,
            learning_rate=1e-3,
            logging_steps=3,
            seed=2,
            eval_strategy="steps",
            eval_steps=10,
            per_device_eval_batch_size=16,
        ),
        "FIT077",
    ),
    "grpo-tossed": (partial(grpo, reward=tossed, logging_steps=2, max_steps=100), "FIT079"),
    "grpo-rate-too-low": (
        partial(grpo, learning_rate=1e-8, logging_steps=2, max_steps=100),
        "FIT079",
    ),
    "grpo-clipped-updates": (
        partial(
            grpo,
            num_iterations=8,
            epsilon=0.1,
            learning_rate=5e-3,
            lr_scheduler_type="constant",
            logging_steps=2,
            max_steps=80,
        ),
        "FIT080",
    ),
}


LEFT_OUT = (
    "num_tokens",
    "step_time",
    "logits/",
    "completions/m",
    "clip_ratio/low",
    "clip_ratio/high",
)
"""Beginnings of columns that no check reads; the mean length is read."""


def kept(state: dict[str, Any]) -> dict[str, Any]:
    """A trainer's state as it is kept: the history and what tells of the run's length."""
    names = ("epoch", "global_step", "is_local_process_zero", "logging_steps", "max_steps",
             "num_train_epochs", "train_batch_size")  # fmt: skip
    history = [
        {name: _short(value) for name, value in row.items() if _is_kept(name)}
        for row in state["log_history"]
    ]
    return {**{name: state[name] for name in names if name in state}, "log_history": history}


def _is_kept(name: str) -> bool:
    return name == "completions/mean_length" or not name.removeprefix("eval_").startswith(LEFT_OUT)


def _short(value: object) -> object:
    return float(f"{value:.4g}") if isinstance(value, float) else value


def train(build: Build, folder: Path) -> None:
    """Train and keep the state in `folder`."""
    with tempfile.TemporaryDirectory() as out:
        trainer = build(Path(out) / "out")
        rewarded.trained(trainer)
        state = json.loads((Path(out) / "out" / "trainer_state.json").read_text(encoding="utf-8"))
    folder.mkdir(parents=True, exist_ok=True)
    text = ",\n".join(json.dumps(row) for row in kept(state).pop("log_history"))
    head = json.dumps({**kept(state), "log_history": []})
    (folder / "trainer_state.json").write_text(head[:-2] + "\n" + text + "]}\n", encoding="utf-8")


def main(root: Path, *names: str) -> None:
    """Make the runs of these names, all where none is given, and write the register."""
    jobs = {name: ("healthy", build) for name, build in HEALTHY.items()}
    jobs |= {name: ("faulty", build) for name, (build, _) in FAULTY.items()}
    for name, (kind, build) in jobs.items():
        if not names or name in names:
            print(name, flush=True)
            train(build, root / kind / name)
    planted = {name: code for name, (_, code) in FAULTY.items()}
    text = json.dumps({"healthy": sorted(HEALTHY), "planted": planted}, indent=1)
    (root / "declared.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
