"""FIT070: preferred answers that become less likely while the margin grows."""

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
    Steps,
)
from tunewell.facts.curves import evidence
from tunewell.facts.preference_runs import Preferences, early, late, preferences
from tunewell.stats.levels import change
from tunewell.subjects.trace import Trace


@check(
    "FIT070",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("R04",),
)
def chosen_probability_falls(
    trace: Trace, *, min_fall: float = 0.1, serious_fall: float = 0.5, min_points: int = 12
) -> Iterator[Finding]:
    """Preferred answers that become less likely while the margin grows.

    ## What it finds
    A run over preferences (DPO and its kin, KTO, ORPO, SimPO) that pushes the rejected answers down
    and takes the preferred ones down with them.

    ## Why it matters
    The loss rewards the margin alone. The probability that preferred answers lose goes to answers
    that nobody has seen: the margin looks better and the text gets worse. A small fall is common in
    DPO and harmless after a good first stage. A large one means that the model has left the answers
    it was shown.

    ## How it is measured
    By rewards/chosen, the log-ratio to the reference, where there is a reference: the rows of a
    batch cancel in it. Its mean over the last third of the logs must lie below 0 with its whole 95
    % interval, and that of the margin above 0. Without a reference, logps/chosen must have fallen
    from the first third to the last with its interval, and the margin risen. The size is the fall
    of logps/chosen since the first tenth, as a share of its size there: 0.5 means that an answer of
    probability p ends at p to the power of 1.5. From `min_fall` (0.1) it is told, from
    `serious_fall` (0.5) it is a warning. Measured on a tiny model that was trained 14 times by DPO
    and SimPO at several rates: without a fall 75 and 83 % of its answers followed the language that
    it had learned, at 11 % still 56 %, at 27 % 65 %, and of the ten runs with 91 to 438 % none.
    Healthy runs in tests/fixtures/runs/trl ended at 20 % and below. The bound lies between, by
    judgement. At least `min_points` logs (12).

    ## Example
    logps/chosen -7.5 at the start, -29 at the end; rewards/margins 0 to 0.5.

    ## Fix
    A lower learning rate or a higher beta; add the supervised loss (`loss_type=["sigmoid",
    "sft"]`); train on the preferred answers first, so that the model starts where they are.

    ## When it is wrong
    When preferred answers were poor, and leaving them is what was wanted.

    ## Sources
    Fault R04 of the catalogue; huggingface/trl issue 800; Razin et al. 2024, arXiv 2410.08847; Pal
    et al. 2024, arXiv 2402.13228.
    """
    pairs = preferences(trace)
    logps = pairs.chosen_logp
    if len(logps) < min_points or len(pairs.margin) < min_points:
        message = f"it takes {min_points} logs of logps/chosen and rewards/margins"
        raise NotApplicableError(message)
    if not (_chosen_fell(pairs) and _margin_grew(pairs)):
        return
    start, end = early(logps), late(logps)
    share = (start - end.mean) / max(abs(start), 1e-9)
    if share < min_fall:
        return
    serious = share >= serious_fall
    common = "" if serious else ": common in such training, and harmless while it stays small"
    yield Finding(
        message=(
            f"the log-probability of preferred answers fell from {start:.3g} to {end.mean:.3g} "
            f"({100 * share:.0f} % of its size) while the margin grew to "
            f"{late(pairs.margin).mean:.3g}{common}"
        ),
        severity=None if serious else Severity.INFO,
        where=(Steps(metric="logps/chosen", first=int(logps.steps[0]), last=int(logps.steps[-1])),),
        evidence=(
            evidence("logps/chosen", logps),
            evidence("rewards/margins", pairs.margin),
            Number(
                name="fall of logps/chosen as a share of its start",
                value=100 * share,
                unit="%",
                bound=f"below {100 * serious_fall:.0f} %",
                low=100 * (start - end.high) / max(abs(start), 1e-9),
                high=100 * (start - end.low) / max(abs(start), 1e-9),
            ),
        ),
        impact="probability moves to answers that neither side of a pair has shown",
        fixes=(
            Fix(
                title="lower the learning rate, raise beta, or add the supervised loss on "
                "preferred answers",
                safety=Safety.MANUAL,
            ),
        ),
    )


def _chosen_fell(pairs: Preferences) -> bool:
    if pairs.reference and len(pairs.chosen):
        return late(pairs.chosen).high < 0
    return change(pairs.chosen_logp.values).fell


def _margin_grew(pairs: Preferences) -> bool:
    if pairs.reference:
        return late(pairs.margin).low > 0
    return change(pairs.margin.values).rose
