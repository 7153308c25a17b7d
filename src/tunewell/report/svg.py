"""Vega-Lite specifications drawn to SVG that may stand inside a page."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from typing import Any

from tunewell.report.words import visible

# fmt: off
TAGS = frozenset(
    {
        "svg", "g", "path", "rect", "line", "circle", "text", "tspan", "defs", "clipPath",
        "linearGradient", "stop",
    }
)
ATTRIBUTES = frozenset(
    {
        "viewBox", "width", "height", "d", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r",
        "transform", "fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity",
        "stroke-dasharray", "stroke-linecap", "stroke-linejoin", "opacity", "text-anchor",
        "font-size", "font-weight", "font-style", "dx", "dy", "clip-path", "id", "offset",
        "stop-color",
    }
)
# fmt: on
"""What Vega draws with; anything else, links and scripts among it, is dropped."""

NUMBER = re.compile(r"-?\d+\.\d{2,}")
NAMESPACE = "{http://www.w3.org/2000/svg}"


def draw(spec: Mapping[str, Any], *, label: str) -> str | None:
    """The chart as an SVG element, or None where it cannot be drawn.

    A page without a chart still has its tables, so every failure of the drawing is such a None.

    Args:
        spec: a Vega-Lite specification whose data is inside it; nothing is fetched.
        label: what the picture shows, for those who cannot see it.
    """
    if _reaches_out(spec):
        return None
    try:
        import vl_convert  # noqa: PLC0415  30 MB that only a page needs

        # No address is allowed: a report is made without the network.
        drawn = vl_convert.vegalite_to_svg(_shown(spec), allowed_base_urls=[])
        root = ET.fromstring(drawn)  # noqa: S314  made on this line from escaped text
    except Exception:  # noqa: BLE001  a missing or failing library must not cost the page
        return None
    _clean(root)
    width, height = root.get("width", "0"), root.get("height", "0")
    root.attrib.setdefault("viewBox", f"0 0 {width} {height}")
    root.set("role", "img")
    root.set("aria-label", visible(label))
    return ET.tostring(root, encoding="unicode")


def _reaches_out(value: Any) -> bool:  # noqa: ANN401  any JSON
    if isinstance(value, Mapping):
        return "url" in value or any(_reaches_out(part) for part in value.values())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return any(_reaches_out(part) for part in value)
    return False


def _shown(value: Any) -> Any:  # noqa: ANN401  any JSON
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, Mapping):
        return {visible(str(key)): _shown(part) for key, part in value.items()}
    if isinstance(value, Sequence):
        return [_shown(part) for part in value]
    return value


def _clean(element: ET.Element) -> None:
    element.tag = element.tag.removeprefix(NAMESPACE)
    for name in list(element.attrib):
        if name not in ATTRIBUTES:
            del element.attrib[name]
        else:
            text = NUMBER.sub(lambda match: f"{float(match[0]):.1f}", element.attrib[name])
            element.attrib[name] = text
    for child in list(element):
        if child.tag.removeprefix(NAMESPACE) not in TAGS or _invisible(child):
            element.remove(child)
        else:
            _clean(child)


def _invisible(element: ET.Element) -> bool:
    return element.get("display") == "none" or element.get("class") in {"background", "foreground"}
