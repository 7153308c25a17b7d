"""How long the run takes and what it costs, each as a range with where it comes from."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Mapping
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
from tunewell.plan.needed import Needed
from tunewell.plan.price import Offer, Span, left_out, offers, oldest
from tunewell.plan.time import from_peak
from tunewell.report.words import duration
from tunewell.subjects.recipe import Recipe

OFFERS_SHOWN = 8
OLD_PRICES = 90
"""Days after which a price is called old: public prices move within a quarter."""


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
        likely = math.sqrt(spent.low * spent.high)
        return Timed(spent.low, likely, spent.high, spent.basis)

    return clock


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
            f"\n{counted(run.steps, 'optimizer step')} of {recipe.effective_batch_size:,} rows "
            f"over {run.rows:,} rows ({run.basis}), {warm_up:,} of them warm-up."
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
        f"{counted(run.steps, 'optimizer step')} of {recipe.effective_batch_size:,} rows over "
        f"{run.rows:,} rows ({run.basis}), {warm_up:,} of them warm-up. How long they take is not "
        "known before a step was measured here, or a GPU is named with --gpu."
    )
    return Section(id="steps", title="Steps", text=text)


def _seconds(timed: Timed) -> str:
    return f"about {duration(timed.likely)} ({_range(timed)})"


def _range(timed: Timed) -> str:
    return f"{duration(timed.low)} to {duration(timed.high)}"


def fitting(answer: Needed, named: Gpu | None) -> tuple[Gpu, ...]:
    """GPUs that hold the step: the one that was named if it does, and the others of the table.

    The step is not simulated anew for each: what a card of another generation computes otherwise is
    within the range that is left as room.
    """
    found = [g for g in gpus.table() if g is not named and answer.high <= g.memory_bytes]
    if named is not None and answer.verdict(named.memory_bytes) != "does-not-fit":
        found.insert(0, named)
    return tuple(found)


def priced(
    clock: Clock, run: Run, cards: Iterable[Gpu], table: tuple[Price, ...] | None, count: int
) -> tuple[Offer, ...]:
    """What the run costs on each of these GPUs, the cheapest job first."""
    spans: dict[str, Span] = {}
    for gpu in cards:
        step = clock(gpu)
        if step is None:
            continue
        whole = step.times(run.steps)
        spans[gpu.name] = Span(low=whole.low, likely=whole.likely, high=whole.high, gpus=count)
    return offers(spans, table)


def cost_facts(found: tuple[Offer, ...], named: Gpu | None) -> dict[str, Any] | None:
    """The cheapest job on the GPU that was named, or on any where none was or it has no price."""
    best = _best(found, named)
    if best is None:
        return None
    return {
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
    found: tuple[Offer, ...], named: Gpu | None, clock: Clock, run: Run
) -> Section | None:
    """The price of the run where its GPUs are rented; None without a price."""
    best = _best(found, named)
    if best is None:
        return None
    today = dt.datetime.now(tz=dt.UTC).date()
    age = oldest(found, today) or 0
    text = f"The run costs about {_dollars(best.likely)} ({_dollars(best.low)} to "
    text += f"{_dollars(best.high)}) on {best.gpu} at {best.provider}"
    cheapest = next(iter(found))
    if cheapest is not best:
        spot = ", which may be taken back," if cheapest.spot else ""
        text += f"; {cheapest.gpu} at {cheapest.provider}{spot} costs {_dollars(cheapest.likely)}"
    text += ".\n"
    old = f"; the oldest is {age:,} days old" if age > OLD_PRICES else ""
    text += f"Each price with its day{old}. Left out: {', '.join(left_out(found))}."
    shown = _varied(found)
    return Section(
        id="price",
        title="Price of the run",
        text=text,
        evidence=(
            Table(
                name="where it is rented, the cheapest job first",
                columns=("GPU", "provider", "time", "price", "range", "day"),
                rows=tuple(_row(offer, clock, run) for offer in shown),
                total=len(found),
            ),
        ),
    )


def _varied(found: tuple[Offer, ...]) -> list[Offer]:
    """The cheapest offers, at most two of a GPU, so that other GPUs are seen too."""
    taken: dict[str, int] = {}
    shown: list[Offer] = []
    for offer in found:
        if taken.get(offer.gpu, 0) < 2 and len(shown) < OFFERS_SHOWN:  # noqa: PLR2004  two of a kind
            taken[offer.gpu] = taken.get(offer.gpu, 0) + 1
            shown.append(offer)
    return shown


def _row(offer: Offer, clock: Clock, run: Run) -> tuple[str, ...]:
    gpu = gpus.find(offer.gpu)
    step = clock(gpu) if gpu is not None else None
    count = f"{offer.gpus} x " if offer.gpus > 1 else ""
    spot = " (spot)" if offer.spot else ""
    return (
        f"{count}{offer.gpu}",
        f"{offer.provider}{spot}",
        duration(step.likely * run.steps) if step is not None else "-",
        _dollars(offer.likely),
        f"{_dollars(offer.low)} to {_dollars(offer.high)}",
        offer.date.isoformat(),
    )


def _dollars(amount: float) -> str:
    return f"${amount:,.2f}" if amount < 100 else f"${amount:,.0f}"  # noqa: PLR2004  cents do not matter
