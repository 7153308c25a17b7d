"""`--fit`: the changed recipe and the files that start it, beside the user's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tunewell.api.fit import changed_recipe, write_fit
from tunewell.api.fix_settings import EditedFile
from tunewell.api.planning.answer import Answer
from tunewell.api.planning.memory import Place
from tunewell.api.planning.opened import Opened
from tunewell.api.planning.several import Spread, spread_step, words
from tunewell.core.finding import SetKey
from tunewell.plan.advice import Advice
from tunewell.plan.launch import (
    EXPANDABLE,
    Cloud,
    LaunchFile,
    Layout,
    Strategy,
    launch_edits,
    launch_files,
)
from tunewell.plan.moves import rewritten
from tunewell.plan.step import Step
from tunewell.plan.verdict import Verdict
from tunewell.subjects.recipe import Recipe

TRL_COMMANDS = frozenset({"sft", "dpo", "kto", "grpo", "reward"})


@dataclass(frozen=True, slots=True)
class Fitted:
    """What makes it fit, in the recipe's own words: nothing of it is written yet.

    `by_hand` says what a person must change, where the recipe's file cannot say it.
    """

    title: str
    changed: tuple[EditedFile, ...] = ()
    launch: tuple[LaunchFile, ...] = ()
    by_hand: tuple[str, ...] = ()
    folder: Path = Path()

    @property
    def diff(self) -> str:
        """What changes in the user's files, in the unified form."""
        return "".join(each.diff for each in self.changed)

    def write(self) -> tuple[str, ...]:
        """Write it all beside the user's files; a line for each file.

        Raises:
            UserError: if a file cannot be written, or one is there that is not ours.
        """
        return write_fit(self.changed, self.launch, self.folder)


def fit_of(opened: Opened, answer: Answer, place: Place | None) -> Fitted | str:
    """What makes the step fit, or why there is nothing to write."""
    if answer.needed is None:
        return "memory was not planned: name a model"
    if place is None or not place.on_gpu:
        return "nobody says which GPU it must fit: name it with --gpu"
    if answer.step is None or answer.simulated is None:
        return (
            f"a change is told only where it was simulated, and the step was not: {answer.reason}"
        )
    verdict = answer.needed.verdict(place.available)
    spread = answer.spread
    if verdict == "fits" and (spread is None or spread.named or spread.chosen is None):
        return f"it fits in {place.name} as it is"
    found = fitted(opened, answer.step, answer.advice or (), spread, verdict=verdict)
    return found or f"no change was found that makes it fit in {place.name}"


def fitted(
    opened: Opened,
    step: Step,
    found: Sequence[Advice],
    spread: Spread | None,
    *,
    verdict: Verdict,
) -> Fitted | None:
    """The layout over the GPUs named where it fits, else the first change, else more GPUs.

    Args:
        opened: recipe and GPU.
        step: as the recipe makes it.
        found: changes, the best first.
        spread: the same step on several GPUs.
        verdict: whether the step fits as it is; "tight" runs with expandable segments.

    Returns:
        None where nothing of it makes the step fit.
    """
    recipe = opened.recipe
    start = _start(opened, step)
    # The recipe starts the way that it names; one that was chosen for it must be written.
    chosen = spread is not None and spread.chosen is not None and not spread.named
    own = launch_edits(recipe, start) if chosen else ()
    best = next((advice for advice in found if advice.fit == "fits"), None)
    if verdict == "fits":
        layout = replace(start, command=_command(recipe, changed=bool(own)))
        return _made(recipe, layout, own, f"{layout.strategy} on {layout.words}", (), ())
    if best is not None:
        told = rewritten(recipe, step, best.step, best.moves)
        edits = (*(told.edits if told is not None else ()), *own)
        hands = told.by_hand if told is not None else (best.title,)
        environment = told.environment if told is not None else ()
        layout = replace(_start(opened, best.step), command=_command(recipe, changed=bool(edits)))
        return _made(recipe, layout, edits, best.title, hands, environment)
    if verdict == "tight":
        layout = replace(start, command=_command(recipe, changed=bool(own)))
        title = "let the allocator grow its blocks (expandable_segments)"
        return _made(recipe, layout, own, title, (), (EXPANDABLE,))
    more = spread.best if spread is not None else None
    if more is None or more.verdict != "fits":
        return None
    layout = _start(opened, spread_step(step, more))
    edits = launch_edits(recipe, layout)
    layout = replace(layout, command=_command(recipe, changed=bool(edits)))
    return _made(recipe, layout, edits, f"{words(more.sharding)} on {layout.words}", (), ())


def _made(
    recipe: Recipe,
    layout: Layout,
    edits: Sequence[SetKey],
    title: str,
    hands: Sequence[str],
    environment: Sequence[str],
) -> Fitted:
    changed = changed_recipe(recipe, edits) if edits else ()
    if recipe.file is None or recipe.format == "tunewell":
        # A recipe of Tunewell's own is started by tunewell train, and flags alone by nobody.
        return Fitted(title, changed, (), tuple(hands))
    cloud = Cloud() if layout.gpu is not None else None
    return Fitted(
        title,
        changed,
        launch_files(recipe, layout, cloud=cloud, environment=tuple(environment)),
        tuple(hands),
        recipe.file.parent,
    )


def _start(opened: Opened, step: Step) -> Layout:
    """What starts the recipe as it is; what is changed lies beside the original."""
    sharding = step.sharding
    gpus = sharding.ranks if sharding is not None else opened.recipe.hardware.world_size or 1
    nodes = sharding.nodes if sharding is not None else 1
    alone: Strategy = "ddp" if gpus > 1 else "single"
    return Layout(
        command=_command(opened.recipe, changed=False),
        gpu=opened.gpu.name if opened.gpu is not None else None,
        gpus=gpus // nodes,
        nodes=nodes,
        strategy=sharding.strategy if sharding is not None else alone,
        offload=sharding.offload if sharding is not None else "none",
        precision=step.autocast or step.weights,
        checkpointing=step.checkpointing,
    )


def _command(recipe: Recipe, *, changed: bool) -> tuple[str, ...]:
    """The script with its arguments, without what starts it."""
    if recipe.file is None:
        return ("train.py",)
    name = f"{recipe.file.stem}.fixed{recipe.file.suffix}" if changed else recipe.file.name
    if recipe.file.suffix == ".py" or recipe.format in {"axolotl", "llamafactory"}:
        return (name,)
    if recipe.format == "trl" and recipe.task in TRL_COMMANDS:
        return ("-m", f"trl.scripts.{recipe.task}", "--config", name)
    return ("train.py", name)
