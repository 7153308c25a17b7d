"""Facts about a run's settings and the length it had."""

from __future__ import annotations

import math

from tunewell.facts.run.fact import Seen, Told, fact, ramp, told
from tunewell.knowledge.standard_values import StandardValue, lookup

TASKS = {"preference": "dpo", "reward": "reward", "classification": "text-classification"}
"""Tasks of a trace whose published rates are known. A language model may be trained from scratch,
at rates for which nothing is published here."""

FAR, VERY_FAR = 5.0, 100.0
"""Times outside the published range: HYP001 speaks from 5 on (its page says why); at 100, two
decades, no healthy run of tests/fixtures/runs trains (the furthest is 10 times above)."""

FEW, MANY = 30, 300
"""Optimizer steps: of the runs in tests/fixtures/runs that were too short most had 30 or fewer;
HYP002 asks for 100 at least, and three times that is no short run."""

TINY_WAY, SHORT_WAY, LONG_WAY = 1e-4, 2.5e-3, 1e-2
"""Sum of the learning rate over all steps. An optimizer of Adam's kind moves a weight by about the
rate in a step, and weights begin with a spread of 0.02 (`initializer_range` of BERT, GPT-2 and
Llama): 1e-4 is a two-hundredth of it, 1e-2 a half. 100 steps of a linear schedule at 5e-5, the
shortest run that HYP002 lets pass, come to 2.5e-3."""

SMALL_STEP, LARGE_STEP = 3e-3, 2e-2
"""A rate at which one step of an optimizer of Adam's kind moves a weight by as much as it is."""

FEW_ROWS, VERY_FEW_ROWS = 50, 10
"""Rows a class: with 8 to 16 of them, as in few-shot benchmarks, whole fine-tuning hardly works."""

MANY_PASSES, VERY_MANY_PASSES = 5, 20
"""Passes over the rows: published recipes for fine-tuning use 1 to 5 (standard_values.toml)."""


def _rate(seen: Seen) -> float | None:
    given = seen.number("learning_rate")
    if given is not None:
        return given
    rates = seen.trace.column("learning_rate").finite
    return float(rates.values.max()) if len(rates) else None


def _standard(seen: Seen) -> StandardValue | None:
    task = seen.setting("task")
    if not isinstance(task, str) or task == "unknown":
        task = TASKS.get(seen.trace.task or "")
        if task is None and seen.trace.classes:
            task = "text-classification"
    method = seen.setting("method")
    return lookup(task, str(method or "full"), "learning_rate") if task else None


def _outside(seen: Seen) -> tuple[float, StandardValue, float] | None:
    """The rate, its published range, and its factor to the nearer end; below 1 inside."""
    rate, standard = _rate(seen), _standard(seen)
    if rate is None or rate <= 0 or standard is None:
        return None
    return rate, standard, standard.times_outside(rate)


def _range(standard: StandardValue) -> str:
    return f"the published range for {standard.task} ({standard.low:g} to {standard.high:g})"


@fact("rate-above-range", "whether the learning rate lies above what is published")
def rate_above(seen: Seen) -> Told | None:
    """A rate far above the published range."""
    known = _outside(seen)
    if known is None or known[0] <= known[1].high:
        return None
    rate, standard, times = known
    strength = ramp(math.log(times), math.log(FAR), math.log(VERY_FAR))
    return told(strength, f"the learning rate {rate:g} is {times:,.0f} times above "
                f"{_range(standard)}")  # fmt: skip


@fact("rate-below-range", "whether the learning rate lies below what is published")
def rate_below(seen: Seen) -> Told | None:
    """A rate far below the published range."""
    known = _outside(seen)
    if known is None or known[0] >= known[1].low:
        return None
    rate, standard, times = known
    strength = ramp(math.log(times), math.log(FAR), math.log(VERY_FAR))
    return told(strength, f"the learning rate {rate:g} is {times:,.0f} times below "
                f"{_range(standard)}")  # fmt: skip


@fact("rate-not-above-range", "whether the learning rate lies within what is published")
def rate_not_above(seen: Seen) -> Told | None:
    """A rate that is no higher than what is published."""
    known = _outside(seen)
    if known is None or known[0] > known[1].high:
        return None
    return _no_further(known)


@fact("rate-not-below-range", "whether the learning rate lies within what is published")
def rate_not_below(seen: Seen) -> Told | None:
    """A rate that is no lower than what is published."""
    known = _outside(seen)
    if known is None or known[0] < known[1].low:
        return None
    return _no_further(known)


def _no_further(known: tuple[float, StandardValue, float]) -> Told | None:
    rate, standard, times = known
    where = "lies within" if times <= 1 else f"is {times:,.2g} times off"
    strength = ramp(math.log(times), math.log(VERY_FAR), 0.0)
    return told(strength, f"the learning rate {rate:g} {where} {_range(standard)}")


