"""The table of prices holds together, and a user's own file is read or refused in one sentence."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from tunewell.knowledge import gpus, prices
from tunewell.knowledge.prices import Price, PriceFileError

EVERY = [pytest.param(p, id=f"{p.provider} {p.gpu}") for p in prices.table()]
TOML = '[[prices]]\ngpu = "H100"\non_demand = 2.5\ndate = 2026-11-01\n'
CSV = "gpu,provider,on_demand,spot,count,date\n"


@pytest.mark.parametrize("price", EVERY)
def test_every_price_is_possible(price: Price) -> None:
    """Cents to tens of dollars, spot below on demand, dated, with a source."""
    asked = [p for p in (price.on_demand, price.on_demand_to, price.spot) if p is not None]
    assert asked
    assert all(0.05 < p < 20 for p in asked)
    assert price.spot is None or price.on_demand is None or price.spot < price.on_demand
    assert dt.date(2025, 1, 1) < price.date <= gpus.read_on()
    assert len(price.source) > 8
    assert price.count in {1, 2, 4, 8}
    assert gpus.resolve(price.gpu).gpu.name == price.gpu


def test_no_row_stands_twice() -> None:
    """One price a provider and GPU."""
    rows = [(p.provider, p.gpu) for p in prices.table()]
    assert len(rows) == len(set(rows))
    assert len({p.gpu for p in prices.table()}) > 15


def test_age() -> None:
    """Counted from the day that is passed in, so that a report is the same every time."""
    price = Price(gpu="L4", provider="x", date=dt.date(2026, 11, 1), source="s", on_demand=1.0)
    assert price.age_in_days(dt.date(2026, 11, 27)) == 26


def test_reads_own_csv(tmp_path: Path) -> None:
    """Any name of a GPU, empty cells, a byte order mark and spaces after commas."""
    file = tmp_path / "ours.csv"
    text = CSV + "a100 80gb, cluster, 0.70, 0.35, 4, 2026-11-01\nL4,,0.2,,,2026-10-31\n"
    file.write_text(text, encoding="utf-8-sig")
    first, second = prices.read(file)
    assert first == Price(
        gpu="A100-SXM4-80GB",
        provider="cluster",
        date=dt.date(2026, 11, 1),
        source="ours.csv",
        on_demand=0.70,
        spot=0.35,
        count=4,
    )
    assert (second.provider, second.count, second.spot) == ("ours", 1, None)


def test_reads_own_toml(tmp_path: Path) -> None:
    """An ambiguous name is resolved, and the note says how."""
    file = tmp_path / "ours.toml"
    file.write_text(TOML, encoding="utf-8")
    (price,) = prices.read(file)
    assert (price.gpu, price.on_demand) == ("H100 80GB HBM3", 2.5)
    assert "H100-NVL" in (price.note or "")


@pytest.mark.parametrize(
    ("name", "text", "place", "reason"),
    [
        ("p.csv", CSV + "H1000,x,1,,,2026-11-01\n", "p.csv, line 2", "no GPU is known as 'H1000'"),
        ("p.csv", CSV + "L4,x,1,,,2026-11-01\nL4,x,-1,,,2026-11-01\n", "line 3", "above 0"),
        ("p.csv", CSV + "L4,x,$1,,,2026-11-01\n", "line 2", "on_demand is a number of dollars"),
        ("p.csv", CSV + "L4,x,nan,,,2026-11-01\n", "line 2", "not 'nan'"),
        ("p.csv", CSV + "L4,x,,,,2026-11-01\n", "line 2", "needs on_demand or spot"),
        ("p.csv", CSV + "L4,x,1,,,\n", "line 2", "needs the day"),
        ("p.csv", CSV + "L4,x,1,,,yesterday\n", "line 2", "not 'yesterday'"),
        ("p.csv", CSV + "L4,x,1,,none,2026-11-01\n", "line 2", "whole number of GPUs"),
        ("p.csv", CSV + ",x,1,,,2026-11-01\n", "line 2", "name of its GPU"),
        ("p.csv", CSV + "L4,x,1,,,2026-11-01,extra\n", "line 2", "more fields"),
        ("p.csv", CSV + 'L4,"x\n', "line 2", "not CSV"),
        ("p.csv", "gpu,price\nL4,1\n", "line 2", "'price' is no field"),
        ("p.csv", CSV, "p.csv", "holds no prices"),
        ("p.toml", "", "p.toml", "holds no prices"),
        ("p.toml", "[[prices]\n", "p.toml", "is not TOML"),
        ("p.toml", "prices = 3\n", "p.toml", "a list of tables"),
        ("p.toml", TOML + "\n[[prices]]\ngpu = 4090\n", "line 6", "gpu is text"),
        ("p.toml", TOML.replace("2.5", "true"), "line 1", "not True"),
        ("p.toml", TOML.replace("2.5", "2.5\non_demand_to = 1"), "line 1", "upper end"),
        ("p.toml", TOML.replace("2.5", "2.5\ncount = 0"), "line 1", "from 1 on, not 0"),
        ("p.toml", 'prices = [{gpu = "L4"}]', "row 1", "needs the day"),
        ("p.yaml", "", "p.yaml", "is neither"),
    ],
)
def test_refuses_in_one_sentence(
    tmp_path: Path, name: str, text: str, place: str, reason: str
) -> None:
    """With the file and the line."""
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    with pytest.raises(PriceFileError) as caught:
        prices.read(file)
    message = str(caught.value)
    assert name in message
    assert place in message
    assert reason in message
    assert "\n" not in message.removesuffix("\n")


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    """Are named."""
    with pytest.raises(PriceFileError, match=r"none\.csv: No such file"):
        prices.read(tmp_path / "none.csv")
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PriceFileError, match="not UTF-8"):
        prices.read(tmp_path / "b.csv")


def test_dates_with_a_time_count_as_days(tmp_path: Path) -> None:
    """TOML knows dates with and without a time."""
    file = tmp_path / "p.toml"
    file.write_text(TOML.replace("2026-11-01", "2026-11-01T08:00:00Z"), encoding="utf-8")
    assert prices.read(file)[0].date == dt.date(2026, 11, 1)
