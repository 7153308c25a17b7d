"""Make the rollout of a copied reinforcement-learning trainer short, free and without side effects.

A reward function may call a paid service, and rules often give every first answer the same reward:
then no gradient flows, and a first step would prove nothing. So the copy is rewarded with made-up
numbers, and writes a few tokens only.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from tunewell.core.check import NotRunError

WRITTEN = 16
"""Tokens that the copy writes for a prompt."""


def rolls_out(trainer: Any) -> bool:
    """Whether each step begins by writing text that is then rewarded."""
    return hasattr(trainer, "reward_funcs")


def require_own_rollout(trainer: Any) -> None:
    """Check that the text can be written here, by the model alone.

    Raises:
        NotRunError: if a server writes it, or it calls tools or environments of the user's.
    """
    if getattr(trainer, "use_vllm", False):
        message = "the text of a step is written by vLLM, which is not started for a rehearsal"
        raise NotRunError(message)
    if getattr(trainer, "tools", None) or getattr(trainer, "environment_factory", None):
        message = "a step calls tools or environments of yours, which a rehearsal leaves alone"
        raise NotRunError(message)


def shorten(twin: Any) -> None:
    """Reward the copy with made-up numbers that differ within a group, over short texts."""
    twin.reward_funcs = [made_up_rewards for _ in twin.reward_funcs]
    twin.max_completion_length = min(twin.max_completion_length, WRITTEN)
    twin.generation_config = copy.copy(twin.generation_config)
    twin.generation_config.max_new_tokens = twin.max_completion_length


def made_up_rewards(completions: Sequence[object], **_: object) -> list[float]:
    """Rewards from 0 to 1, no two neighbours alike."""
    return [(place % 7) / 6 for place in range(len(completions))]
