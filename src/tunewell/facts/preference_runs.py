"""What runs over preferences log, under TRL's names: DPO and its kin, KTO and reward models."""

from __future__ import annotations

from dataclasses import dataclass

from tunewell.core.check import NotApplicableError
from tunewell.facts.curves import start_level
from tunewell.stats.intervals import wilson
from tunewell.stats.levels import Level, level
from tunewell.subjects.trace import EMPTY, Column, Trace

NO_REFERENCE = ("nll_loss", "log_odds_ratio", "sft_loss")
"""Logged by ORPO, CPO and SimPO, which compare with no reference model."""


@dataclass(frozen=True, slots=True, eq=False)
class Preferences:
    """Columns of a run over preferences.

    `accuracy` is the share of pairs of which the preferred answer gets more reward, `margin` the
    mean difference of the rewards, `chosen` and `rejected` the rewards, `chosen_logp` the log
    probability of preferred answers in nats. Those that are not logged are empty: KTO has no pairs
    and so no accuracy. `scores` says that a reward model is trained, whose reward is its output;
    with `reference` rewards are log-ratios to a reference model, and 0 at the start.
    """

    accuracy: Column
    margin: Column
    chosen: Column = EMPTY
    rejected: Column = EMPTY
    chosen_logp: Column = EMPTY
    scores: bool = False
    reference: bool = False

    @property
    def centred(self) -> bool:
        """Whether a model that has learned nothing is right about half of the pairs."""
        return self.scores or self.reference


def preferences(trace: Trace, prefix: str = "") -> Preferences:
    """The columns of preference training, or with `eval_` as prefix those of its evaluations.

    Raises:
        NotApplicableError: if the run is no such training.
    """
    columns = trace.columns
    if "rewards/margins" in columns or "rewards/chosen" in columns:
        return Preferences(
            accuracy=trace.column(f"{prefix}rewards/accuracies").finite,
            margin=trace.column(f"{prefix}rewards/margins").finite,
            chosen=trace.column(f"{prefix}rewards/chosen").finite,
            rejected=trace.column(f"{prefix}rewards/rejected").finite,
            chosen_logp=trace.column(f"{prefix}logps/chosen").finite,
            reference=not any(name in columns for name in NO_REFERENCE),
        )
    if "margin" in columns and "mean_reward" in columns:
        return Preferences(
            accuracy=trace.column(f"{prefix}accuracy").finite,
            margin=trace.column(f"{prefix}margin").finite,
            scores=True,
        )
    message = "the run logs no rewards of preferred and rejected answers"
    raise NotApplicableError(message)


def late(column: Column) -> Level:
    """The level of the last third of a column."""
    return level(column.values[-max(1, len(column) // 3) :])


def early(column: Column) -> float:
    """The level of the first tenth of a column, at least three points."""
    return start_level(column.values)


def share_interval(share: float, rows: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share of so many rows."""
    low, high = wilson(share * rows, rows)
    return float(low), float(high)


def far_enough(trace: Trace, share: float = 0.5) -> bool:
    """Whether the run is over, or so much of its planned steps is done."""
    if trace.finished:
        return True
    return trace.max_steps is not None and trace.last_step >= share * trace.max_steps
