"""Vega-Lite specifications of stacks: bars, and layers along an axis."""

from __future__ import annotations

from collections.abc import Sequence

from tunewell.core.finding import Bars, Layers, Limit
from tunewell.report.charts import BAD, CONFIG, GRID, INK, MUTED, Spec
from tunewell.report.words import figure

PARTS = tuple(f"var(--part{number})" for number in range(1, 7))
"""Colours of the parts, in their order. A seventh part begins anew."""

BAR_STEP = 34
LAYERS_HEIGHT = 220
ROOM = 1.06
"""How much the scale goes beyond the largest value."""


def spec_of(item: Bars | Layers, width: int) -> Spec:
    """The picture of a stack on a plot of so many pixels."""
    return _bars(item, width) if isinstance(item, Bars) else _layers(item, width)


def said(item: Bars | Layers) -> str:
    """The picture in words: each bar's total, or the most that layers reach, and the limits."""
    unit = f" {item.unit}" if item.unit else ""
    if isinstance(item, Bars):
        told = [f"{row.name} {figure(round(sum(row.values), 2))}{unit}" for row in item.rows]
    else:
        most = max((sum(values) for values in item.values), default=0.0)
        told = [f"at most {figure(round(most, 2))}{unit}"]
    told += [f"{limit.name} {figure(round(limit.value, 2))}{unit}" for limit in item.limits]
    return ", ".join(told)


def _colour(parts: Sequence[str]) -> Spec:
    return {
        "field": "part",
        "type": "nominal",
        "title": None,
        "sort": None,
        "scale": {
            "domain": list(parts),
            "range": [PARTS[number % len(PARTS)] for number in range(len(parts))],
        },
        "legend": {"orient": "bottom", "columns": 6, "symbolType": "square"},
    }


def _top(totals: Sequence[float], limits: Sequence[Limit]) -> float:
    return ROOM * max([*totals, *(limit.value for limit in limits)], default=1.0)


def _bars(item: Bars, width: int) -> Spec:
    rows: list[Spec] = [
        {"row": row.name, "part": part, "value": value, "order": number}
        for row in item.rows
        for number, (part, value) in enumerate(zip(item.parts, row.values, strict=False))
    ]
    totals = [sum(row.values) for row in item.rows]
    ends: list[Spec] = [
        {"row": row.name, "value": total, "label": figure(round(total, 2))}
        for row, total in zip(item.rows, totals, strict=True)
    ]
    x: Spec = {
        "field": "value",
        "type": "quantitative",
        "title": None,
        "scale": {"domain": [0, _top(totals, item.limits) or 1.0], "nice": False},
        "axis": {"tickCount": 5, "domain": False, "ticks": False},
    }
    y: Spec = {
        "field": "row",
        "type": "nominal",
        "title": None,
        "sort": None,
        "axis": {"domain": False, "ticks": False, "labelColor": INK, "labelFontSize": 12},
    }
    layers: list[Spec] = [
        {
            "data": {"values": rows},
            "mark": {"type": "bar", "height": {"band": 0.72}},
            "encoding": {
                "x": x | {"stack": "zero"},
                "y": y,
                "color": _colour(item.parts),
                "order": {"field": "order"},
            },
        },
        {
            "data": {"values": ends},
            "mark": {
                "type": "text",
                "align": "left",
                "dx": 5,
                "fontSize": 12,
                "fontWeight": 600,
                "color": INK,
            },
            "encoding": {"x": x, "y": y, "text": {"field": "label"}},
        },
    ]
    for limit in item.limits:
        point: Spec = {"data": {"values": [{"value": limit.value}]}}
        layers += [
            point
            | {
                "mark": {"type": "rule", "color": BAD, "strokeWidth": 2, "strokeDash": [5, 3]},
                "encoding": {"x": x},
            },
            point | {"mark": _label(limit, "right", -6), "encoding": {"x": x, "y": {"value": -4}}},
        ]
    return {"width": width, "height": {"step": BAR_STEP}, "layer": layers, "config": CONFIG}


def _label(limit: Limit, align: str, dx: int) -> Spec:
    return {
        "type": "text",
        "text": f"{limit.name} {figure(round(limit.value, 1))}",
        "color": BAD,
        "align": align,
        "dx": dx,
        "dy": -4,
        "baseline": "bottom",
        "fontSize": 11,
        "fontWeight": 600,
    }


def _layers(item: Layers, width: int) -> Spec:
    rows: list[Spec] = [
        {"at": at, "part": part, "value": value, "order": number}
        for at, values in zip(item.at, item.values, strict=False)
        for number, (part, value) in enumerate(zip(item.parts, values, strict=False))
    ]
    top = ROOM * _top([sum(values) for values in item.values], item.limits) or 1.0
    x: Spec = {
        "field": "at",
        "type": "quantitative",
        "title": item.axis,
        "scale": {"nice": False, "zero": False},
        "axis": {"tickCount": 5, "grid": False},
    }
    y: Spec = {
        "field": "value",
        "type": "quantitative",
        "title": None,
        "scale": {"domain": [0, top], "nice": False},
        "axis": {"tickCount": 5, "domain": False, "ticks": False},
    }
    layers: list[Spec] = [
        {
            "data": {"values": rows},
            "mark": {"type": "area", "interpolate": "step-after", "line": False},
            "encoding": {
                "x": x,
                "y": y | {"stack": "zero"},
                "color": _colour(item.parts),
                "order": {"field": "order"},
            },
        }
    ]
    for stretch in item.stretches:
        begin: Spec = {"data": {"values": [{"at": stretch.first}]}}
        layers += [
            begin
            | {"mark": {"type": "rule", "color": GRID, "strokeWidth": 1}, "encoding": {"x": x}},
            begin
            | {
                "mark": {
                    "type": "text",
                    "text": stretch.name,
                    "color": MUTED,
                    "align": "left",
                    "baseline": "top",
                    "dx": 4,
                    "fontSize": 11,
                },
                "encoding": {"x": x, "y": {"value": 3}},
            },
        ]
    for limit in item.limits:
        level: Spec = {"data": {"values": [{"value": limit.value}]}}
        layers += [
            level
            | {
                "mark": {"type": "rule", "color": BAD, "strokeWidth": 2, "strokeDash": [5, 3]},
                "encoding": {"y": y},
            },
            level
            | {
                "mark": _label(limit, "right", -4),
                "encoding": {"y": y, "x": {"value": width}},
            },
        ]
    return {"width": width, "height": LAYERS_HEIGHT, "layer": layers, "config": CONFIG}
