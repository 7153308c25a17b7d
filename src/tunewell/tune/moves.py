"""What may be changed next: one thing at a time, each for a reason that was found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tunewell.core.finding import Confidence, Edit, Finding, Safety, SetKey, Severity
from tunewell.facts.recipe import change
from tunewell.knowledge.standard_values import lookup
from tunewell.subjects.recipe import Recipe
from tunewell.tune.project import recipe_edits

LEARNING_RATE_STEP = 3.0
"""Half a decade: the usual spacing of a coarse grid, wide enough to show in one experiment."""

EPOCHS_STEP = 2.0
MOST_EPOCHS = 20.0
"""Mosbach et al. 2021 train small sets for 20 epochs and find no harm with a small rate."""

HEAVIER_WEIGHT_DECAY = 0.1
HEAVIER_DROPOUT = 0.2


ORDER = {"learning_rate": 0, "max_length": 1, "num_train_epochs": 2, "max_steps": 2}
"""Settings by when they are tried: the rate, what the model is shown, for how long, all others."""


@dataclass(frozen=True, slots=True)
class Move:
    """One change of the recipe and the finding that speaks for it."""

    title: str
    edits: tuple[Edit, ...]
    because: str

    @property
    def target(self) -> frozenset[tuple[str, object]]:
        """What the recipe says after the move: two moves with one target are the same."""
        return frozenset((e.path, e.new) for e in self.edits if isinstance(e, SetKey))


def propose(findings: Iterable[Finding], recipe: Recipe) -> list[Move]:
    """Moves for these findings: what lets the model learn at all first, then worst finding first.

    Under a learning rate that learns nothing, no other change can show what it is worth.
    """
    moves = [move for finding in findings for move in _moves_for(finding, recipe)]
    return sorted(moves, key=_rank)


def _moves_for(finding: Finding, recipe: Recipe) -> Iterator[Move]:
    if finding.confidence is Confidence.LOW or finding.severity is Severity.INFO:
        return
    because = f"{finding.code} {finding.name}"
    for fix in finding.fixes:
        edits = recipe_edits(fix.edits)
        if edits and fix.safety is not Safety.MANUAL:
            yield Move(title=_title(edits), edits=edits, because=because)
    yield from STEPS.get(finding.name, _none)(recipe, because)


def _rank(move: Move) -> int:
    return min(ORDER.get(path, len(ORDER)) for path, _ in move.target)


def explore(recipe: Recipe) -> Iterator[Move]:
    """Standard steps around a recipe that nothing speaks against."""
    because = "exploring"
    yield from _raise_learning_rate(recipe, because)
    yield from _train_longer(recipe, because)
    yield _set(recipe, because, learning_rate=_rounded(recipe.learning_rate / LEARNING_RATE_STEP))
    yield from _regularise(recipe, because)


def _under_fitting(recipe: Recipe, because: str) -> Iterator[Move]:
    yield from _raise_learning_rate(recipe, because)
    yield from _train_longer(recipe, because)


def _over_fitting(recipe: Recipe, because: str) -> Iterator[Move]:
    if recipe.early_stopping_patience is None:
        yield _set(
            recipe,
            because,
            early_stopping_patience=2,
            load_best_model_at_end=True,
        )
    yield from _regularise(recipe, because)


def _imbalance(recipe: Recipe, because: str) -> Iterator[Move]:
    if recipe.class_weights == "none":
        yield _set(recipe, because, class_weights="balanced")


def _raise_learning_rate(recipe: Recipe, because: str) -> Iterator[Move]:
    standard = lookup(recipe.task, recipe.method, "learning_rate")
    highest = standard.highest if standard else recipe.learning_rate * LEARNING_RATE_STEP
    raised = min(recipe.learning_rate * LEARNING_RATE_STEP, highest)
    if raised > recipe.learning_rate:
        yield _set(recipe, because, learning_rate=_rounded(raised))


def _train_longer(recipe: Recipe, because: str) -> Iterator[Move]:
    longer = min(recipe.num_train_epochs * EPOCHS_STEP, MOST_EPOCHS)
    if longer > recipe.num_train_epochs and recipe.max_steps <= 0:
        yield _set(
            recipe,
            because,
            num_train_epochs=longer,
            early_stopping_patience=recipe.early_stopping_patience or 2,
            load_best_model_at_end=True,
        )


def _regularise(recipe: Recipe, because: str) -> Iterator[Move]:
    if recipe.weight_decay < HEAVIER_WEIGHT_DECAY:
        yield _set(recipe, because, weight_decay=HEAVIER_WEIGHT_DECAY)
    if (recipe.dropout or 0.0) < HEAVIER_DROPOUT:
        yield _set(recipe, because, dropout=HEAVIER_DROPOUT)


def _none(recipe: Recipe, because: str) -> Iterator[Move]:
    del recipe, because
    yield from ()


def _set(recipe: Recipe, because: str, **values: float | str | bool) -> Move:
    edits = tuple(
        change(recipe, name, new) for name, new in values.items() if getattr(recipe, name) != new
    )
    return Move(title=_title(edits), edits=edits, because=because)


def _title(edits: Iterable[Edit]) -> str:
    return ", ".join(f"{edit.path} = {edit.new}" for edit in edits if isinstance(edit, SetKey))


def _rounded(value: float) -> float:
    return float(f"{value:.2g}")


STEPS = {
    "under-fitting": _under_fitting,
    "overfitting": _over_fitting,
    "class-imbalance": _imbalance,
    "accuracy-alone-on-imbalanced": _imbalance,
}
"""General steps by the name of the check that calls for them."""
