"""One door to every format."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tunewell.core.document import Document
from tunewell.core.errors import SettingsError
from tunewell.report import machine, markdown, sarif


def _html(document: Document) -> str:
    from tunewell.report import html  # noqa: PLC0415  60 ms of jinja2 that the others do not pay

    return html.render(document)


FIXED: Mapping[str, Callable[[Document], str]] = {
    "json": machine.json,
    "jsonl": machine.jsonl,
    "sarif": sarif.render,
    "junit": machine.junit,
    "github": machine.github,
    "markdown": markdown.render,
    "html": _html,
}
"""Formats that look the same whatever shows them."""

FORMATS = ("full", "concise", *FIXED)
"""Every format that `render` knows."""


def render(
    document: Document,
    format: str = "full",  # noqa: A002  the word that --output-format uses
    *,
    width: int = 80,
    colour: bool = False,
    verbose: bool = False,
) -> str:
    """The document in one format, as text that ends with a line break.

    Args:
        document: what to show.
        format: one of `FORMATS`.
        width: columns of the terminal; only for "full" and "concise".
        colour: ANSI colours; only for "full" and "concise".
        verbose: also list what passed and was not run; only for "full" and "concise".

    Raises:
        SettingsError: if there is no such format.
    """
    if format in FIXED:
        return FIXED[format](document)
    if format not in FORMATS:
        message = f"there is no output format {format!r}; there are: {', '.join(FORMATS)}"
        raise SettingsError(message)
    from tunewell.report import terminal  # noqa: PLC0415  rich is for terminals only

    return terminal.render(
        document,
        width=width,
        colour=colour,
        verbose=verbose,
        style="concise" if format == "concise" else "full",
    )
