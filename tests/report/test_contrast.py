"""Text of the page can be read: contrast of at least 4.5 to 1 (WCAG 2 AA) in light and dark."""

from __future__ import annotations

import re
from importlib import resources

import pytest

WEB = resources.files("tunewell.report").joinpath("web")
STYLE = "".join(WEB.joinpath(name).read_text("utf-8") for name in ("style.css", "live.css"))
COLOURS = {
    name: {"light": light, "dark": dark}
    for name, light, dark in re.findall(r"--(\w+): light-dark\((#\w{6}), (#\w{6})\)", STYLE)
}
PAIRS = [
    *((text, "paper") for text in ("ink", "muted", "line", "error", "warning", "info", "good")),
    *((text, "paper") for text in ("second", "third", "fourth")),  # of the live page
    *((text, "raised") for text in ("ink", "muted")),
    ("ink", "gone"),
    ("ink", "come"),
]
DEEPEST = max(int(share) for share in re.findall(r"var\(--tone\) (\d+)%", STYLE)) / 100

Colour = tuple[float, ...]


def rgb(code: str) -> Colour:
    """Red, green and blue from 0 to 1."""
    return tuple(int(code[i : i + 2], 16) / 255 for i in (1, 3, 5))


def contrast(one: Colour, other: Colour) -> float:
    """Ratio of relative luminances, as WCAG 2 defines it."""

    def luminance(colour: Colour) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_text_on_its_ground(text: str, ground: str, theme: str) -> None:
    """Every colour of text on every ground it stands on."""
    assert contrast(rgb(COLOURS[text][theme]), rgb(COLOURS[ground][theme])) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("part", [f"part{number}" for number in range(1, 7)])
def test_parts_of_a_stack_on_the_page(part: str, theme: str) -> None:
    """Areas are told from the page by at least 2.2 to 1; their names stand beside them as text."""
    assert contrast(rgb(COLOURS[part][theme]), rgb(COLOURS["paper"][theme])) >= 2.2


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("tone", ["good", "error"])
def test_counts_on_the_darkest_cell(tone: str, theme: str) -> None:
    """The numbers in the cells of a confusion matrix."""
    top, ground = rgb(COLOURS[tone][theme]), rgb(COLOURS["raised"][theme])
    cell = tuple(DEEPEST * t + (1 - DEEPEST) * g for t, g in zip(top, ground, strict=True))
    assert contrast(rgb(COLOURS["ink"][theme]), cell) >= 4.5
