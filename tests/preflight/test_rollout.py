"""Reinforcement learning: the step is rehearsed, and nothing of the user's is called for it."""

from pathlib import Path
from typing import Any

import pytest
from tests.preflight import tiny

import tunewell


def grpo(out: Path, reward: Any, **settings: Any) -> Any:
    from trl import GRPOConfig, GRPOTrainer

    from tunewell.train.quiet import quiet

    with quiet(1):
        return GRPOTrainer(
            model=tiny.causal(),
            reward_funcs=reward,
            args=tiny.arguments(
                out, GRPOConfig, num_generations=4, max_completion_length=64, **settings
            ),
            train_dataset=tiny.dataset([{"prompt": text} for text in tiny.sentences(12)]),
            processing_class=tiny.tokenizer(),
        )


@pytest.fixture
def calls() -> list[int]:
    return []


def test_the_reward_is_not_called_and_the_step_is_proven(tmp_path: Path, calls: list[int]) -> None:
    def always_zero(completions: list[str], **_: Any) -> list[float]:
        calls.append(len(completions))
        return [0.0] * len(completions)

    trainer = grpo(tmp_path, always_zero)
    document = tunewell.check(trainer)
    assert calls == []
    assert "FIT005" in {outcome.check for outcome in document.passed}
    assert not document.broken
    assert not [f for f in document.findings if f.severity is tunewell.Severity.ERROR]
    assert trainer.max_completion_length == 64
    assert trainer.generation_config.max_new_tokens == 64
    assert trainer.reward_funcs == [always_zero]


def test_frozen_weights_are_found(tmp_path: Path) -> None:
    trainer = grpo(tmp_path, lambda completions, **_: [float(len(c)) for c in completions])
    trainer.model.requires_grad_(requires_grad=False)
    codes = {finding.code for finding in tunewell.check(trainer).findings}
    assert "FIT010" in codes


def test_losses_are_bit_equal(tmp_path: Path) -> None:
    import torch

    def by_length(completions: list[str], **_: Any) -> list[float]:
        return [float(len(text)) for text in completions]

    torch.manual_seed(1)
    plain = tiny.train(grpo(tmp_path / "plain", by_length, max_steps=2))
    torch.manual_seed(1)
    trainer = grpo(tmp_path / "checked", by_length, max_steps=2)
    tunewell.check(trainer)
    assert tiny.train(trainer) == plain


def test_tools_of_the_user_are_left_alone(tmp_path: Path) -> None:
    trainer = grpo(tmp_path, lambda completions, **_: [1.0] * len(completions))
    trainer.tools = [len]
    reasons = [outcome.reason for outcome in tunewell.check(trainer).not_run]
    assert any("calls tools or environments of yours" in reason for reason in reasons)
