"""DAT045: tool calls that no template can write or no program can run."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Finding, Fix, Safety, Severity
from tunewell.facts.parts import parts
from tunewell.facts.turns.irregular import Noted, noted
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.parts import Role
from tunewell.subjects.reading import Irregular


@check("DAT045", category=Category.CORRECTNESS, severity=Severity.WARNING)
def tool_call_shape(dataset: Dataset, *, max_rows: int = 0) -> Iterator[Finding]:
    """Tool calls in a wrong shape, or of a tool that the row does not offer.

    ## What it finds
    - `tool_calls` that is no list, a call without a function name, and arguments that are no JSON
      object or a text that is not valid JSON;
    - a call of a function that is not among the row's own `tools`;
    - a result whose `tool_call_id` belongs to no call before it.

    ## Why it matters
    The template stops at such a message or writes a call that cannot be parsed, and the model
    learns to write calls that fail. A model that has seen calls of tools which it was not offered
    makes up tools.

    ## How it is measured
    By the shape that OpenAI and Hugging Face document, and by comparing names and ids within the
    row. Names are compared only where the row has a list of tools that can be read. More than
    `max_rows` rows, 0 by default because calls are written by programs, are reported.

    ## Example
    `{"name": "get_weather", "arguments": "{'city': 'Oslo'}"}`: single quotes are not JSON.

    ## Fix
    Write the arguments as a JSON object, and offer the called tool in `tools`; or drop the rows.

    ## When it is wrong
    When calls are meant to fail, to teach how a model recovers from an error.

    ## Sources
    Hugging Face, "Tool use": a call has a type, a function with a name
    and arguments as an object.
    """
    if not any((parts(split).role == int(Role.TOOL_CALL)).any() for split in dataset.splits) and (
        not noted(dataset, Irregular.TOOL_CALL).count
    ):
        reason = "no row calls a tool"
        raise NotApplicableError(reason)
    shapes = noted(dataset, Irregular.TOOL_CALL)
    details = []
    for split, seen in zip(dataset.splits, shapes.details, strict=True):
        rows = {row: list(said) for row, said in seen.items()}
        for row, name in _not_offered(split):
            rows.setdefault(row, []).append(f"calls {name!r}, which its tools do not hold")
        details.append(dict(sorted(rows.items())))
    found = Noted(dataset.splits, details)
    if found.count <= max_rows:
        return
    what, rows_with = found.kinds.most_common(1)[0]
    yield Finding(
        message=(
            f"{found.of_rows} have a tool call that cannot be right; the most frequent, in "
            f"{rows_with:,}: {what}"
        ),
        where=found.where,
        evidence=(
            found.number("rows with such a call", f"at most {max_rows:,} rows"),
            found.table("what is wrong with the calls"),
        ),
        impact="the model learns to write calls that fail",
        fixes=(
            Fix(
                title="write arguments as JSON objects and offer every tool that is called",
                safety=Safety.MANUAL,
            ),
            found.drop(),
        ),
    )


def _not_offered(split: Split) -> Iterator[tuple[int, str]]:
    """Rows with the name of a function that they call and do not offer."""
    if "tools" not in split.source.layout.columns:
        return
    known = parts(split)
    calls = np.flatnonzero(known.role == int(Role.TOOL_CALL))
    before = -1
    offered: set[str] | None = None
    for part in calls.tolist():
        row = int(np.searchsorted(known.start, part, side="right")) - 1
        if row != before:
            before, offered = row, _offered(known.of_row(row))
        name = _name(_json(known.texts[part]))
        if offered is not None and name is not None and name not in offered:
            yield row, name


def _offered(row: list[tuple[Role, str]]) -> set[str] | None:
    """The names of a row's tools, which stand before its turns; None where they say none."""
    listed = next((text for role, text in row[:2] if role is Role.TOOL), None)
    tools = _json(listed) if listed is not None else None
    names = {_name(tool) for tool in tools} if isinstance(tools, list) else {None}
    return None if None in names else {name for name in names if name is not None}


def _name(call: object) -> str | None:
    function = call.get("function", call) if isinstance(call, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    return name if isinstance(name, str) and name else None


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None
