"""FIT046: gradients that are gone, of the whole model or of its first layers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Evidence,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
    Steps,
    Table,
)
from tunewell.core.words import counted
from tunewell.facts.curves import end_level, evidence, is_reward_training, training_loss
from tunewell.facts.layers import GRADIENT, LOOKED_UP, rate_at, sampled
from tunewell.subjects.trace import Column, Trace

FAR = 10_000

ADAM_EPSILON = 1e-8
"""The default of transformers and PyTorch."""


@check(
    "FIT046",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
)
def gradients_vanish(
    trace: Trace,
    *,
    max_share: float = 1e-3,
    min_left: float = 0.7,
    min_points: int = 5,
    min_samples: int = 3,
) -> Iterator[Finding]:
    """Gradients that have shrunk to nothing while there is still loss to learn from.

    ## What it finds
    A run whose gradient norm is 0, or has fallen to a thousandth of its early value, although the
    loss has hardly fallen; and layers whose gradients are too small for Adam while others' are not.

    ## Why it matters
    Without a gradient no step changes anything but by weight decay. It happens where activations
    are saturated or dead after one step that was too large, and where the loss is cut off from the
    weights.

    ## How it is measured
    The median of the last quarter of the logged norms against the largest of the first half's
    running values: at most `max_share` of it (0.001), with a loss still at least `min_left` of its
    own level there (0.7): a loss that is nearly 0 has small gradients by right; twice `min_points`
    logs are asked for (5). For layers the watcher's samples: a root mean square below Adam's
    epsilon (1e-8, or what the settings say), where the step is no longer scaled up, in the median
    of at least `min_samples` samples (3), at a loss like that, while another layer's lies ten
    thousand times above: gradients of kinds of layers differ a hundredfold in healthy models.
    Embeddings are left out.

    ## Example
    grad_norm 1.9 at step 20, 0.0 from step 35 on; loss 2.3 throughout.

    ## Fix
    A tenth of the learning rate with warm-up, from the last good checkpoint; look for a detached
    or frozen part.

    ## When it is wrong
    When the loss cannot be lower, as with labels that the texts do not explain: gradients of whole
    batches average out then, though hardly to a thousandth.

    ## Sources
    The epsilon is PyTorch's AdamW. The other bounds are judgements.
    """
    norms, losses = trace.column("grad_norm").finite, training_loss(trace)
    told = len(norms) >= 2 * min_points
    watched = any(len(c) >= min_samples for c in sampled(trace, GRADIENT).values())
    if is_reward_training(trace) or len(losses) < 2 * min_points or not (told or watched):
        message = f"it takes {2 * min_points} logged gradient norms and losses"
        raise NotApplicableError(message)
    peak = late = 0.0
    if told:
        peak = float(np.median(np.sort(norms.values[: len(norms) // 2])[-min_points:]))
        late = float(np.median(norms.values[-max(min_points, len(norms) // 4) :]))
    level, last = float(np.median(losses.values[: len(losses) // 2])), end_level(losses.values)
    if level <= 0 or last < min_left * level:
        return
    gone = told and (late <= max_share * peak if peak > 0 else not np.any(norms.values))
    layers = _small_layers(trace, min_samples)
    if not gone and not layers:
        return
    said = (
        f"gradient norms fell from {peak:.3g} to {late:.3g} while the loss stays at {last:.3g}"
        if gone
        else f"the gradients of {counted(len(layers), 'layer')} are below Adam's epsilon, first of "
        f"{layers[0][0]}, another's is more than {FAR:,} times larger, and the loss is {last:.3g}"
    )
    shown: list[Evidence] = [evidence("loss", losses)]
    if told:
        shown.insert(0, evidence("grad_norm", norms))
    if layers:
        shown.append(
            Table(
                name="layers without a gradient to speak of",
                columns=("layer", "gradient (root mean square)"),
                rows=tuple(layers[:20]),
                total=len(layers),
            )
        )
    if told:
        shown.append(_fall(late, peak, max_share))
    yield Finding(
        message=said,
        where=(_steps(norms if told else losses, "grad_norm" if told else "loss"),),
        evidence=tuple(shown),
        impact="steps change nothing any more",
        fixes=(
            Fix(
                title="go back to the last good checkpoint and train on with a tenth of the "
                "learning rate and warm-up; look for a part that is detached",
                safety=Safety.MANUAL,
            ),
        ),
    )


def _steps(column: Column, metric: str) -> Steps:
    return Steps(metric=metric, first=int(column.steps[0]), last=int(column.steps[-1]))


def _fall(late: float, peak: float, max_share: float) -> Number:
    return Number(
        name="gradient norm against its early value",
        value=100 * late / peak if peak > 0 else 0.0,
        unit="%",
        bound=f"above {100 * max_share:g} %",
    )


def _small_layers(trace: Trace, min_samples: int) -> list[tuple[str, float]]:
    """Layers with a gradient below Adam's epsilon, and it, where another layer's is far above.

    Exactly 0 is left to the check for parts that stand still.
    """
    told = trace.settings.get("adam_epsilon")
    epsilon = told if isinstance(told, float) and told > 0 else ADAM_EPSILON
    middles = {}
    for name, column in sampled(trace, GRADIENT).items():
        live = column.values[~(rate_at(trace, column.steps) <= 0)]
        if len(live) >= min_samples and not any(part in name.lower() for part in LOOKED_UP):
            middles[name] = float(np.median(live))
    largest = max(middles.values(), default=0.0)
    return [
        (name, value)
        for name, value in middles.items()
        if 0 < value < epsilon and largest >= FAR * value
    ]
