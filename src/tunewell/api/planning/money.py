"""How long the run takes and what it costs, each as a range with where it comes from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tunewell.api.planning.lengths import Length, Run
from tunewell.core.document import Section
from tunewell.core.errors import SettingsError
from tunewell.core.finding import Table
from tunewell.core.words import counted
from tunewell.knowledge import gpus, prices
from tunewell.knowledge.gpus import Gpu
from tunewell.knowledge.prices import Price
from tunewell.plan.communication import communication_seconds
from tunewell.plan.needed import Needed
from tunewell.plan.price import Offer, Span, left_out, offers, oldest
from tunewell.plan.simulated import Simulated
from tunewell.plan.time import from_peak, seconds_of_step
from tunewell.report.words import duration
from tunewell.subjects.recipe import Recipe

OFFERS_SHOWN = 8
MAKER = "NVIDIA"
OLD_PRICES = 90
"""Days after which a price is called old: public prices move within a quarter."""

SOME_STEPS = Run(rows=0, steps=1000, epoch=1000, basis="a round number")
"""What is priced where nobody said how many rows there are."""


@dataclass(frozen=True, slots=True)
class Timed:
    """Seconds of one optimizer step on one GPU: at best, likely, at worst, and by what."""

    low: float
    likely: float
    high: float
    basis: str

    def times(self, steps: int) -> Timed:
        """So many steps."""
        return Timed(self.low * steps, self.likely * steps, self.high * steps, self.basis)


Clock = Callable[[Gpu], Timed | None]
"""Seconds of the step on a GPU; None where nothing is known."""


def by_peak(recipe: Recipe, parameters: int | None, length: Length) -> Clock:
    """A clock by the GPU's peak and the model's size, which is wide."""

    def clock(gpu: Gpu) -> Timed | None:
        if parameters is None:
            return None
        processes = recipe.hardware.world_size or 1
        spent = from_peak(
            gpu,
            parameters=parameters,
            tokens_per_step=round(recipe.effective_batch_size / processes * length.mean),
            steps=1,
            half=recipe.precision != "fp32",
        )
        return Timed(spent.low, spent.likely, spent.high, spent.basis)

    return clock


def by_work(found: Simulated, *, nodes: int = 1) -> Clock:
    """A clock by the operations and the bytes of the simulated step, for one GPU's share of it.

    What is exchanged with other GPUs comes on top. Nothing is known of the speed of the network
    between machines, and of a host that takes part in the step.
    """

    def clock(gpu: Gpu) -> Timed | None:
        return None if nodes > 1 or found.crossing_bytes else _spent(found, gpu)

    return clock


def seconds_of(found: Simulated, gpu: Gpu) -> float:
    """The likely seconds of a simulated step, the exchange with other GPUs included."""
    return _spent(found, gpu).likely


def _spent(found: Simulated, gpu: Gpu) -> Timed:
    spent = seconds_of_step(found, gpu)
    if not found.moved_bytes:
        return Timed(spent.low, spent.likely, spent.high, spent.basis)
    added = communication_seconds(found.moved_bytes, gpu, beside_seconds=spent.likely)
    return Timed(
        spent.low + added.low,
        spent.likely + added.likely,
        spent.high + added.high,
        f"{spent.basis}; and {added.basis}",
    )


def read_prices(file: Path | None) -> tuple[Price, ...] | None:
    """The user's own prices, None for those that come with Tunewell.

    Raises:
        SettingsError: if the file cannot be read as prices.
    """
    if file is None:
        return None
    try:
        return prices.read(file)
    except prices.PriceFileError as error:
        raise SettingsError(str(error)) from None


def time_facts(step: Timed, run: Run | None) -> dict[str, Any]:
    """Seconds of the run, or of a step where the length of the run is not known."""
    whole = step.times(run.steps) if run is not None else step
    facts: dict[str, Any] = {
        "of": "run" if run is not None else "step",
        "unit": "seconds",
        "value": whole.likely,
        "low": whole.low,
        "high": whole.high,
        "basis": step.basis,
        "step_seconds": {"value": step.likely, "low": step.low, "high": step.high},
    }
    if run is not None:
        epoch = step.times(run.epoch)
        facts["epoch_seconds"] = {"value": epoch.likely, "low": epoch.low, "high": epoch.high}
        facts["steps"], facts["rows"] = run.steps, run.rows
    return facts


def time_section(step: Timed, run: Run | None, recipe: Recipe, gpu: Gpu) -> Section:
    """How long a step, an epoch and the run take."""
    text = f"A step takes {_seconds(step)} on {gpu.name}, by {step.basis}."
    rows: list[tuple[str | float | int | None, ...]] = []
    if run is not None:
        warm_up = recipe.warmup_steps or round(recipe.warmup_ratio * run.steps)
        text += (
            f"\n{counted(run.steps, 'optimizer step')} of {_rows(recipe)} "
            f"over {run.rows:,} rows ({run.basis}){_warm_up(warm_up)}. Evaluating, saving and "
            "waiting for data are not counted."
        )
        for name, timed in (
            ("one step", step),
            ("one epoch", step.times(run.epoch)),
            ("the run", step.times(run.steps)),
        ):
            rows.append((name, duration(timed.likely), _range(timed)))
    else:
        text += "\nSay how many rows there are with --rows N for the time of the run and its price."
    table = Table(name="time", columns=("of", "likely", "range"), rows=tuple(rows), total=len(rows))
    return Section(id="time", title="Time", text=text, evidence=(table,) if rows else ())


def steps_section(run: Run, recipe: Recipe) -> Section:
    """How many steps the run has, where nothing is known of speed."""
    warm_up = recipe.warmup_steps or round(recipe.warmup_ratio * run.steps)
    text = (
        f"{counted(run.steps, 'optimizer step')} of {_rows(recipe)} over "
        f"{run.rows:,} rows ({run.basis}){_warm_up(warm_up)}. How long they take is not known "
        "before a step was measured here, or a GPU is named with --gpu."
    )
    return Section(id="steps", title="Steps", text=text)


def _warm_up(steps: int) -> str:
    return f", {steps:,} of them warm-up" if steps else ""


def _seconds(timed: Timed) -> str:
    return f"about {duration(timed.likely)} ({_range(timed)})"


def _range(timed: Timed) -> str:
    return f"{duration(timed.low)} to {duration(timed.high)}"


def timed(
    clock: Clock, answer: Needed, named: Gpu | None, changed: Timed | None, *, bf16: bool
) -> dict[str, Timed]:
    """Seconds of a step on each GPU that holds it: the one that was named, and those of the table.

    The step is not simulated anew for each: what another generation computes otherwise is within
    the range that is left as room. Only GPUs of the maker that it was simulated for are looked at.

    Args:
        clock: seconds of the step as it is.
        answer: its memory.
        named: the GPU that was named.
        changed: seconds on that one after the change that makes it fit, None without such a one.
        bf16: whether it computes in bf16, which older GPUs only emulate.
    """
    cards = [
        g
        for g in gpus.table()
        if g.maker == MAKER and answer.high <= g.memory_bytes and (g.bf16 or not bf16)
    ]
    if named is not None and answer.verdict(named.memory_bytes) == "fits" and named not in cards:
        cards.append(named)
    found: dict[str, Timed] = {}
    for gpu in cards:
        step = clock(gpu)
        if step is not None:
            found[gpu.name] = step
    if named is not None and changed is not None and named.name not in found:
        found[named.name] = changed
    return found


def priced(
    steps: Mapping[str, Timed], run: Run, table: tuple[Price, ...] | None, count: int
) -> tuple[Offer, ...]:
    """What the run costs on each of these GPUs, the cheapest job first."""
    spans: dict[str, Span] = {}
    for name, step in steps.items():
        whole = step.times(run.steps)
        spans[name] = Span(low=whole.low, likely=whole.likely, high=whole.high, gpus=count)
    return offers(spans, table)


def _rows(recipe: Recipe) -> str:
    return counted(recipe.effective_batch_size, "row")


def what_of(run: Run) -> str:
    """What is paid for, in words."""
    return f"{run.steps:,} optimizer steps" if run is SOME_STEPS else "the run"


def cost_facts(found: tuple[Offer, ...], named: Gpu | None, *, of: str) -> dict[str, Any] | None:
    """The cheapest job on the GPU that was named, or on any where none was or it has no price."""
    best = _best(found, named)
    if best is None:
        return None
    return {
        "of": of,
        "currency": "USD",
        "value": best.likely,
        "low": best.low,
        "high": best.high,
        "basis": f"{best.provider}, {best.an_hour:g} $ an hour on {best.date.isoformat()}",
        "gpu": best.gpu,
        "gpus": best.gpus,
        "spot": best.spot,
        "source": best.source,
        "left_out": list(left_out(found)),
        "offers": [_offer_facts(offer) for offer in found],
    }


def _best(found: tuple[Offer, ...], named: Gpu | None) -> Offer | None:
    firm = [offer for offer in found if not offer.spot] or list(found)
    own = [offer for offer in firm if named is not None and offer.gpu == named.name]
    return next(iter(own or firm), None)


def _offer_facts(offer: Offer) -> Mapping[str, Any]:
    return {
        "gpu": offer.gpu,
        "provider": offer.provider,
        "gpus": offer.gpus,
        "spot": offer.spot,
        "value": offer.likely,
        "low": offer.low,
        "high": offer.high,
        "date": offer.date.isoformat(),
    }


def price_section(
    found: tuple[Offer, ...],
    named: Gpu | None,
    steps: Mapping[str, Timed],
    run: Run,
    *,
    changed: bool,
    today: dt.date,
) -> Section | None:
    """The price of the run where its GPUs are rented; None without a price.

    `changed` says that the GPU that was named holds the step only after a change. Prices are as old
    as they are on the day `today`.
    """
    best = _best(found, named)
    if best is None:
        return None
    age = oldest(found, today) or 0
    after = " after the first change" if changed and named and best.gpu == named.name else ""
    what = "The run costs" if run is not SOME_STEPS else f"{run.steps:,} optimizer steps cost"
    text = f"{what} about {_dollars(best.likely)} ({_dollars(best.low)} to "
    text += f"{_dollars(best.high)}) on {best.gpu} at {best.provider}{after}"
    cheapest = next(iter(found))
    if cheapest is not best:
        spot = ", which may be taken back," if cheapest.spot else ""
        text += f"; {cheapest.gpu} at {cheapest.provider}{spot} costs {_dollars(cheapest.likely)}"
    text += ".\n"
    old = f"; the oldest is {age:,} days old" if age > OLD_PRICES else ""
    text += f"Each price with its day{old}. Left out: {', '.join(left_out(found))}."
    return Section(
        id="price",
        title=f"Price of {what_of(run)}",
        text=text,
        evidence=(
            Table(
                name="where it is rented, the cheapest job first",
                columns=("GPU", "provider", "time", "price", "range", "day"),
                rows=tuple(_row(offer, steps, run) for offer in _varied(found, named)),
                total=len(found),
            ),
        ),
    )


def _varied(found: tuple[Offer, ...], named: Gpu | None) -> list[Offer]:
    """The cheapest offers, at most two of a GPU, so that others and the named one are seen too."""
    taken: dict[str, int] = {}
    shown: list[Offer] = []
    own = [offer for offer in found if named is not None and offer.gpu == named.name]
    for offer in found:
        if taken.get(offer.gpu, 0) < 2:  # noqa: PLR2004  two of a kind
            taken[offer.gpu] = taken.get(offer.gpu, 0) + 1
            shown.append(offer)
    shown = shown[:OFFERS_SHOWN]
    if own and own[0] not in shown:
        shown[-1] = own[0]
    return shown


def _row(offer: Offer, steps: Mapping[str, Timed], run: Run) -> tuple[str, ...]:
    count = f"{offer.gpus} x " if offer.gpus > 1 else ""
    spot = " (spot)" if offer.spot else ""
    return (
        f"{count}{offer.gpu}",
        f"{offer.provider}{spot}",
        duration(steps[offer.gpu].likely * run.steps),
        _dollars(offer.likely),
        f"{_dollars(offer.low)} to {_dollars(offer.high)}",
        offer.date.isoformat(),
    )


def _dollars(amount: float) -> str:
    if amount < 0.01:  # noqa: PLR2004  no one bills less than a cent
        return "under $0.01"
    return f"${amount:,.2f}" if amount < 100 else f"${amount:,.0f}"  # noqa: PLR2004  cents do not matter
