"""What is known of the memory of a plan: the formula's answer, the simulation's, what to change."""

from __future__ import annotations

from dataclasses import dataclass

from tunewell.api.planning import changes, money, several
from tunewell.api.planning import memory as memories
from tunewell.api.planning.answer import Answer
from tunewell.api.planning.changes import SIMULATIONS
from tunewell.api.planning.learned import Learned
from tunewell.api.planning.lengths import Length
from tunewell.api.planning.memory import Place
from tunewell.api.planning.opened import Opened
from tunewell.api.planning.several import Spread
from tunewell.core.progress import Progress
from tunewell.plan import child
from tunewell.plan.hunt import Simulate as Batch
from tunewell.plan.session import Stream, one_child
from tunewell.plan.simulated import NotSimulated, Simulated
from tunewell.plan.step import Step
from tunewell.plan.step_of import Described


def answer_of(
    opened: Opened,
    length: Length,
    place: Place | None,
    simulate: Stream | None,
    most: int | None,
    progress: Progress,
) -> Answer:
    """The formula's answer at once, then that of the simulation, then what to change."""
    first = memories.by_formula(opened, length)
    own = None
    if opened.own is not None and simulate is not None:
        own = opened.own(memories.device_of(opened.gpu, memories.torch_of(opened)))
    described = memories.described(opened, length)
    refused = ""
    if own is not None:
        if isinstance(own.found, Simulated):
            search = _Search(simulate, most, progress)
            return _stands(own.what, own.found, opened, described, place, search)
        refused = own.found.reason
    if opened.checkpoint is None or simulate is None or isinstance(described, NotSimulated):
        return Answer(first, reason=_why_not(opened, simulate, described, refused))
    if simulate is child.simulate and not child.can_simulate():
        return Answer(first, reason=child.LIBRARIES_MISSING)
    if first is not None:
        progress.note(
            f"about {memories.size_words(first.process)} ({memories.range_words(first)}) by the "
            "formula; simulating the step ..."
        )
    step = described.step
    with one_child(simulate) as uncorrected:
        batch = Learned(opened, step, uncorrected)
        spread = _spread(opened, step, place, batch, most, progress)
        chosen = spread.chosen if spread is not None else None
        found = chosen.simulated if chosen is not None else batch([step])[0]
        if isinstance(found, NotSimulated):
            return Answer(first, step=step, reason=found.reason)
        step = several.spread_step(step, chosen) if chosen is not None else step
        assumptions = (*opened.assumptions, *described.assumptions)
        if refused:
            assumptions += (f"the step is that of config.json alone: {refused}",)
        needed = memories.by_simulation(found, step.device, place, assumptions)
        answer = Answer(needed, step=step, simulated=found, spread=spread, learned=batch)
        if place is not None and place.on_gpu:
            _advise(answer, opened, place, batch, most, progress, known=found)
    return answer


def _spread(
    opened: Opened,
    step: Step,
    place: Place | None,
    batch: Batch,
    most: int | None,
    progress: Progress,
) -> Spread | None:
    """The ways of sharing on the GPUs that the recipe or a flag names; None on one."""
    if place is None or not place.on_gpu or (opened.recipe.hardware.world_size or 1) == 1:
        return None
    return several.on_named(
        opened.recipe, step, place, opened.gpu, batch, whole=most != 0, progress=progress
    )


def _why_not(
    opened: Opened, simulate: Stream | None, described: Described | NotSimulated, refused: str
) -> str:
    """Why there is no simulation."""
    if simulate is None and (opened.checkpoint is not None or opened.own is not None):
        return "no simulation was asked for"
    if refused:
        return refused
    if opened.checkpoint is None:
        return "no model was named"
    return described.reason if isinstance(described, NotSimulated) else ""


@dataclass(frozen=True, slots=True)
class _Search:
    """How to look for what to change."""

    simulate: Stream | None
    most: int | None
    progress: Progress


def _stands(
    what: str,
    found: Simulated,
    opened: Opened,
    described: Described | NotSimulated,
    place: Place | None,
    search: _Search,
) -> Answer:
    """The answer of a trainer's own step; what to change is sought from its config.json."""
    device = memories.device_of(opened.gpu, memories.torch_of(opened))
    needed = memories.by_simulation(found, device, place, opened.assumptions)
    step = described.step if isinstance(described, Described) else None
    answer = Answer(needed, step=step, simulated=found, what=what)
    if search.most == 0 or (search.most is None and fits(answer, place)):
        return answer
    if step is None or search.simulate is None or place is None or not place.on_gpu:
        return answer
    with one_child(search.simulate) as batch:
        alike = batch([step])[0]
        if isinstance(alike, Simulated):
            _advise(answer, opened, place, batch, search.most, search.progress, known=alike)
    return answer


def _advise(
    answer: Answer,
    opened: Opened,
    place: Place,
    batch: Batch,
    most: int | None,
    progress: Progress,
    *,
    known: Simulated,
) -> None:
    """Look for what to change, where it does not fit or where it is asked for."""
    step, found, gpu = answer.step, answer.simulated, opened.gpu
    if step is None or found is None:
        return
    enough = fits(answer, place)
    most = most if most is not None else 0 if enough else SIMULATIONS
    if most > 0:
        answer.advice = changes.advise(
            opened.recipe,
            step,
            batch,
            lambda each: money.seconds_of(each, gpu) if gpu is not None else 0.0,
            place.available - step.device.context_bytes,
            most=most,
            known=known,
            progress=progress,
        )
    if not enough and most > 0 and answer.spread is None:
        answer.spread = several.on_more(step, place, batch, progress)


def fits(answer: Answer, place: Place | None) -> bool:
    """Whether the step fits in what there is; False where either is not known."""
    if answer.needed is None or place is None:
        return False
    return answer.needed.verdict(place.available) == "fits"
