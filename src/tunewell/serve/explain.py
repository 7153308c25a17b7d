"""The page of a check as HTML, to be unfolded under its finding."""

from __future__ import annotations

import re
from functools import cache

from markupsafe import Markup, escape

from tunewell.core.errors import SettingsError
from tunewell.engine import registry

CODE = re.compile(r"`([^`]+)`")
ITEM = re.compile(r"[-*] ")


@cache
def explanation(code: str) -> str:
    """What `tunewell explain CODE` says in words; "" of a check that is not known here."""
    try:
        check = registry.find(code)
    except SettingsError:
        return ""
    summary, _, body = check.doc.partition("\n")
    parts = [f"<p>{_inline(summary)}</p>"]
    for section in re.split(r"^## ", body, flags=re.MULTILINE)[1:]:
        heading, _, text = section.partition("\n")
        parts.append(f"<h4>{escape(heading)}</h4>")
        parts.extend(_block(block) for block in re.split(r"\n\s*\n", text.strip("\n")) if block)
    folded = "".join(parts)
    return (
        '<details class="quiet explanation"><summary>What this check does, and when it is wrong'
        f'</summary><div class="prose">{folded}</div></details>'
    )


def _block(block: str) -> str:
    lines = block.splitlines()
    if all(line.startswith("    ") for line in lines) or lines[0].startswith(("```", "|")):
        shown = [line for line in lines if not line.startswith("```")]
        return f"<pre>{escape(chr(10).join(shown))}</pre>"
    if ITEM.match(lines[0]):
        items = re.split(r"^[-*] ", block, flags=re.MULTILINE)[1:]
        return "<ul>" + "".join(f"<li>{_inline(item)}</li>" for item in items) + "</ul>"
    return f"<p>{_inline(block)}</p>"


def _inline(text: str) -> Markup:
    said = str(escape(" ".join(text.split())))
    return Markup(CODE.sub(r"<code>\1</code>", said))  # noqa: S704  escaped on the line above
