"""Well-known shapes of data that are no rows to fine-tune on as they stand, said in a sentence."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from tunewell.readers.data.names import fold_name
from tunewell.readers.data.table import Table

CELLS_LOOKED_AT = 200
MOST = 0.5

TWO_ANSWERS = re.compile(
    r"(answer|response|output|completion|conversation|human_ref|summary)_?(0|1|2|a|b|j|k)$"
)
"""Folded names of two answers side by side, as WebGPT, SHP and arena data have them."""

VERDICT = re.compile(
    r"(score|rank|rating|winner|winner_model|preference|preferred|labels?|choice|better)(_?\w)?$"
)
MESSAGE_OF_A_TREE = frozenset({"message_id", "parent_id", "role", "text"})


def why_unusable(table: Table) -> str | None:
    """What was seen and what to pass instead; None where nothing known was seen."""
    names = {fold_name(name): name for name in reversed(list(table.columns))}
    for look in (_tokenised, _tree, _two_answers, _ranked, _instances):
        sentence = look(table, names)
        if sentence is not None:
            return sentence
    return None


Names = Mapping[str, str]


def _tokenised(table: Table, names: Names) -> str | None:
    column = names.get("input_ids")
    if column is None or not _most(table, column, _is_numbers):
        return None
    if any(_most(table, name, _is_long_text) for name in table.columns):
        return None
    return (
        f"holds token numbers ({column!r}), so nothing can be said of its texts; pass the file "
        "that they were made from"
    )


def _tree(table: Table, names: Names) -> str | None:
    if not set(names) >= MESSAGE_OF_A_TREE:
        return None
    del table
    return (
        "holds one message a row (message_id, parent_id, role, text), as OpenAssistant does; join "
        'each path from a first message to a last one into a row {"messages": [...]}'
    )


def _two_answers(table: Table, names: Names) -> str | None:
    if names.keys() & {"chosen", "rejected"}:
        return None
    found: dict[str, list[str]] = {}
    for name in names:
        match = TWO_ANSWERS.fullmatch(name)
        if match:
            found.setdefault(match[1], []).append(names[name])
    verdicts = [names[name] for name in names if VERDICT.fullmatch(name)]
    pair = next((columns for columns in found.values() if len(columns) == 2), None)  # noqa: PLR2004  two
    if pair is None or not verdicts:
        return None
    del table
    return (
        f"holds two answers a row ({_listed(sorted(pair))}) and which is better "
        f"({_listed(sorted(verdicts))}); write the better one as 'chosen' and the other as "
        "'rejected'"
    )


def _ranked(table: Table, names: Names) -> str | None:
    column = names.get("output")
    if column is None or not names.keys() & {"instruction", "prompt", "query"}:
        return None
    if not _most(table, column, _is_texts):
        return None
    return (
        f"holds a list of answers as {column!r}, the best one first by custom; write the first as "
        "'chosen' and one of the others as 'rejected'"
    )


def _instances(table: Table, names: Names) -> str | None:
    column = names.get("instances")
    if column is None or "instruction" not in names or not _most(table, column, _is_records):
        return None
    return (
        f"holds several inputs and outputs for each instruction ({column!r}); write a row "
        "{instruction, input, output} for each"
    )


def _most(table: Table, column: str, holds: Callable[[object], bool]) -> bool:
    cells = table.columns[column]
    step = max(1, len(cells) // CELLS_LOOKED_AT)
    filled = [cells[at] for at in range(0, len(cells), step) if cells[at] not in (None, "", [])]
    return bool(filled) and sum(map(holds, filled)) > MOST * len(filled)


def _is_numbers(cell: object) -> bool:
    return isinstance(cell, list) and all(isinstance(number, int) for number in cell)


def _is_texts(cell: object) -> bool:
    return isinstance(cell, list) and all(isinstance(text, str) for text in cell)


def _is_records(cell: object) -> bool:
    return isinstance(cell, list) and all(isinstance(record, dict) for record in cell)


def _is_long_text(cell: object) -> bool:
    return isinstance(cell, str) and " " in cell


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(map(repr, columns))
