"""The results as a page of Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from peers.cases import GIB, Row
from peers.errors import errors, verdicts

OURS = "Tunewell's simulation"
CLOSED = "Tunewell's closed form"
INTRODUCTION = """# Memory of a training step: what each tool says

Made by `python benchmarks/memory_peers.py --environments FOLDER --write`; every answer is in
memory_peers.json, and benchmarks/peers/ask_*.py say how each tool is asked.

An error is the predicted size over the measured one, less one; the mean is that of its absolute
value. *allocated* is PyTorch's peak of tensors, *process* what the card must hold: reserved
segments and the driver's context. A step that a tool does not cover does not count against it. A
verdict compares what the tool says that a step takes with the card's real memory: how many of the
runs that completed were said to fit, and how many of those that ran out of memory were said not
to. *tight* are those left open: only the least capacity fits. Seconds are those of one question,
imports and the start of a process left out, on two cores that other work shared.
"""
ABOUT = {
    OURS: (
        "the step is run on the meta device and its requests go through a model of the allocator; "
        "no constant is fitted, but that bf16 has no fused attention on a T4 was learnt from the "
        "full fine-tuning rows"
    ),
    CLOSED: "`tunewell.plan.memory`: arithmetic from the shapes, with no torch",
    "34sbhL": "states and 34 bytes a token, hidden unit and layer, with no logits",
    "fitcheck-llm": "formulas and an overhead fitted on 49 of the T4 rows; decoders only",
    "ftuneai": "formulas, 20 % for context and allocator",
    "torch-preflight": (
        "coefficients measured on the meta device; its context and fragmentation come from the "
        "eight T4 rows of its own archive; no packed weights"
    ),
    "peft-doctor": "a formula; given the true parameters, width and layers",
    "soup profile": (
        "Soup, a trainer: its command; given a local checkpoint, whose weights it counts (of a "
        "model on the hub it guesses the number from the name)"
    ),
    "soup train's gate": "Soup's second estimator, by which it refuses a run; given the same",
    "accelerate estimate-memory": "weights, gradients and Adam of full fine-tuning, no activations",
    "DeepSpeed ZeRO-2": "states of full fine-tuning on one GPU, no activations",
    "DeepSpeed ZeRO-3": "the same and the largest layer",
}
SUBSETS = {
    "holdout": "that fitcheck-llm held out of its fit",
    "held out": "that nobody looked at while the simulation was tuned",
}
Columns = Mapping[str, Mapping[str, Any]]
HEAD = (
    "| tool | against | covers | mean error % | median % | worst under % | worst over % "
    "| within 10 % | completed, said to fit | ran out, foreseen | tight | seconds |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|"
)


def page(sets: Mapping[str, Sequence[Row]], documents: Mapping[str, Columns]) -> str:
    """Everything: a table a set of measured steps, the hold-out, what is not covered, our rows."""
    parts = [INTRODUCTION, _about(documents)]
    for name, rows in sets.items():
        columns = documents[name]
        if all(row.stands_in for row in rows):
            parts.append(f"## {name}\n\n" + _published(rows, columns))
            continue
        parts.append(f"## {name}: {len(rows)} steps\n\n{HEAD}\n" + _table(rows, columns))
        parts.append(_range(rows, columns[CLOSED]["answers"]))
        for role, heading in SUBSETS.items():
            chosen = [row for row in rows if row.role == role]
            if chosen:
                table = _table(chosen, columns)
                parts.append(f"### {len(chosen)} steps {heading}\n\n{HEAD}\n{table}")
        parts.append("### Not covered\n\n" + _not_covered(columns))
        parts.append("### Our prediction of each step\n\n" + _ours(rows, columns[OURS]["answers"]))
    return "\n\n".join(parts) + "\n"


def _table(rows: Sequence[Row], columns: Columns) -> str:
    lines = []
    for name, column in columns.items():
        answers = column["answers"]
        judged = verdicts(rows, answers)
        kinds = [("tensors", "allocated"), ("total", "process")]
        found = [
            (against, errors(rows, answers, said=said, against=against)) for said, against in kinds
        ]
        given = [(against, missed) for against, missed in found if missed]
        for place, (against, missed) in enumerate(given):
            last = place == len(given) - 1
            cells = [
                name,
                against,
                f"{missed.covered} of {missed.asked}",
                f"{missed.mean:.2f}",
                f"{missed.median:.2f}",
                f"{missed.under:.1f}",
                f"+{missed.over:.1f}",
                f"{missed.close:.0f} %",
                f"{judged.fitted} of {judged.completed}" if last else "",
                f"{judged.foreseen} of {judged.ran_out}" if last else "",
                str(judged.tight) if last else "",
                f"{column['seconds']:.2g}" if last else "",
            ]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _about(documents: Mapping[str, Columns]) -> str:
    columns = next(iter(documents.values()))
    lines = ["| tool | version | what it is | import seconds |", "|---|---|---|---|"]
    for name, column in columns.items():
        package = column["package"] or "this repository"
        imported = f"{column['import_seconds']:.2f}" if "import_seconds" in column else ""
        lines.append(f"| {name} | {package} | {ABOUT[name]} | {imported} |")
    return "\n".join(lines)


def _range(rows: Sequence[Row], answers: Mapping[str, Any]) -> str:
    """How often the closed form's range holds what was measured."""
    given = [
        (answers[row.name], row.measured["allocated"])
        for row in rows
        if "low" in answers[row.name] and "allocated" in row.measured and not row.stands_in
    ]
    inside = sum(answer["low"] <= was <= answer["high"] for answer, was in given)
    above = sum(answer["low"] > was for answer, was in given)
    return (
        f"{CLOSED} gives a range too: {inside} of {len(given)} measured peaks of tensors lie in "
        f"it, and its low end is above {above} of them."
    )


