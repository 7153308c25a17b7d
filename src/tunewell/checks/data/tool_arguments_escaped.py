"""DAT098: arguments of tool calls in a form that the chat template writes wrongly."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Finding, Fix, Safety, Severity, Text
from tunewell.facts.turns.irregular import Noted
from tunewell.facts.turns.rendered import Rendered, rendered, require_template
from tunewell.facts.turns.templates import RefusedError, Template
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.dataset import Dataset

SHOWN = 160


@check("DAT098", category=Category.CORRECTNESS, severity=Severity.WARNING, covers=("D63",))
def tool_arguments_escaped(
    dataset: Dataset, checkpoint: Checkpoint, *, max_rows: int = 0
) -> Iterator[Finding]:
    r"""Arguments of tool calls that the chat template turns into escaped text or into no JSON.

    ## What it finds
    - arguments kept as a JSON text that the template writes as JSON once more:
      `"arguments": "{\"city\": \"Oslo\"}"`;
    - arguments kept as an object that the template writes as Python does: `{'city': 'Oslo'}`.

    ## Why it matters
    The model learns to write calls in that form. Programs that read its calls get a text where they
    expect an object, or cannot read them at all, and nothing says why.

    ## How it is measured
    The conversation is rendered as it is and with the arguments in the other form. It is found
    where the one text holds the arguments wrongly, as above, and the other holds them as JSON. More
    than `max_rows` rows, 0 by default because it depends on the template alone, are reported; up to
    2,000 rows, evenly spaced, are rendered.

    ## Example
    `"arguments": "{\"city\": \"Oslo\"}"`, as OpenAI's API returns it, in a template with
    `tool_call.arguments | tojson`.

    ## Fix
    Keep the arguments in the form that the template writes as plain JSON: `json.loads` them, or
    `json.dumps` them.

    ## When it is wrong
    When the program that reads the calls expects a text within the JSON.

    ## Sources
    Fault D63 of the catalogue.
    """
    template = require_template(dataset, checkpoint)
    details, calling = [], 0
    seen: dict[str, str] = {}
    for split in dataset.splits:
        rows: dict[int, list[str]] = {}
        for made in rendered(split, checkpoint):
            calls = _arguments(made)
            calling += bool(calls)
            wrong = _wrong(made, calls, template)
            if wrong is not None:
                rows[made.row] = [wrong[0]]
                seen.setdefault(*wrong)
        details.append(rows)
    if not calling:
        reason = "no row calls a tool with arguments"
        raise NotApplicableError(reason)
    found = Noted(dataset.splits, details)
    if found.count <= max_rows:
        return
    kind = found.kinds.most_common(1)[0][0]
    advice = "json.loads" if kind.startswith("a text") else "json.dumps"
    yield Finding(
        message=(
            f"the chat template writes the arguments of tool calls wrongly in {found.count:,} of "
            f"{calling:,} conversations rendered that have some: {kind}"
        ),
        where=found.where,
        evidence=(Text(name="written", text=seen[kind][:SHOWN]), found.table("forms")),
        impact="the model learns to write calls that programs cannot read",
        fixes=(
            Fix(
                title=f"convert the arguments with {advice}, the form that this template takes",
                safety=Safety.MANUAL,
            ),
        ),
    )


def _calls(messages: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for message in messages:
        for call in message.get("tool_calls") or ():
            function = call.get("function", call)
            if isinstance(function, dict) and function.get("arguments"):
                yield function


def _arguments(made: Rendered) -> list[object]:
    return [call["arguments"] for call in _calls(made.conversation.messages)]


def _wrong(made: Rendered, calls: list[object], template: Template) -> tuple[str, str] | None:
    """What is wrong with the first call that is, and how it is written."""
    for given in calls:
        other = _other(given)
        if other is None:
            continue
        if isinstance(given, str):
            kind, written = "a text that is escaped within the JSON", json.dumps(given)
            written = written if written in made.text else json.dumps(given, ensure_ascii=False)
        else:
            kind, written = "an object that is written as Python does", str(given)
        if written in made.text and _is_plain(made, template):
            return kind, written
    return None


def _is_plain(made: Rendered, template: Template) -> bool:
    """Whether the other form of all arguments comes out as JSON that can be read."""
    messages = json.loads(json.dumps(made.messages))
    meant: list[Mapping[str, Any]] = []
    for function in _calls(messages):
        given = function["arguments"]
        other = _other(given)
        if other is None:
            return False
        function["arguments"] = other
        meant.append(given if isinstance(given, dict) else json.loads(given))
    try:
        text = template.render(messages, made.conversation.tools)
    except RefusedError:
        return False
    return all(_holds(text, one) for one in meant)


def _holds(text: str, meant: Mapping[str, Any]) -> bool:
    decoder = json.JSONDecoder()
    at = text.find("{")
    while at >= 0:
        try:
            found, _ = decoder.raw_decode(text, at)
        except ValueError:
            found = None
        if found == meant:
            return True
        at = text.find("{", at + 1)
    return False


def _other(given: object) -> object:
    """The arguments in the other form: an object for a JSON text, a JSON text for an object."""
    if isinstance(given, dict):
        return json.dumps(given, ensure_ascii=False)
    try:
        value = json.loads(given) if isinstance(given, str) else None
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
