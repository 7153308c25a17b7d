"""The answers as a file: JSON with a line a step, from which the page can be made again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from peers.cases import Row

Answers = dict[str, dict[str, Any]]
KEPT = tuple(field.name for field in fields(Row))


def write(path: Path, sets: Mapping[str, Sequence[Row]], answers: Mapping[str, Answers]) -> None:
    """Keep what was measured of each step and what each tool said of it."""
    parts = []
    for name, rows in sets.items():
        columns = answers[name]
        tools = {
            column: {key: value for key, value in said.items() if key != "answers"}
            for column, said in columns.items()
        }
        lines = [
            json.dumps(
                {key: getattr(row, key) for key in KEPT}
                | {"said": {column: said["answers"][row.name] for column, said in columns.items()}}
            )
            for row in rows
        ]
        steps = ",\n  ".join(lines)
        head = f'{json.dumps(name)}: {{\n "tools": {json.dumps(tools)},\n "steps": ['
        parts.append(f"{head}\n  {steps}\n ]\n}}")
    path.write_text("{\n" + ",\n".join(parts) + "\n}\n")


def read(path: Path) -> tuple[dict[str, list[Row]], dict[str, Answers]]:
    """Rows and answers by set, as they were written."""
    document = json.loads(path.read_text())
    rows, answers = {}, {}
    for name, part in document.items():
        rows[name] = [Row(**{key: step[key] for key in KEPT}) for step in part["steps"]]
        answers[name] = {
            column: {
                **about,
                "answers": {step["name"]: step["said"][column] for step in part["steps"]},
            }
            for column, about in part["tools"].items()
        }
    return rows, answers
