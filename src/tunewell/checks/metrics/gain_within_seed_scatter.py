"""MET050: a gain that is no larger than what seeds do."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
    Table,
)
from tunewell.core.words import counted
from tunewell.facts.run_groups import against_first, level_for, seed_of, told
from tunewell.stats.scatter import Difference, spread
from tunewell.subjects.runs import RunGroup, Runs


@check(
    "MET050",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("O31",),
)
def gain_within_seed_scatter(runs: Runs, *, alpha: float = 0.05) -> Iterator[Finding]:
    """A better score that is no further off than runs of the same settings are from each other.

    ## What it finds
    Runs of two configurations whose scores differ, where runs of one configuration that differ in
    their seed alone scatter so much that the difference may be chance. With one configuration and
    several seeds it says, as information, below which difference there is no progress.

    ## Why it matters
    The seed decides the order of the rows and the first weights of a new head. On small data that
    alone moves a score by points: of many settings tried with one seed each, the best is the
    luckiest, and the next run with it is worse.

    ## How it is measured
    One score a seed: that of the best evaluation where every run keeps its best model, of the last
    one otherwise. The means of two groups are compared with Welch's interval, and by the exact
    permutation test where there are enough runs for it (from 4 and 4 on); where a group has one
    run, the scatter of the others is taken for it too. A p-value above `alpha` (0.05, the usual
    level) is reported, above 0.01 where a group has one run. Of one group, the least gain is
    t * s * sqrt(2): what the difference of two single runs exceeds by chance once in twenty times.

    ## Example
    Five seeds of one recipe: accuracy 81.2 to 85.6 %. A new rate with one seed: 85.9 %.

    ## Fix
    Train both configurations with the same three to five seeds, and compare their means.

    ## When it is wrong
    A run that was picked because it is the luckiest of several passes for better than it is: pass
    all of them. Scores that do not scatter like a normal law, as where one run in five collapses,
    are not told well by a mean. Runs with the same seeds are taken as independent, which hides a
    small gain that every seed shows; `tunewell compare` on two prediction files is the sharper
    test then.

    ## Sources
    Dodge et al. 2020, "Fine-Tuning Pretrained Language Models: Weight Initializations, Data Orders,
    and Early Stopping". Fault O31 of the catalogue.
    """
    if len(runs.groups) == 1:
        yield from _one_group(runs.groups[0], runs)
        return
    pairs = [(group, found) for group, found in against_first(runs) if found is not None]
    if not pairs:
        message = "no configuration was run with several seeds"
        raise NotApplicableError(message)
    first = runs.groups[0]
    unsure = [(g, d) for g, d in pairs if d.p_value > level_for(first, g, alpha) and d.value != 0]
    if not unsure:
        return
    group, found = max(unsure, key=lambda pair: abs(pair[1].value))
    way = "above" if found.value > 0 else "below"
    yield Finding(
        message=(
            f"{runs.metric} of {group.label} is {abs(found.value):.3g} {way} that of "
            f"{first.label}, and seeds alone do as much: {told(found)}"
        ),
        evidence=(_table(runs), _number(runs.metric, found)),
        impact="the next run with it may be worse: no progress is shown",
        fixes=(
            Fix(
                title="train both configurations with three to five seeds and compare the means",
                safety=Safety.MANUAL,
            ),
        ),
    )


def _one_group(group: RunGroup, runs: Runs) -> Iterator[Finding]:
    if len(group.scores) < 2:  # noqa: PLR2004  one run has no scatter
        message = "no configuration was run with several seeds"
        raise NotApplicableError(message)
    scatter = spread(group.scores)
    if scatter.deviation == 0:
        return
    yield Finding(
        severity=Severity.INFO,
        message=(
            f"{counted(len(group.scores), 'seed')} of the same settings gave {runs.metric} "
            f"{min(group.scores):.3g} to {max(group.scores):.3g}: between two single runs a gain "
            f"below {scatter.least_gain:.2g} is no progress"
        ),
        evidence=(
            _table(runs),
            Number(
                name="standard deviation",
                value=scatter.deviation,
                low=scatter.deviation_low,
                high=scatter.deviation_high,
            ),
        ),
        fixes=(
            Fix(
                title="compare means over several seeds, of both configurations",
                safety=Safety.MANUAL,
            ),
        ),
    )


def _number(metric: str, found: Difference) -> Number:
    return Number(name=f"difference in {metric}", value=found.value, low=found.low, high=found.high)


def _table(runs: Runs) -> Table:
    rows = tuple(
        (group.label, run.name, seed_of(run), run.score)
        for group in runs.groups
        for run in group.runs
    )
    return Table(
        name="scores",
        columns=("settings", "run", "seed", runs.metric),
        rows=rows,
        total=len(rows),
    )
