"""What a job costs where GPUs are rented: dollars per job, not per hour.

The cheapest card of an hour is seldom the cheapest of a job: in the project's first comparison a
fine-tune cost 2.5 to 3 times as much on L4 and A10G as on an H100 or a 4090.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping

from tunewell.core.finding import Record
from tunewell.knowledge import prices
from tunewell.knowledge.prices import Price

SECONDS_AN_HOUR = 3600

LEFT_OUT = (
    "storage",
    "data transfer",
    "starting, and loading weights and data",
    "idle time",
    "rounding up to the minute or hour that is billed",
    "taxes",
)
LEFT_OUT_OF_SPOT = "work lost when a spot machine is taken back"


class Span(Record, frozen=True):
    """Seconds that a job takes on so many GPUs of one kind: at best, likely, at worst."""

    low: float
    likely: float
    high: float
    gpus: int = 1


class Offer(Record, frozen=True):
    """What one provider takes for the job, in dollars.

    `gpus` are rented, which is more than the job uses where the provider rents them only together:
    all of them are paid. `an_hour` is for one GPU and hour. A `spot` machine may be taken back.
    """

    gpu: str
    provider: str
    gpus: int
    spot: bool
    low: float
    likely: float
    high: float
    an_hour: float
    date: dt.date
    source: str
    note: str | None = None

    def age_in_days(self, today: dt.date) -> int:
        """Days since the date of the price."""
        return (today - self.date).days


def offers(
    spans: Mapping[str, Span], table: Iterable[Price] | None = None, *, spot: bool = True
) -> tuple[Offer, ...]:
    """What the job costs wherever its GPUs are rented, the cheapest job first.

    Args:
        spans: how long the job takes on each GPU that it fits on, by the GPU's name in `gpus.toml`.
            A GPU without a price gives no offer.
        table: prices; those that come with Tunewell where None.
        spot: whether machines that may be taken back are offered too, marked as such.
    """
    found: list[Offer] = []
    for price in prices.table() if table is None else table:
        span = spans.get(price.gpu)
        if span is None:
            continue
        if price.on_demand is not None:
            found.append(_offer(price, span, price.on_demand, price.on_demand_to, spot=False))
        if spot and price.spot is not None:
            found.append(_offer(price, span, price.spot, None, spot=True))
    return tuple(sorted(found, key=lambda o: (o.likely, o.gpu, o.provider, o.spot)))


def oldest(of: Iterable[Offer], today: dt.date) -> int | None:
    """Age in days of the oldest price among the offers, None without offers."""
    return max((offer.age_in_days(today) for offer in of), default=None)


def left_out(of: Iterable[Offer]) -> tuple[str, ...]:
    """What the prices of these offers do not hold."""
    return (*LEFT_OUT, LEFT_OUT_OF_SPOT) if any(offer.spot for offer in of) else LEFT_OUT


def _offer(price: Price, span: Span, cheap: float, dear: float | None, *, spot: bool) -> Offer:
    rented = math.ceil(span.gpus / price.count) * price.count
    dear = dear or cheap
    return Offer(
        gpu=price.gpu,
        provider=price.provider,
        gpus=rented,
        spot=spot,
        low=_dollars(span.low, rented, cheap),
        likely=_dollars(span.likely, rented, (cheap + dear) / 2),
        high=_dollars(span.high, rented, dear),
        an_hour=(cheap + dear) / 2,
        date=price.date,
        source=price.source,
        note=price.note,
    )


def _dollars(seconds: float, rented: int, an_hour: float) -> float:
    return seconds / SECONDS_AN_HOUR * rented * an_hour