def _published(rows: Sequence[Row], columns: Columns) -> str:
    """Every tool's answer over the published figure: no sums, for the steps stand in for others."""
    lines = [
        "Predicted over published. The steps are as near as a step can say what was run:\n",
        *(f"- {row_source}: {differs}" for row_source, differs in _sources(rows).items()),
        "",
        "| step | published GiB | " + " | ".join(columns) + " |",
        "|---|---|" + "---|" * len(columns),
    ]
    for row in rows:
        against, said = (
            ("process", "total") if "process" in row.measured else ("allocated", "tensors")
        )
        was = row.measured[against]
        cells = [row.name, f"{was / GIB:.1f} {against}"]
        for column in columns.values():
            answer = column["answers"][row.name]
            size = answer.get(said, answer.get("tensors", answer.get("total")))
            cells.append(f"{size / was:.2f}" if size else "")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _sources(rows: Sequence[Row]) -> dict[str, str]:
    return {row.source: str(row.stands_in) for row in rows}


def _not_covered(columns: Columns) -> str:
    lines = []
    for name, column in columns.items():
        reasons = Counter(
            answer["reason"] for answer in column["answers"].values() if "reason" in answer
        )
        lines += [f"- {name}: {count} steps, {reason}" for reason, count in reasons.items()]
    return "\n".join(lines) if lines else "Everything is covered by every tool."


def _ours(rows: Sequence[Row], answers: Mapping[str, Any]) -> str:
    lines = [
        "| step | allocated GiB | predicted | % | process GiB | predicted | % | outcome |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        answer = answers[row.name]
        cells = [row.name + (f" ({row.stands_in})" if row.stands_in else "")]
        for said, against in (("tensors", "allocated"), ("total", "process")):
            was, predicted = row.measured.get(against), answer.get(said)
            cells += [
                f"{was / GIB:.2f}" if was else "",
                f"{predicted / GIB:.2f}" if predicted else answer.get("reason", ""),
                f"{100 * (predicted / was - 1):+.1f}" if was and predicted else "",
            ]
        lines.append("| " + " | ".join([*cells, row.measured["outcome"]]) + " |")
    return "\n".join(lines)
