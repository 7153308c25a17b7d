"""Which given labels are wrong, from probabilities of a model that has not seen the row.

Where model and label differ, one of them errs, and the probabilities alone cannot tell which: any
probabilities that fit the labels also fit "all labels are right, and the model knows no better".
Two readings mark the ends, and `label_errors` works out both:

- *slips*: labels are changed without regard to the text. The rate is what is left of disagreement
  where the model is sure, and the model's doubt elsewhere is its own. This is the classic model of
  class-conditional noise, fitted by maximum likelihood together with one temperature.
- *hesitation*: who labelled the row doubted where the model doubts. Then the right label is the one
  on which two independent readers would agree, chance p_j ** 2 / sum(p ** 2), and a label i
  that is less likely than that agreement is wrong with chance 1 - p_i / sum(p ** 2).

The posterior lies between the two: half of each where nothing speaks for either. Where the surest
errors went to classes drawn at random, and not to those that the model would have chosen next, the
share of those that did not bounds the weight of hesitation. With two classes there is no such
choice and nothing to learn from it. What is flagged is the set with the highest expected F1 under
that posterior. No number is fitted to a data set with known truth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tunewell.stats.intervals import wilson
from tunewell.stats.noise_transition import CELLS_FITTED, FLOOR, fit, log_chances, softmax

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CELLS_AT_ONCE = 2_000_000
"""Probabilities held at once in double precision, 16 MB for each array."""

SURE = 0.5
"""Posterior of a slip from which a row counts as a sure error."""

PRIOR_ROWS = 5
"""Rows that the prior weight of hesitation, one half, counts for beside the sure errors."""

Z95 = 1.959964


@dataclass(frozen=True, slots=True)
class Estimated:
    """A share with its range.

    `low` and `high` hold both readings (all doubt is the label's, all doubt is the model's) and
    Wilson's 95 % interval of each.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, eq=False)
class LabelErrors:
    """What is known of n given labels; all arrays have shape (n,).

    `posterior` is the chance that the label is wrong, `sure` its lower end (slips alone). `order`
    ranks the rows, most likely wrong first. `flagged` is the set with the highest expected F1; none
    of its rows has the model's first choice as its label. `suggested` is the most likely class
    other than the given one, and `suggestion` its probability after calibration. `wrong` is the
    share of all rows, `false_discovery` the share of the flagged ones that are right (0 to 1 where
    nothing is flagged). `least_wrong` is the lower 95 % bound of the number of wrong labels under
    the reading that finds the fewest. `hesitation` is the weight of that reading, and `temperature`
    what the model's logits had to be divided by.
    """

    order: Ints
    flagged: NDArray[np.bool_]
    posterior: Floats
    sure: Floats
    suggested: Ints
    suggestion: Floats
    wrong: Estimated
    false_discovery: Estimated
    least_wrong: float
    hesitation: float
    temperature: float


def label_errors(probabilities: NDArray[np.floating], given: Ints) -> LabelErrors:
    """Judge every given label by out-of-sample probabilities.

    Args:
        probabilities: shape (n, k), k >= 2, rows that sum to 1; of a model that was not trained on
            the row. Over- and underconfident ones are calibrated on the given labels.
        given: int64 class ids of shape (n,), 0 to k - 1.

    Raises:
        ValueError: if shapes do not match, a label is out of range or a probability is not finite.
    """
    _require(probabilities, given)
    temperature, transition = fit(probabilities, given)
    parts = _judge(probabilities, given, temperature, transition)
    hesitation = _hesitation(probabilities, given, temperature, transition, parts)
    both = 1 - (1 - parts.slip) * (1 - parts.doubt)
    posterior = (1 - hesitation) * parts.slip + hesitation * both
    order = np.lexsort((-parts.margin, -posterior))
    flagged = np.zeros(len(given), dtype=bool)
    flagged[_best_f1(posterior, order)] = True
    flagged &= parts.margin > 0
    slip_sd = float(np.sqrt((parts.slip * (1 - parts.slip)).sum()))
    return LabelErrors(
        order=order,
        flagged=flagged,
        posterior=posterior,
        sure=parts.slip,
        suggested=parts.suggested,
        suggestion=parts.suggestion,
        wrong=_share(posterior, parts.slip, both),
        false_discovery=_share(1 - posterior[flagged], 1 - both[flagged], 1 - parts.slip[flagged]),
        least_wrong=max(0.0, float(parts.slip.sum()) - Z95 * slip_sd),
        hesitation=hesitation,
        temperature=temperature,
    )


