"""Change a record at the keys and indices that lead to a text, in lists kept as JSON too."""

from __future__ import annotations

import json
from typing import Any


def put(place: Any, path: tuple[str | int, ...], new: str) -> None:  # noqa: ANN401  JSON
    """Write a text where a path leads."""
    step, rest = path[0], path[1:]
    if not rest:
        place[step] = new
    elif isinstance(place[step], str):
        # A list that the file keeps as JSON in one text.
        inner = json.loads(place[step])
        put(inner, rest, new)
        place[step] = json.dumps(inner, ensure_ascii=False)
    else:
        put(place[step], rest, new)


def remove(record: dict[str, Any], path: tuple[str | int, ...]) -> None:
    """Take the message away that a part stands in; a column of its own becomes empty."""
    column, rest = str(path[0]), path[1:]
    if not rest:
        record[column] = ""
        return
    kept_as_json = isinstance(record[column], str)
    messages = json.loads(record[column]) if kept_as_json else record[column]
    if isinstance(messages, dict):
        for values in messages.values():
            del values[path[2]]
    else:
        del messages[path[1]]
    record[column] = json.dumps(messages, ensure_ascii=False) if kept_as_json else messages
