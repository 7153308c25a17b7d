"""Stacks in a terminal and in a page: shares are right, no peak is lost, limits are seen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.report.samples import memory_bars, memory_layers

from tunewell.core.finding import Bar, Bars, Layers, Limit
from tunewell.report import stacks
from tunewell.report.svg import draw
from tunewell.report.terminal_stacks import FILLS, stacked


def lines(item: Bars | Layers, width: int = 78) -> list[str]:
    return [line.plain for line in stacked(item, width)]


@pytest.mark.parametrize("width", [40, 60, 78, 120])
@pytest.mark.parametrize("item", [memory_bars(), memory_layers()], ids=["bars", "layers"])
def test_no_line_is_wider_than_the_terminal(item: Bars | Layers, width: int) -> None:
    assert max(map(len, lines(item, width)[1:])) <= width


def test_a_bar_beyond_the_limit_crosses_its_line() -> None:
    drawn = lines(memory_bars())
    column = drawn[1].index("│")
    backward, forward = drawn[3], drawn[2]
    assert backward.startswith("backward")
    assert backward[column + 1] in FILLS
    assert forward[column + 1] == " "
    assert drawn[-1].index("└") == column
    assert "L4: 22.5 GiB" in drawn[-1]


def test_the_shares_of_a_bar_are_those_of_its_parts() -> None:
    bars = Bars(name="x", parts=("a", "b"), rows=(Bar(name="r", values=(30.0, 10.0)),))
    bar = lines(bars)[1]
    assert bar.count(FILLS[0]) == pytest.approx(3 * bar.count(FILLS[1]), abs=2)


def test_one_moment_among_many_is_drawn() -> None:
    """A peak of one allocation in 5,000 keeps its column."""
    values = tuple((1.0 if at != 3_210 else 50.0,) for at in range(5_000))
    layers = Layers(
        name="x", axis="events", at=tuple(map(float, range(5_000))), parts=("a",), values=values
    )
    assert lines(layers)[1].count(FILLS[0]) == 1


def test_an_empty_stack_is_drawn_as_nothing() -> None:
    assert lines(Bars(name="x", parts=(), rows=())) == [""]
    assert lines(Layers(name="x", axis="y", at=(), parts=(), values=())) == [""]
    zero = Bars(name="x", parts=("a",), rows=(Bar(name="r", values=(0.0,)),))
    assert FILLS[0] not in lines(zero)[1]


def test_long_names_leave_room_for_what_is_drawn() -> None:
    """A name of the user's own may be any text."""
    name = "n" * 300
    bars = Bars(
        name=name,
        parts=(name, "b"),
        rows=(Bar(name=name, values=(1.0, 2.0)),),
        unit=name,
        limits=(Limit(name=name, value=2.0),),
    )
    drawn = lines(bars)
    assert max(map(len, drawn)) <= 78
    assert FILLS[0] in drawn[1]
    assert FILLS[1] in drawn[1]


@given(
    st.lists(st.lists(st.floats(0, 1e4), min_size=2, max_size=2), min_size=1, max_size=5),
    st.floats(0.01, 2e4),
    st.integers(40, 130),
)
def test_whatever_the_values_a_line_has_its_width(
    rows: list[list[float]], limit: float, width: int
) -> None:
    bars = Bars(
        name="x",
        parts=("a", "b"),
        rows=tuple(Bar(name=str(n), values=tuple(row)) for n, row in enumerate(rows)),
        limits=(Limit(name="GPU", value=limit),),
    )
    assert max(map(len, lines(bars, width))) <= width


@pytest.mark.parametrize("item", [memory_bars(), memory_layers()], ids=["bars", "layers"])
def test_the_page_has_the_picture_and_its_words(item: Bars | Layers) -> None:
    drawn = draw(stacks.spec_of(item, 700), label="x")
    assert drawn is not None
    assert "L4 22.5" in drawn
    for part in item.parts:
        assert part in drawn
    assert "L4 22.5 GiB" in stacks.said(item)
