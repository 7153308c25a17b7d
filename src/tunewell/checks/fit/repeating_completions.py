"""FIT081: answers that say the same words over and over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

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
    Text,
)
from tunewell.facts.curves import evidence
from tunewell.facts.policy_runs import logged
from tunewell.facts.repetition import distinct_share
from tunewell.stats.intervals import wilson
from tunewell.stats.levels import level
from tunewell.subjects.completions import Completions, Written
from tunewell.subjects.trace import Column, Trace

SHOWN = 240
"""Characters of the answer that is quoted."""


@dataclass(frozen=True, slots=True)
class _Share:
    """Answers that repeat themselves, as a share with its 95 % interval."""

    value: float
    low: float
    high: float


@check(
    "FIT081",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("O36",),
)
def repeating_completions(
    completions: Completions,
    trace: Trace | None,
    *,
    max_distinct: float = 0.3,
    min_share: float = 0.2,
    min_words: int = 12,
    min_texts: int = 16,
) -> Iterator[Finding]:
    """Answers that say the same words over and over, more than the run's first answers did.

    ## What it finds
    A model in reinforcement training whose kept answers end in a loop: the same word or sentence
    again and again.

    ## Why it matters
    The text is worthless, whatever the reward says. It comes of too high a rate, of a reward that
    pays for length, and of an end token that is not trained; and it fills every answer up to the
    longest length, so that each step is slow.

    ## How it is measured
    For each answer of at least `min_words` words (12), the different runs of four words as a share
    of all; `max_distinct` or less (0.3, of the catalogue) is a loop. The share of loops in the last
    quarter of the kept steps must be `min_share` or more (0.2), and the lower end of its 95 %
    interval (Wilson) above the upper end of that of the first quarter. Answers to one question
    count as one in the intervals, for they are alike. Where the first answers were loops already
    that is information: it did not come of this run. Where the log tells how many answers never
    ended, that is told too. At least `min_texts` answers on both sides (16).

    ## Example
    " the thanks thanks thanks thanks thanks ..." in 15 of 16 answers at step 80.

    ## Fix
    Go back to a checkpoint from before, with a lower learning rate; train the end token; and take
    out of the reward what a loop earns.

    ## When it is wrong
    When answers are meant to repeat themselves, as tables and lists of numbers do.

    ## Sources
    Fault O36 of the catalogue; deepseek-ai/DeepSeek-R1 issue 505; Li et al. 2016, arXiv 1510.03055,
    on distinct n-grams.
    """
    batches = completions.batches
    quarter = max(1, len(batches) // 4)
    early, late = batches[:quarter], batches[-quarter:]
    if min(_count(early), _count(late)) < min_texts or early[0].step == late[-1].step:
        message = f"it takes {min_texts} kept answers early and as many late in the run"
        raise NotApplicableError(message)
    first, last = (_loops(part, max_distinct, min_words) for part in (early, late))
    grew = last.low > first.high and last.value >= min_share
    always = not grew and first.low >= min_share and last.value >= min_share
    if not (grew or always):
        return
    then = (
        f", where {100 * first.value:.0f} % of the first ones did"
        if grew
        else ", as the first ones of the run did already"
    )
    yield Finding(
        message=(
            f"{100 * last.value:.0f} % of the last answers ({100 * last.low:.0f} to "
            f"{100 * last.high:.0f} %) say the same words over and over{then}{_unended(trace)}"
        ),
        severity=None if grew else Severity.INFO,
        where=(Steps(metric="completions", first=early[0].step, last=late[-1].step),),
        evidence=(
            evidence("share of answers that repeat", _series(batches, max_distinct, min_words)),
            Number(
                name="answers that repeat themselves",
                value=100 * last.value,
                unit="%",
                bound=f"below {100 * max(first.high, min_share):.0f} %",
                low=100 * last.low,
                high=100 * last.high,
            ),
            Text(name=f"an answer at step {late[-1].step:,}", text=_worst(late, min_words)),
        ),
        impact="the text is worthless, and every answer is as long as is allowed",
        fixes=(
            Fix(
                title="go back to an earlier checkpoint with a lower learning rate, and look "
                "whether the reward pays for length",
                safety=Safety.MANUAL,
            ),
        ),
    )


def _count(batches: Sequence[Written]) -> int:
    return sum(len(batch.texts) for batch in batches)


def _looping(texts: Sequence[str], max_distinct: float, min_words: int) -> list[bool]:
    shares = [distinct_share(text, fewest=min_words) for text in texts]
    return [share is not None and share <= max_distinct for share in shares]


def _loops(batches: Sequence[Written], max_distinct: float, min_words: int) -> _Share:
    found = [loop for b in batches for loop in _looping(b.texts, max_distinct, min_words)]
    asked = {(batch.step, prompt) for batch in batches for prompt in batch.prompts}
    value = sum(found) / len(found)
    low, high = wilson(value * len(asked), len(asked))
    return _Share(value, float(low), float(high))


def _series(batches: Sequence[Written], max_distinct: float, min_words: int) -> Column:
    shares = [np.mean(_looping(b.texts, max_distinct, min_words)) for b in batches]
    return Column(
        np.array([batch.step for batch in batches], dtype=np.int64),
        np.array(shares, dtype=np.float64),
    )


def _worst(batches: Sequence[Written], min_words: int) -> str:
    texts = [text for batch in batches for text in batch.texts]
    # Those too short to tell come last.
    text = min(texts, key=lambda text: distinct_share(text, fewest=min_words) or 1.0)
    return text if len(text) <= SHOWN else text[:SHOWN] + " ..."


def _unended(trace: Trace | None) -> str:
    clipped = logged(trace, "clipped answers") if trace is not None else None
    if clipped is None or not len(clipped):
        return ""
    cut = level(clipped.values[-max(1, len(clipped) // 3) :]).mean
    return f"; {100 * cut:.0f} % of answers never ended"