def _way(seen: Seen) -> float | None:
    """The sum of the learning rate over all optimizer steps."""
    rates = seen.trace.column("learning_rate").finite
    optimizer = str(seen.setting("optim") or "adam").casefold()
    if not len(rates) or "adam" not in optimizer or float(rates.values.max()) <= 0:
        return None
    return float(rates.values.mean()) * seen.trace.last_step


@fact("step-as-large-as-weights", "how far one step could move a weight")
def large_step(seen: Seen) -> Told | None:
    """A rate at which one step moves a weight by as much as it is."""
    rate = _rate(seen)
    if rate is None or rate <= 0 or "adam" not in str(seen.setting("optim") or "adam").casefold():
        return None
    strength = ramp(math.log(rate), math.log(SMALL_STEP), math.log(LARGE_STEP))
    return told(strength, f"one step could move a weight by about {rate:g}, where weights are of "
                "the size of 0.02")  # fmt: skip


@fact(
    "short-way",
    "how far all steps together could move a weight",
    columns=("learning_rate",),
)
def short_way(seen: Seen) -> Told | None:
    """All steps together could hardly move a weight."""
    way = _way(seen)
    if way is None or way <= 0:
        return None
    strength = ramp(math.log(way), math.log(SHORT_WAY), math.log(TINY_WAY))
    return told(strength, f"all steps together could move a weight by about {way:.1g}, where "
                "weights are of the size of 0.02")  # fmt: skip


@fact(
    "long-way",
    "how far all steps together could move a weight",
    columns=("learning_rate",),
)
def long_way(seen: Seen) -> Told | None:
    """All steps together could move weights as far as a fine-tune does."""
    way = _way(seen)
    if way is None or way <= 0:
        return None
    strength = ramp(math.log(way), math.log(SHORT_WAY), math.log(LONG_WAY))
    return told(strength, f"all steps together could move a weight by about {way:.1g}, where "
                "weights are of the size of 0.02")  # fmt: skip


@fact("few-steps", "how many optimizer steps there were")
def few_steps(seen: Seen) -> Told | None:
    """Few optimizer steps."""
    steps = seen.trace.last_step
    if steps <= 0 or not seen.trace.finished:
        return None
    strength = ramp(math.log(steps), math.log(MANY), math.log(FEW))
    return told(strength, f"the run had {steps:,} optimizer steps in all")


@fact("enough-steps", "how many optimizer steps there were")
def enough_steps(seen: Seen) -> Told | None:
    """Several hundred optimizer steps."""
    steps = seen.trace.last_step
    strength = ramp(math.log(max(steps, 1)), math.log(FEW * 3), math.log(MANY))
    return told(strength, f"the run had {steps:,} optimizer steps")


@fact("few-rows", "how many rows there are for each class")
def few_rows(seen: Seen) -> Told | None:
    """A handful of rows for each class."""
    rows, classes = seen.trace.train_rows, seen.trace.classes
    if not rows or not classes:
        return None
    strength = ramp(math.log(rows / classes), math.log(FEW_ROWS), math.log(VERY_FEW_ROWS))
    return told(strength, f"there are {rows:,} rows for {classes:,} classes")


@fact("many-passes", "how often each row was seen")
def many_passes(seen: Seen) -> Told | None:
    """Each row seen many times."""
    epochs = seen.trace.column("epoch").finite
    passes = float(epochs.values[-1]) if len(epochs) else 0.0
    strength = ramp(passes, MANY_PASSES, VERY_MANY_PASSES)
    rows = f"{seen.trace.train_rows:,} rows" if seen.trace.train_rows else "rows"
    return told(strength, f"each of the {rows} was seen {passes:.3g} times")


@fact("float16", "whether the run was in float16")
def half(seen: Seen) -> Told | None:
    """Training in float16."""
    if seen.setting("fp16") is True or seen.setting("precision") == "fp16":
        return Told(1.0, "the run was in float16, whose largest value is 65,504")
    return None


@fact("clipping-off", "whether gradients were clipped")
def clipping_off(seen: Seen) -> Told | None:
    """No gradient clipping."""
    limit = seen.number("max_grad_norm")
    return Told(1.0, "gradients were not clipped") if limit == 0 else None


@fact("no-warm-up", "whether there was a warm-up")
def no_warm_up(seen: Seen) -> Told | None:
    """A rate at its peak from the first step on."""
    steps, ratio = seen.number("warmup_steps"), seen.number("warmup_ratio")
    if steps or ratio or (steps is None and ratio is None):
        return None
    return Told(1.0, "there was no warm-up")


@fact("all-parts-moved", "whether the first step moved every part of the model", state=True)
def all_moved(seen: Seen) -> Told | None:
    """The first step moved everything that is to be trained."""
    if seen.state is None or seen.state.learning_rate <= 0:
        return None
    trained = [tensor for tensor in seen.state.tensors if tensor.trainable]
    if not trained or not all(t.moved and t.in_optimizer == 1 for t in trained):
        return None
    return Told(1.0, f"the first step moved all of the {len(trained):,} trainable tensors")
