"""The page of a check, from its decorator and docstring: one text for every surface."""

from __future__ import annotations

from typing import Any

from tunewell.core.check import Check
from tunewell.engine import registry


def page(code_or_name: str) -> str:
    """The Markdown page of one check.

    Raises:
        SettingsError: if no check has this code or name.
    """
    return markdown(registry.find(code_or_name))


def markdown(check: Check) -> str:
    """The Markdown page of a check."""
    summary, _, body = check.doc.partition("\n")
    needs = ", ".join(
        f"`{need.subject.__name__}`" + ("" if need.required else " (if there)")
        for need in check.needs
    )
    lines = [
        f"# {check.name} ({check.code})",
        "",
        summary,
        "",
        "| | |",
        "|---|---|",
        f"| family | {check.family} |",
        f"| category | {check.category.value} |",
        f"| severity | {check.severity.value} |",
        f"| confidence | {check.confidence.value} |",
        f"| looks at | {needs} |",
        f"| since | {check.since} |",
    ]
    if check.covers:
        lines.append(f"| faults of the catalogue | {', '.join(check.covers)} |")
    lines += [body.rstrip(), ""]
    if check.options:
        lines += [
            "## Options",
            "",
            f"Set them in `tunewell.toml` under `[checks.{check.code}]`.",
            "",
            "| option | type | default |",
            "|---|---|---|",
            *(f"| `{o.name}` | {_type(o.type)} | `{o.default!r}` |" for o in check.options),
            "",
        ]
    return "\n".join(lines)


def index() -> str:
    """Every check, a line each."""
    return "\n".join(
        f"{check.code:<7} {check.severity.value:<8} {check.name}: {check.summary}"
        for check in registry.load()
    )


def _type(kind: Any) -> str:  # noqa: ANN401  a type hint has no narrower type
    return getattr(kind, "__name__", str(kind))
