"""ADA034: what the model knew before is lost while it learns something new."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
    Steps,
)
from tunewell.facts.curves import evidence, noise
from tunewell.facts.metric_names import evaluation_sets
from tunewell.stats.trend import Trend, trend
from tunewell.subjects.trace import Column, Trace


@dataclass(frozen=True, slots=True)
class _Set:
    name: str
    column: Column
    line: Trend

    @property
    def change(self) -> float:
        """What the line changes from the first evaluation to the last, of the first value."""
        length = float(self.column.steps[-1] - self.column.steps[0])
        return self.line.slope * length / max(abs(float(self.column.values[0])), 1e-12)


@check(
    "ADA034",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("C01",),
)
def other_set_forgotten(
    trace: Trace,
    *,
    min_evaluations: int = 5,
    min_rise: float = 0.1,
    min_fall: float = 0.05,
    level: float = 0.99,
) -> Iterator[Finding]:
    """The loss of one evaluation set rises while that of another falls: forgetting.

    ## What it finds
    A run with several evaluation sets in which one ends better than it began and another worse.

    ## Why it matters
    Fine-tuning on new rows alone makes a model lose what it could do, and an evaluation on those
    rows cannot show it. Here a second set does.

    ## How it is measured
    The losses of each set (`eval_<name>_loss`) over at least `min_evaluations` evaluations (5). One
    set must end below its first value by `min_fall` of it (0.05), another above its own by
    `min_rise` (0.1), both by three times the curve's scatter as well; and from its lowest value on,
    over `min_evaluations` evaluations at least, the other must rise: a straight line through it has
    an interval of its slope at `level` (0.99), widened where neighbours go together, that lies
    above 0. A set that is past its best and still better than it began is left alone.

    ## Example
    `eval_new_loss` 2.1 to 0.8, and `eval_general_loss` 1.9 to 2.6, over ten evaluations.

    ## Fix
    Mix 5 to 20 % of old or general rows into the training set, a lower learning rate, fewer epochs
    or a smaller adapter; keep the checkpoint at which both sets are acceptable.

    ## When it is wrong
    When the second set is of something that the model is to give up.

    ## Sources
    Fault C01 of the catalogue, whose threads name the share to be mixed in. The bounds are
    judgements.
    """
    names = evaluation_sets(trace)
    columns = {
        name: column
        for name in names
        if len(column := trace.column(f"eval_{name}_loss").finite) >= min_evaluations
    }
    sets = [_set(name, column, 0, level) for name, column in columns.items()]
    if len(sets) < 2:  # noqa: PLR2004  one against another
        reason = f"the run has no two evaluation sets with {min_evaluations} losses each"
        raise NotApplicableError(reason)
    better = [one for one in sets if _moved(one.column, min_fall) < 0]
    lowest = [
        _set(name, column, place, level)
        for name, column in columns.items()
        if len(column) - (place := int(column.values.argmin())) >= min_evaluations
    ]
    worse = [one for one in lowest if one.line.rises and _moved(columns[one.name], min_rise) > 0]
    if not better or not worse:
        return
    lost = max(worse, key=lambda one: one.change)
    learned = min(better, key=lambda one: one.change)
    first, last = int(lost.column.steps[0]), int(lost.column.steps[-1])
    yield Finding(
        message=(
            f"from step {first:,} to {last:,} the loss on {learned.name!r} went from "
            f"{learned.column.values[0]:.3g} to {learned.column.values[-1]:.3g} and on "
            f"{lost.name!r} from {lost.column.values[0]:.3g} to {lost.column.values[-1]:.3g}: the "
            "model forgets"
        ),
        where=(Steps(metric=f"eval_{lost.name}_loss", first=first, last=last),),
        evidence=(
            Number(
                name=f"slope of {lost.name} for 1,000 steps, {100 * level:g} % interval",
                value=1000 * lost.line.slope,
                low=1000 * lost.line.low,
                high=1000 * lost.line.high,
                bound="0 within the interval",
            ),
            evidence(f"eval_{lost.name}_loss", lost.column),
            evidence(f"eval_{learned.name}_loss", learned.column),
        ),
        impact=f"the model is {100 * lost.change:.0f} % worse at what it could do before",
        fixes=(
            Fix(
                title="mix 5 to 20 % of old or general rows into the training set, or take a lower "
                "rate or an earlier checkpoint",
                safety=Safety.MANUAL,
            ),
        ),
    )


def _set(name: str, column: Column, begin: int, level: float) -> _Set:
    """A set's losses from its evaluation number `begin` on, and their line."""
    part = Column(column.steps[begin:], column.values[begin:])
    return _Set(name, part, trend(part.steps, part.values, level=level))


def _moved(column: Column, least: float) -> float:
    """The last value less the first, 0 where that is less than `least` of the first or scatter."""
    first, last = float(column.values[0]), float(column.values[-1])
    enough = max(least * abs(first), 3 * noise(column.values))
    return last - first if abs(last - first) >= enough else 0.0
