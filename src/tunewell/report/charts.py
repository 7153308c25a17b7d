"""Vega-Lite specifications of everything that is drawn. No pixels are made here.

Colours are CSS variables of the page, so that one drawing serves light and dark.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tunewell.core.finding import Finding, Series, Severity, Steps
from tunewell.core.proof import Estimate
from tunewell.report.numbers import Change, envelope
from tunewell.report.words import percent, severity_of

Spec = dict[str, Any]

CURVE_WIDTH, CURVE_HEIGHT = 350, 132
"""Of one curve in pixels: two beside each other fill the page, one fills a phone."""

POINTS_OF_EACH = 120
"""Of one run among several: more are not told apart."""

LABEL_ROWS = 3
PIXELS_PER_CHARACTER = 6.6

INK, MUTED, GRID, LINE = "var(--ink)", "var(--muted)", "var(--rule)", "var(--line)"
GOOD, BAD = "var(--good)", "var(--error)"
COLOURS = (LINE, "var(--warning)", GOOD, BAD, MUTED)

CONFIG: Spec = {
    "background": None,
    "view": {"stroke": None},
    "axis": {
        "labelColor": MUTED,
        "titleColor": MUTED,
        "gridColor": GRID,
        "domainColor": GRID,
        "tickColor": GRID,
        "labelFontSize": 11,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
        "labelPadding": 5,
        "labelLimit": 130,
    },
    "legend": {"labelColor": INK, "titleColor": MUTED, "labelFontSize": 11},
    "title": {"color": INK},
    "text": {"color": INK},
    "mark": {"color": LINE},
    "range": {
        "category": list(COLOURS),
    },
}
"""The look of every chart, also of those that a check brings itself."""


@dataclass(frozen=True, slots=True)
class Flag:
    """Something marked on a curve: a finding by its code, or a note."""

    label: str
    first: int
    last: int
    colour: str


def flags(series: Series, findings: Sequence[Finding]) -> list[Flag]:
    """What is to be marked on a curve: its own marks, and findings that name its steps."""
    found = [
        Flag(
            finding.code,
            place.first,
            place.last,
            {Severity.ERROR: BAD, Severity.WARNING: "var(--warning)"}.get(
                severity_of(finding), "var(--info)"
            ),
        )
        for finding in findings
        for place in finding.where
        if isinstance(place, Steps) and place.metric == series.name
    ]
    notes = [
        Flag(mark.text, mark.step, mark.step if mark.last is None else mark.last, MUTED)
        for mark in series.marks
    ]
    return [*found, *notes]


def _axes(finite: Sequence[float]) -> tuple[Spec, Spec]:
    """Steps along and values up, for curves of these values."""
    x: Spec = {
        "field": "step",
        "type": "quantitative",
        "title": "step",
        "scale": {"nice": False, "zero": False},
        "axis": {"tickCount": 5, "grid": False},
    }
    y: Spec = {
        "field": "value",
        "type": "quantitative",
        "title": None,
        "scale": {"zero": False},
        "axis": {"tickCount": 4, "domain": False, "ticks": False},
    }
    if 0 < max(map(abs, finite), default=0.0) < 0.001:  # noqa: PLR2004  learning rates
        y["axis"]["format"] = ".1e"
    if finite and min(finite) == max(finite):
        # Vega has no scale for one value, and would call it 0.
        room = abs(finite[0]) / 2 or 1.0
        y["scale"] = {"domain": [finite[0] - room, finite[0] + room], "nice": False}
    return x, y


def curve(series: Series, marked: Sequence[Flag] = ()) -> Spec:
    """A line over steps with its marks; steps whose value was lost are crosses at the foot."""
    points = envelope(series.steps, series.values)
    finite = [value for _, value in points if value is not None]
    lost = [step for step, value in points if value is None]
    x, y = _axes(finite)
    few = len(points) <= 30  # noqa: PLR2004  a few evaluations are points, many steps a line
    layers: list[Spec] = [
        *_flag_layers(marked, points, x),
        {
            "data": {"values": [{"step": step, "value": value} for step, value in points]},
            "mark": {
                "type": "line",
                "color": LINE,
                "strokeWidth": 1.5,
                "strokeJoin": "round",
                "point": {"color": LINE, "size": 22} if few else False,
                "invalid": "break-paths-show-domains",
            },
            "encoding": {"x": x, "y": y},
        },
    ]
    if lost:
        layers.append(
            {
                "data": {"values": [{"step": step} for step in lost]},
                "mark": {
                    "type": "point",
                    "shape": "cross",
                    "angle": 45,
                    "filled": True,
                    "color": BAD,
                    "size": 60,
                },
                "encoding": {"x": x, "y": {"value": CURVE_HEIGHT - 6}},
            }
        )
    return {"width": CURVE_WIDTH, "height": CURVE_HEIGHT, "layer": layers, "config": CONFIG}


def overlay(together: Sequence[Series]) -> Spec:
    """One metric of several runs over steps; runs that belong together have one colour."""
    rows: list[Spec] = [
        {"step": step, "value": value, "run": series.of, "of": series.of.partition(",")[0]}
        for series in together
        for step, value in envelope(series.steps, series.values, POINTS_OF_EACH)
        if value is not None
    ]
    finite = [row["value"] for row in rows]
    x, y = _axes(finite)
    few = max((len(series.steps) for series in together), default=0) <= 30  # noqa: PLR2004
    colour: Spec = {"field": "of", "type": "nominal", "title": None, "sort": None}
    colour["legend"] = {"orient": "bottom", "columns": 8, "symbolType": "stroke"}
    if len({row["of"] for row in rows}) > len(COLOURS):
        colour["scale"] = {"scheme": "tableau20"}
    return {
        "width": CURVE_WIDTH,
        "height": CURVE_HEIGHT,
        "data": {"values": rows},
        "mark": {
            "type": "line",
            "strokeWidth": 1.5,
            "strokeJoin": "round",
            "opacity": 0.85,
            "point": {"size": 18} if few else False,
        },
        "encoding": {"x": x, "y": y, "color": colour, "detail": {"field": "run"}},
        "config": CONFIG,
    }


def _flag_layers(marked: Sequence[Flag], points: Sequence[tuple[int, Any]], x: Spec) -> list[Spec]:
    if not points or not marked:
        return []
    first, last = points[0][0], points[-1][0]
    span = max(last - first, 1)
    ends = [float("-inf")] * LABEL_ROWS
    layers: list[Spec] = []
    for flag in sorted(marked, key=lambda flag: (flag.first, flag.label)):
        start, end = max(flag.first, first), min(flag.last, last)
        if start > end:
            continue
        at = (start - first) / span * CURVE_WIDTH
        label = flag.label if len(flag.label) <= 24 else f"{flag.label[:23]}…"  # noqa: PLR2004  a third of the curve
        length = len(label) * PIXELS_PER_CHARACTER
        right = at + 4 + length <= CURVE_WIDTH + 8
        begin = at + 4 if right else at - 4 - length
        row = next((r for r in range(LABEL_ROWS) if ends[r] < begin), LABEL_ROWS - 1)
        ends[row] = max(ends[row], begin + length + 6)
        base: Spec = {"data": {"values": [{"step": start, "end": end}]}}
        if end > start:
            layers.append(
                base
                | {
                    "mark": {"type": "rect", "color": flag.colour, "opacity": 0.12},
                    "encoding": {"x": x, "x2": {"field": "end"}},
                }
            )
        layers.append(
            base
            | {
                "mark": {"type": "rule", "color": flag.colour, "strokeDash": [4, 3]},
                "encoding": {"x": x},
            }
        )
        layers.append(
            base
            | {
                "mark": {
                    "type": "text",
                    "text": label,
                    "color": flag.colour,
                    "align": "left" if right else "right",
                    "baseline": "top",
                    "dx": 4 if right else -4,
                    "fontSize": 11,
                    "fontWeight": 600,
                },
                "encoding": {"x": x, "y": {"value": 1 + 14 * row}},
            }
        )
    return layers


def dumbbells(pairs: Sequence[Change], width: int) -> Spec:
    """Before (hollow) and after (full) of each metric with their 95 % intervals."""
    rows: list[Spec] = [
        {
            "metric": pair.metric,
            "when": when,
            "value": 100 * estimate.value,
            "low": 100 * estimate.low,
            "high": 100 * estimate.high,
            "label": percent(estimate.value),
        }
        for pair in pairs
        for when, estimate in (("before", pair.before), ("after", pair.after))
    ]
    low = min((row["low"] for row in rows), default=0.0)
    high = max((row["high"] for row in rows), default=100.0)
    room = max((high - low) * 0.12, 1.0)
    domain = [max(0.0, low - room), min(100.0, high + room)]
    x: Spec = {
        "field": "value",
        "type": "quantitative",
        "title": "per cent, with 95 % intervals",
        "scale": {"domain": domain, "nice": False},
        "axis": {"tickCount": 5, "domain": False, "ticks": False},
    }
    y: Spec = {
        "field": "metric",
        "type": "nominal",
        "title": None,
        "sort": None,
        "axis": {"domain": False, "ticks": False, "labelColor": INK, "labelFontSize": 12},
    }
    colour: Spec = {
        "field": "when",
        "type": "nominal",
        "legend": None,
        "scale": {"domain": ["before", "after"], "range": [MUTED, GOOD]},
    }
    span: Spec = {"x": x | {"field": "low"}, "x2": {"field": "high"}, "y": y, "color": colour}
    dots: Spec = {"x": x, "y": y, "color": colour}
    return {
        "width": width,
        "height": {"step": 46},
        "data": {"values": rows},
        "layer": [
            {
                "mark": {"type": "line", "color": GRID, "strokeWidth": 2},
                "encoding": {"x": x, "y": y, "detail": {"field": "metric"}},
            },
            {"mark": {"type": "rule", "strokeWidth": 7, "opacity": 0.3, "strokeCap": "round"},
             "encoding": span},
            {"mark": {"type": "point", "filled": True, "size": 110, "opacity": 1},
             "encoding": dots},
            {
                "mark": {"type": "text", "dy": -14, "fontSize": 12, "fontWeight": 600},
                "encoding": dots | {"text": {"field": "label"}},
            },
        ],
        "config": CONFIG,
    }  # fmt: skip


def difference(estimate: Estimate, reach: float, width: int = 190) -> Spec:
    """A difference with its interval against zero, on an axis from -reach to +reach points."""
    better = estimate.low > 0
    worse = estimate.high < 0
    colour = GOOD if better else BAD if worse else MUTED
    scale = {"domain": [-reach, reach], "nice": False}
    x: Spec = {"type": "quantitative", "scale": scale, "axis": None}
    row = {"low": 100 * estimate.low, "high": 100 * estimate.high, "value": 100 * estimate.value}
    return {
        "width": width,
        "height": 18,
        "padding": 1,
        "data": {"values": [row]},
        "layer": [
            {"mark": {"type": "rule", "color": GRID},
             "encoding": {"x": x | {"datum": -reach}, "x2": {"datum": reach}}},
            {"mark": {"type": "tick", "color": MUTED, "size": 14, "thickness": 1},
             "encoding": {"x": x | {"datum": 0}}},
            {"mark": {"type": "rule", "color": colour, "strokeWidth": 5, "opacity": 0.35,
                      "strokeCap": "round"},
             "encoding": {"x": x | {"field": "low"}, "x2": {"field": "high"}}},
            {"mark": {"type": "point", "filled": True, "color": colour, "size": 60,
                      "opacity": 1},
             "encoding": {"x": x | {"field": "value"}}},
        ],
        "config": CONFIG,
    }  # fmt: skip


def foreign(spec: Spec) -> Spec:
    """A check's own chart in the page's look and at a width that a phone shows."""
    return {"width": CURVE_WIDTH, **spec, "config": CONFIG | dict(spec.get("config") or {})}