def _require(probabilities: NDArray[np.floating], given: Ints) -> None:
    if probabilities.ndim != 2 or probabilities.shape[1] < 2:  # noqa: PLR2004  rows by classes
        message = f"probabilities must have shape (n, k >= 2), not {probabilities.shape}"
        raise ValueError(message)
    if given.shape != probabilities.shape[:1]:
        message = f"{len(probabilities)} rows of probabilities but {given.shape} labels"
        raise ValueError(message)
    if len(given) and not 0 <= given.min() <= given.max() < probabilities.shape[1]:
        message = f"a label is not one of the {probabilities.shape[1]} classes"
        raise ValueError(message)
    # Float16 sums overflow past 65,504 rows.
    if not np.isfinite(probabilities.sum(dtype=np.float64)):
        message = "a probability is not finite"
        raise ValueError(message)


@dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    """Of each row: the two readings' chances of an error, and what else follows from its row.

    `margin` is the log of the best other class's probability over the given one's, calibrated.
    `tied` says that the given class shares its probability with another, as clipped ones do.
    """

    slip: Floats
    doubt: Floats
    margin: Floats
    tied: NDArray[np.bool_]
    suggested: Ints
    suggestion: Floats


def _judge(
    probabilities: NDArray[np.floating], given: Ints, temperature: float, transition: Floats
) -> _Parts:
    rows, classes = probabilities.shape
    slip, doubt, margin, suggestion = (np.empty(rows) for _ in range(4))
    tied = np.empty(rows, dtype=bool)
    suggested = np.empty(rows, dtype=np.int64)
    at_once = max(1, CELLS_AT_ONCE // classes)
    for low in range(0, rows, at_once):
        part = slice(low, low + at_once)
        labels = given[part]
        here = np.arange(len(labels))
        logits = log_chances(probabilities[part])
        own_logit = logits[here, labels]
        own_given = probabilities[part][here, labels][:, None]
        tied[part] = (probabilities[part] == own_given).sum(axis=1) > 1
        truth = softmax(logits, temperature)
        own = truth[here, labels]
        kept = own * np.diag(transition)[labels]
        slip[part] = 1 - kept / np.maximum(
            np.einsum("nk,nk->n", truth, transition.T[labels]), FLOOR**2
        )
        agreement = np.einsum("nk,nk->n", truth, truth)
        doubt[part] = np.maximum(0.0, 1 - own / agreement)
        truth[here, labels] = -1.0
        suggested[part] = truth.argmax(axis=1)
        suggestion[part] = truth[here, suggested[part]]
        margin[part] = (logits[here, suggested[part]] - own_logit) / temperature
    np.clip(slip, 0.0, 1.0, out=slip)
    return _Parts(slip, doubt, margin, tied, suggested, suggestion)


def _hesitation(
    probabilities: NDArray[np.floating],
    given: Ints,
    temperature: float,
    transition: Floats,
    parts: _Parts,
) -> float:
    """Weight of hesitation: one half, or the share of sure errors not drawn at random.

    A mixture of two laws is fitted to where the sure errors went: by the sizes of the classes, or
    by the model's own probabilities. Both are conditioned on an error being sure, which shuts out
    the classes that the model finds plausible; without that every error would look random.
    """
    sure = np.flatnonzero((parts.slip > SURE) & (parts.margin > 0) & ~parts.tied)
    classes = probabilities.shape[1]
    sure = sure[:: max(1, -(-len(sure) * classes // CELLS_FITTED))]
    truth = softmax(log_chances(probabilities[sure]), temperature)
    labels = given[sure]
    here = np.arange(len(sure))
    slip = 1 - truth * np.diag(transition) / np.maximum(truth @ transition, FLOOR**2)
    # The given class itself is among them whatever rounding says.
    possible = slip > SURE
    possible[here, truth.argmax(axis=1)] = False
    possible[here, labels] = True
    sizes = np.bincount(given, minlength=classes)
    drawn = sizes[labels] / (possible @ sizes.astype(np.float64))
    chosen = truth[here, labels] / np.maximum((truth * possible).sum(axis=1), FLOOR**2)
    share = 0.5
    for _ in range(200):
        owed = share * chosen / np.maximum(share * chosen + (1 - share) * drawn, FLOOR**2)
        share = (float(owed.sum()) + 0.5 * PRIOR_ROWS) / (len(sure) + PRIOR_ROWS)
    return min(0.5, share)


def _best_f1(posterior: Floats, order: Ints) -> Ints:
    """The rows, a head of `order`, with the highest expected F1."""
    if not len(order):
        return order
    found = np.cumsum(posterior[order])
    f1 = 2 * found / (np.arange(1, len(order) + 1) + found[-1])
    return order[: int(f1.argmax()) + 1]


def _share(value: Floats, least: Floats, most: Floats) -> Estimated:
    """Mean of chances, with the range of the two readings and of sampling."""
    rows = len(value)
    if not rows:
        return Estimated(0.0, 0.0, 1.0)
    # Wilson's interval of as many rows: chances of exactly 0 or 1 are not beyond doubt either.
    low, _ = wilson(least.sum(), rows)
    _, high = wilson(most.sum(), rows)
    return Estimated(float(value.mean()), float(low), float(high))
