"""The live page: the report's look, with a script that draws what a run is told to be."""

from __future__ import annotations

from functools import cache

from markupsafe import Markup

from tunewell.core.version import VERSION
from tunewell.report.html import asset, digest, inert, templates

STYLES = ("style.css", "live.css")
SCRIPTS = ("live_scales.js", "live_charts.js", "live_layers.js", "live.js")


@cache
def _style() -> str:
    return "\n".join(map(asset, STYLES))


@cache
def _script() -> str:
    return "\n".join(map(asset, SCRIPTS))


def policy() -> str:
    """The content security policy that the page is to be sent with."""
    return (
        f"default-src 'none'; style-src '{digest(_style())}'; script-src '{digest(_script())}'; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )


def render(snapshot: bytes) -> str:
    """The page with everything known so far in it: it is whole before its stream begins.

    Args:
        snapshot: the first message of the stream, as JSON.
    """
    return (
        templates()
        .get_template("live.html")
        .render(
            style=Markup(_style()),  # noqa: S704  files of this package
            script=Markup(_script()),  # noqa: S704  files of this package
            snapshot=inert(snapshot.decode()),
            version=VERSION,
        )
    )
