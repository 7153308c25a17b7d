"""Faults of preference and reinforcement training, in real trainers of TRL."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.planted import rewarded

from tunewell.api.diagnose import diagnose
from tunewell.api.given import Given
from tunewell.core.finding import Finding, Severity
from tunewell.engine.examine import examine
from tunewell.engine.settings import Settings
from tunewell.subjects.trace import Trace
from tunewell.train.quiet import quiet

WEAK: dict[str, Any] = {"learning_rate": 1e-4}


def findings(build: Callable[[Path], Any], out: Path) -> list[Finding]:
    """What is said of a run that is trained here."""
    outcomes = examine([rewarded.trained(build(out))])
    assert not outcomes.broken
    return outcomes.findings


def codes(found: Sequence[Finding]) -> set[str]:
    """The codes of what is more than information."""
    return {finding.code for finding in found if finding.severity is not Severity.INFO}


def constant(completions: list[str], **_: Any) -> list[float]:
    return [1.0 for _ in completions]


def how_often(completions: list[str], **_: Any) -> list[float]:
    return [float(text.count("thanks")) for text in completions]


def grammatical(completions: list[str], **_: Any) -> list[float]:
    return [float(rewarded.follows_grammar(text)) for text in completions]


def written(trainer: Any, count: int = 48) -> float:
    """The share of answers that follow the grammar, of answers sampled from the trained model."""
    import torch

    tokens = trainer.processing_class
    draw = random.Random(5)  # noqa: S311  not for secrets
    asked = tokens(
        [rewarded.question(draw) for _ in range(count)],
        return_tensors="pt",
        padding=True,
        padding_side="left",
        return_token_type_ids=False,
    )
    torch.manual_seed(0)
    with quiet(1):
        model = trainer.model.eval()
        # TRL trains with checkpointing, under which transformers generates without its cache.
        model.gradient_checkpointing_disable()
        out = model.generate(**asked, do_sample=True, max_new_tokens=rewarded.LONGEST)
    texts = tokens.batch_decode(out[:, asked["input_ids"].shape[1] :], skip_special_tokens=True)
    return sum(map(rewarded.follows_grammar, texts)) / count


@pytest.mark.reproduces("R04")
def test_preferred_answers_lose_probability_and_the_text_degrades(tmp_path: Path) -> None:
    """FIT070 speaks where the rate is too high, and what the model writes bears it out."""
    scores = {}
    for name, chosen, expected in (
        ("faulty", {"learning_rate": 5e-4}, {"FIT070"}),
        ("healthy", WEAK, set()),
    ):
        trainer = rewarded.dpo(tmp_path / name, **chosen)
        assert codes(examine([rewarded.trained(trainer)]).findings) == expected
        scores[name] = written(trainer)
    assert scores["healthy"] > 0.7
    assert scores["faulty"] < 0.3


@pytest.mark.reproduces("R05")
def test_pairs_told_apart_at_once(tmp_path: Path) -> None:
    foreign = partial(rewarded.dpo, rows=rewarded.foreign(), learning_rate=1e-3, max_steps=60)
    assert "FIT071" in codes(findings(foreign, tmp_path / "faulty"))
    quick = partial(rewarded.dpo, rows=rewarded.pairs(agreed=0.98, seed=5), **WEAK)
    assert not codes(findings(quick, tmp_path / "healthy"))


def test_a_rate_too_low_to_learn_preferences(tmp_path: Path) -> None:
    still = partial(rewarded.dpo, learning_rate=1e-9)
    assert codes(findings(still, tmp_path / "dpo")) == {"FIT072"}
    still = partial(rewarded.kto, learning_rate=1e-9)
    assert codes(findings(still, tmp_path / "kto")) == {"FIT072"}
    assert not codes(findings(partial(rewarded.kto, **WEAK), tmp_path / "healthy"))


def test_evaluation_pairs_turned_round(tmp_path: Path) -> None:
    looks: dict[str, Any] = {
        "eval_strategy": "steps",
        "eval_steps": 20,
        "per_device_eval_batch_size": 16,
    }
    for swapped in (True, False):
        judged = rewarded.pairs(48, seed=9, swapped=swapped)
        build = partial(rewarded.dpo, judged=judged, **looks, **WEAK)
        assert ("FIT073" in codes(findings(build, tmp_path / str(swapped)))) is swapped


@pytest.mark.reproduces("R10")
def test_every_answer_gets_the_same_reward(tmp_path: Path) -> None:
    faulty = partial(rewarded.grpo, reward=constant, max_steps=24)
    first = findings(faulty, tmp_path / "faulty")[0]
    assert (first.code, first.severity) == ("FIT075", Severity.ERROR)
    # Its loss is near 0 as well, for the advantages of a group add up to 0.
    healthy = partial(rewarded.grpo, max_steps=40)
    assert not codes(findings(healthy, tmp_path / "healthy"))


@pytest.mark.reproduces("R11")
def test_answers_cut_at_their_cap(tmp_path: Path) -> None:
    faulty = partial(rewarded.grpo, max_completion_length=5, max_steps=30)
    assert codes(findings(faulty, tmp_path / "faulty")) == {"FIT076"}


@pytest.mark.reproduces("R13", "O36")
def test_a_reward_for_a_word_ends_in_that_word_alone(tmp_path: Path) -> None:
    """The reward is hacked, and the kept answers repeat themselves: the folder shows both."""
    for name, reward, weights in (
        ("faulty", [how_often, grammatical], [1.0, 0.0]),
        ("healthy", [rewarded.thankful, grammatical], [1.0, 0.0]),
    ):
        out = tmp_path / name
        rate = 2e-3 if name == "faulty" else 1e-3
        rewarded.trained(
            rewarded.grpo(
                out, reward, reward_weights=weights, max_steps=60, learning_rate=rate,
                logging_steps=2, log_completions=True, num_completions_to_print=0,
            )
        )  # fmt: skip
        found = codes(diagnose(Given(paths=(out,)), Settings()).findings)
        assert found - {"FIT076"} == ({"FIT077", "FIT081"} if name == "faulty" else set())


@pytest.mark.reproduces("R14")
def test_a_policy_that_collapses(tmp_path: Path) -> None:
    faulty = partial(rewarded.grpo, learning_rate=3e-2, logging_steps=2, max_steps=80)
    assert "FIT078" in codes(findings(faulty, tmp_path / "faulty"))


@pytest.mark.slow
def test_a_reward_that_never_rises(tmp_path: Path) -> None:
    still = partial(rewarded.grpo, learning_rate=1e-8, logging_steps=2, max_steps=100)
    assert codes(findings(still, tmp_path / "faulty")) == {"FIT079"}


@pytest.mark.slow
def test_updates_that_go_too_far(tmp_path: Path) -> None:
    faulty = partial(
        rewarded.grpo, num_iterations=8, epsilon=0.1, learning_rate=5e-3, max_steps=80,
        lr_scheduler_type="constant", logging_steps=2,
    )  # fmt: skip
    assert codes(findings(faulty, tmp_path / "faulty")) == {"FIT080"}


def test_what_each_trainer_logs(tmp_path: Path) -> None:
    """The names that the checks go by are those of the installed TRL."""
    builders: dict[str, Callable[..., Any]] = {
        "dpo": rewarded.dpo,
        "orpo": rewarded.orpo,
        "cpo": rewarded.cpo,
        "kto": rewarded.kto,
        "reward": rewarded.reward_model,
        "grpo": partial(rewarded.grpo, beta=0.1),
        "rloo": rewarded.rloo,
    }
    logged: dict[str, Trace] = {
        name: rewarded.trained(build(tmp_path / name, max_steps=2, logging_steps=1))
        for name, build in builders.items()
    }
    pairs = {"rewards/chosen", "rewards/rejected", "rewards/margins", "logps/chosen"}
    for name in ("dpo", "orpo", "cpo", "kto"):
        assert pairs <= logged[name].columns.keys(), name
    assert all("nll_loss" in logged[name].columns for name in ("orpo", "cpo"))
    assert not any("nll_loss" in logged[name].columns for name in ("dpo", "kto"))
    assert {"accuracy", "margin", "mean_reward"} <= logged["reward"].columns.keys()
    policy = {
        "reward", "reward_std", "frac_reward_zero_std", "entropy", "kl", "completions/mean_length",
        "completions/clipped_ratio", "clip_ratio/region_mean", "rewards/thankful/mean",
    }  # fmt: skip
    for name in ("grpo", "rloo"):
        assert policy <= logged[name].columns.keys(), name
