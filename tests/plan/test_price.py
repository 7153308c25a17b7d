"""What a job costs: hours times GPUs times the price of an hour, the cheapest job first."""

from __future__ import annotations

import datetime as dt

import pytest

from tunewell.knowledge import prices
from tunewell.knowledge.prices import Price
from tunewell.plan.price import LEFT_OUT_OF_SPOT, Span, left_out, offers, oldest

TODAY = dt.date(2026, 11, 27)


def price(gpu: str, provider: str, on_demand: float | None, **more: object) -> Price:
    """A price of this month."""
    day = dt.date(2026, 11, 1)
    return Price(gpu=gpu, provider=provider, date=day, source="test", on_demand=on_demand, **more)  # type: ignore[arg-type]  # fields by name


def test_hours_times_price() -> None:
    """Half an hour, an hour and two at 3 dollars."""
    (offer,) = offers({"L4": Span(low=1800, likely=3600, high=7200)}, [price("L4", "x", 3.0)])
    assert (offer.low, offer.likely, offer.high) == (1.5, 3.0, 6.0)
    assert (offer.gpus, offer.spot, offer.an_hour) == (1, False, 3.0)


def test_cheapest_job_before_cheapest_hour() -> None:
    """A card five times as dear and eight times as fast comes first."""
    table = [price("L4", "slow", 0.5), price("H200", "fast", 2.5)]
    spans = {"L4": Span(low=8e4, likely=8e4, high=8e4), "H200": Span(low=1e4, likely=1e4, high=1e4)}
    assert [offer.provider for offer in offers(spans, table)] == ["fast", "slow"]


def test_what_is_rented_together_is_paid_together() -> None:
    """One of eight costs eight; nine take two machines."""
    table = [price("B200", "x", 5.0, count=8)]
    (one,) = offers({"B200": Span(low=3600, likely=3600, high=3600)}, table)
    assert (one.gpus, one.likely) == (8, 40.0)
    (nine,) = offers({"B200": Span(low=3600, likely=3600, high=3600, gpus=9)}, table)
    assert (nine.gpus, nine.likely) == (16, 80.0)


def test_spot_is_an_offer_of_its_own() -> None:
    """Marked, and left out where it is not wanted."""
    table = [price("L4", "x", 1.0, spot=0.25), price("L4", "y", None, spot=0.5)]
    spans = {"L4": Span(low=3600, likely=3600, high=3600)}
    every = offers(spans, table)
    assert [(o.provider, o.spot, o.likely) for o in every] == [
        ("x", True, 0.25),
        ("y", True, 0.5),
        ("x", False, 1.0),
    ]
    steady = offers(spans, table, spot=False)
    assert [(o.provider, o.spot) for o in steady] == [("x", False)]
    assert LEFT_OUT_OF_SPOT in left_out(every)
    assert LEFT_OUT_OF_SPOT not in left_out(steady)
    assert "storage" in left_out(steady)


def test_a_market_has_a_range() -> None:
    """The cheap end at best, the dear end at worst, the middle between."""
    table = [price("L4", "x", 1.0, on_demand_to=2.0)]
    (offer,) = offers({"L4": Span(low=3600, likely=3600, high=3600)}, table)
    assert (offer.low, offer.likely, offer.high, offer.an_hour) == (1.0, 1.5, 2.0, 1.5)


def test_age_of_prices() -> None:
    """The oldest counts, since it may have moved the most."""
    spans = {"L4": Span(low=1, likely=1, high=1)}
    old = Price(gpu="L4", provider="y", date=dt.date(2026, 1, 1), source="test", on_demand=1.0)
    found = offers(spans, [price("L4", "x", 1.0), old])
    assert oldest(found, TODAY) == 330
    assert {o.provider: o.age_in_days(TODAY) for o in found} == {"x": 26, "y": 330}
    assert oldest((), TODAY) is None


def test_shipped_table_gives_offers() -> None:
    """For a GPU that it holds; none for one that nobody rents or that the job was not timed on."""
    span = Span(low=3000, likely=3600, high=4000)
    found = offers({"H100 80GB HBM3": span, "GeForce RTX 4070": span})
    assert {o.gpu for o in found} == {"H100 80GB HBM3"}
    assert [o.likely for o in found] == sorted(o.likely for o in found)
    single = [o for o in found if o.gpus == 1 and not o.spot]
    assert single
    assert all(o.low < o.likely < o.high for o in single)
    assert all(o.likely == pytest.approx(o.an_hour) for o in single)
    assert len(found) < len(prices.table())
