"""Accept or refuse a retrained model, by what it does on old and on new rows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tunewell.core.proof import Proof, Verdict
from tunewell.proof.compare import compare
from tunewell.subjects.evaluation import EvaluationPair

MARGIN = 0.03
"""Loss on old rows that is still taken as none: 3 points, about what two seeds of one training
differ by at most. A smaller margin needs thousands of rows to be shown."""

ALPHA = 0.05


class Decision(StrEnum):
    """What to do with the candidate."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    NOT_ENOUGH = "not enough data"


@dataclass(frozen=True, slots=True)
class Gate:
    """A decision with its reasons and the two comparisons it rests on."""

    decision: Decision
    reasons: tuple[str, ...]
    old: Proof
    new: Proof


def gate(
    old: EvaluationPair, new: EvaluationPair, *, margin: float = MARGIN, alpha: float = ALPHA
) -> Gate:
    """Hold a candidate against the current model.

    Accepted is a candidate that is surely not worse than the current model by more than `margin` on
    old rows, and on new rows is better or surely not worse. Refused is one that is significantly
    worse on either. Anything else is not enough data, and the current model stays.

    Args:
        old: both models on rows like those that the current model was made for.
        new: both models on held-out new rows.
        margin: loss that is taken as none.
        alpha: chance of a false answer, shared by the two comparisons.

    Raises:
        InputError: if a pair does not judge the same rows.
    """
    on_old = _compare(old, "old rows: current model against candidate", margin, alpha)
    on_new = _compare(new, "new rows: current model against candidate", margin, alpha)
    reasons: list[str] = []
    kept = _kept(on_old, margin)
    gained = on_new.verdict is Verdict.BETTER or _kept(on_new, margin)
    for proof, name, fine in ((on_old, "old", kept), (on_new, "new", gained)):
        reasons.append(_reason(proof, name, margin, fine=fine))
    if Verdict.WORSE in (on_old.verdict, on_new.verdict) and not (kept and gained):
        decision = Decision.REFUSE
    elif kept and gained:
        decision = Decision.ACCEPT
    else:
        decision = Decision.NOT_ENOUGH
    return Gate(decision, tuple(reasons), on_old, on_new)


def _compare(pair: EvaluationPair, title: str, margin: float, alpha: float) -> Proof:
    return compare(
        pair.baseline, pair.candidate, title=title, margin=margin, alpha=alpha, comparisons=2
    )


def _kept(proof: Proof, margin: float) -> bool:
    """Whether a loss of more than the margin is excluded."""
    return proof.difference.low > -margin


def _reason(proof: Proof, name: str, margin: float, *, fine: bool) -> str:
    points = (
        f"{100 * proof.difference.value:+.1f} points, 95 % interval "
        f"{100 * proof.difference.low:+.1f} to {100 * proof.difference.high:+.1f}"
    )
    if proof.verdict is Verdict.BETTER:
        return f"better on {proof.rows:,} {name} rows ({points})"
    if fine:
        return f"not worse on {proof.rows:,} {name} rows by {100 * margin:g} points ({points})"
    if proof.verdict is Verdict.WORSE:
        return f"worse on {proof.rows:,} {name} rows ({points})"
    return f"{proof.rows:,} {name} rows do not tell whether it is worse ({points})"
