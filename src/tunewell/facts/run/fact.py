"""One fact about a run: what it is about, what it needs, and how strongly it holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tunewell.subjects.model_state import ModelState
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.trace import Trace


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is to look at: the run, its settings, and what its first step did."""

    trace: Trace
    recipe: Recipe | None = None
    state: ModelState | None = None

    def setting(self, name: str) -> object:
        """A setting by TrainingArguments name, from the recipe or from what the log says."""
        if self.recipe is not None and name not in self.recipe.unknown:
            value = getattr(self.recipe, name, None)
            if value is not None:
                return value
        return self.trace.settings.get(name)

    def number(self, name: str) -> float | None:
        """The same where it is a number."""
        value = self.setting(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return float(value)


@dataclass(frozen=True, slots=True)
class Told:
    """A fact that holds: `strength` above 0 up to 1, and a sentence with its numbers."""

    strength: float
    text: str


@dataclass(frozen=True, slots=True)
class Fact:
    """One predicate over a run.

    Args:
        name: how the table of causes calls it.
        about: "whether ...", for the sentence that says it could not be checked.
        columns: names of columns without which it cannot be told.
        state: whether it needs the step-one proof.
        tell: returns None where the fact does not hold.
        classifiers: whether it asks for something that only a run of a classifier has.
        when: tells of a run whether it could have logged the columns at all; None for every run.
    """

    name: str
    about: str
    columns: tuple[str, ...]
    state: bool
    tell: Callable[[Seen], Told | None]
    classifiers: bool = False
    when: Callable[[Trace], bool] | None = None

    def asks_of(self, trace: Trace) -> bool:
        """Whether the question makes sense for this run."""
        if self.classifiers and not trace.classes:
            return False
        return self.when is None or self.when(trace)

    def missing(self, seen: Seen) -> str:
        """Why it cannot be told of this run, "" where it can."""
        lacking = [name for name in self.columns if not len(seen.trace.column(name))]
        if lacking:
            return f"the log has no {' and no '.join(lacking)}"
        if self.state and seen.state is None:
            return "the log has no look at the first step; train with tunewell.Watch()"
        return ""


_FACTS: dict[str, Fact] = {}


def fact(
    name: str,
    about: str,
    *,
    columns: tuple[str, ...] = (),
    state: bool = False,
    classifiers: bool = False,
    when: Callable[[Trace], bool] | None = None,
) -> Callable[[Callable[[Seen], Told | None]], Callable[[Seen], Told | None]]:
    """Register a function as a fact."""

    def register(tell: Callable[[Seen], Told | None]) -> Callable[[Seen], Told | None]:
        _FACTS[name] = Fact(name, about, columns, state, tell, classifiers, when)
        return tell

    return register


def known() -> Mapping[str, Fact]:
    """Every fact by name."""
    from tunewell.facts.run import (  # noqa: PLC0415  they register
        curve_facts,  # noqa: F401
        evaluation_facts,  # noqa: F401
        layer_facts,  # noqa: F401
        schedule_facts,  # noqa: F401
        setting_facts,  # noqa: F401
    )

    return _FACTS


def ramp(value: float, none: float, full: float) -> float:
    """0 up to `none`, 1 from `full` on, straight in between; `full` may lie below `none`."""
    share = (value - none) / (full - none)
    return min(max(share, 0.0), 1.0)


def told(strength: float, text: str) -> Told | None:
    """The fact where it holds at all."""
    return Told(strength, text) if strength > 0 else None
