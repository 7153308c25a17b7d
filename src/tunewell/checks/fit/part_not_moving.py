"""FIT044: a part of the model that stands still while others learn."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tunewell.core.check import NotRunError, check
from tunewell.core.finding import Category, Finding, Fix, Number, Safety, Severity, Table, Tensor
from tunewell.core.words import counted
from tunewell.facts.layers import GRADIENT, LOOKED_UP, UPDATE, rate_at, sampled
from tunewell.subjects.model_state import ModelState
from tunewell.subjects.trace import Column, Trace

SHOWN = 20


@check("FIT044", category=Category.CORRECTNESS, severity=Severity.ERROR)
def part_not_moving(
    trace: Trace, state: ModelState | None, *, min_samples: int = 3, few: float = 0.1
) -> Iterator[Finding]:
    """Layers that get a gradient and never move, or get none, while other layers learn.

    ## What it finds
    Layers whose sampled update is exactly 0 at every sample: some get a gradient, so the optimizer
    does not hold them or rounds each step away; others get a gradient of exactly 0, so the loss
    does not reach them. So are layers whose gradient became 0 in the middle of the run: all of
    their units are dead.

    ## Why it matters
    That part of the model stays what it was, and the rest learns around it. The loss falls all the
    same, only less far, and no log shows it.

    ## How it is measured
    From the watcher's samples at steps whose learning rate is above 0, at least `min_samples` of
    them (3). A gradient that became 0 must have stayed so at all samples of the later half of the
    run so far, or of the later half of the samples where those are fewer than `min_samples`. Other
    layers must have moved and have a gradient to the end. A layer that the step-one proof calls
    frozen is by choice, and so is one without any gradient column; embeddings are left out, as a
    step touches few of their rows. Exactly 0 is asked for, not small. A layer that gets a gradient
    and never moves is an error, one that gets none a warning; where at most `few` of the layers
    (0.1) never got one, as the unused pooler of an encoder, information.

    ## Example
    encoder.layer.0 to encoder.layer.5: gradient 2e-4, update 0 at 40 samples; classifier moves.

    ## Fix
    Build the optimizer after the last change to the model, over all of its parameters; do not
    detach or run the part without gradients; train in bf16 with weights kept in float32.

    ## When it is wrong
    When the part was left out of the optimizer on purpose but not frozen.

    ## Sources
    The first kind is what TrainCheck's forum case 84911 shows. No bound: zero is zero.
    """
    updates, gradients = sampled(trace, UPDATE), sampled(trace, GRADIENT)
    if not updates or not gradients:
        message = "it takes the watcher's samples of layers: train with tunewell.Watch"
        raise NotRunError(message)
    stuck, cut = _standing(trace, state, min_samples)
    moving = [
        name
        for name, column in updates.items()
        if np.any(column.values) and name not in cut and name not in stuck
    ]
    if not moving or not (stuck or cut):
        return
    said = []
    if stuck:
        said.append(
            f"{counted(len(stuck), 'layer')} get a gradient and never move: {_names(stuck)}"
            if len(stuck) > 1
            else f"{stuck[0]} gets a gradient and never moves"
        )
    if cut:
        said.append(
            f"no gradient reaches {counted(len(cut), 'layer')}: {_names(cut)}"
            if len(cut) > 1
            else f"no gradient reaches {cut[0]}"
        )
    rows = tuple(
        (name, float(np.median(gradients[name].values)), 0.0) for name in (*stuck, *cut)[:SHOWN]
    )
    yield Finding(
        message=f"{'; '.join(said)}, while {counted(len(moving), 'layer')} learn",
        where=tuple(Tensor(name=name) for name in (*stuck, *cut)),
        evidence=(
            Number(
                name="layers that stand still",
                value=len(stuck) + len(cut),
                bound="0",
                unit=f"of {len(gradients)}",
            ),
            Table(
                name="layers that stand still",
                columns=("layer", "gradient (root mean square)", "update"),
                rows=rows,
                total=len(stuck) + len(cut),
            ),
        ),
        impact="that part of the model is not trained",
        fixes=(
            Fix(
                title="build the optimizer over the parameters that the model has when training "
                "begins; do not detach the part, or freeze it if it is to stay",
                safety=Safety.MANUAL,
            ),
        ),
        severity=_severity(trace, stuck, cut, few),
    )


def _standing(
    trace: Trace, state: ModelState | None, min_samples: int
) -> tuple[list[str], list[str]]:
    """Layers that get a gradient and do not move, and layers that get none."""
    updates = sampled(trace, UPDATE)
    stuck: list[str] = []
    cut: list[str] = []
    for name, column in sampled(trace, GRADIENT).items():
        update = updates.get(name)
        moves = update is not None and bool(np.any(update.values))
        live = _while_learning(trace, column)
        looked_up = any(part in name.lower() for part in LOOKED_UP)
        if looked_up or len(live) < min_samples or _frozen(name, state):
            continue
        if not moves and live.values.all() and update is not None and len(update) >= min_samples:
            stuck.append(name)
        elif _stayed_at_zero(live, trace.last_step, min_samples):
            cut.append(name)
    # Where every gradient is 0 the loss is 0, or all is cut off: no part stands out.
    return stuck, cut if len(cut) < len(sampled(trace, GRADIENT)) else []


def _stayed_at_zero(live: Column, last_step: int, min_samples: int) -> bool:
    """Whether there is no gradient in the later half: of the steps or, where few are, the samples.

    The watcher looks more often early in a run, so half of the samples may be its first tenth.
    """
    late = live.values[live.steps > last_step / 2]
    if len(late) < min_samples:
        late = live.values[len(live) // 2 :]
    return not np.any(late)


def _severity(trace: Trace, stuck: list[str], cut: list[str], few: float) -> Severity:
    """An error for what cannot be meant; information for a small part that was never reached."""
    if stuck:
        return Severity.ERROR
    gradients = sampled(trace, GRADIENT)
    died = any(np.any(gradients[name].values) for name in cut)
    small = len(cut) <= few * len(gradients)
    return Severity.INFO if small and not died else Severity.WARNING


def _while_learning(trace: Trace, column: Column) -> Column:
    """The samples at steps whose learning rate was not 0."""
    keep = ~(rate_at(trace, column.steps) <= 0)
    return Column(column.steps[keep], column.values[keep])


def _frozen(name: str, state: ModelState | None) -> bool:
    """Whether the step-one proof says that no tensor of the layer is trained."""
    if state is None:
        return False
    inside = [t for t in state.tensors if t.name == name or t.name.startswith(f"{name}.")]
    return bool(inside) and not any(tensor.trainable for tensor in inside)


def _names(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""  # noqa: PLR2004  as shown
    return ", ".join(names[:3]) + more
