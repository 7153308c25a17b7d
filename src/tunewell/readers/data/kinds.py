"""Say what kind of fine-tuning data a table is: by its columns' names and what they hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tunewell.readers.data.kind_names import (
    ANSWER_NAMES,
    CHOSEN_NAMES,
    COMPLETIONS,
    INPUT_NAMES,
    MESSAGE_NAMES,
    NEGATIVE_NAMES,
    PAIRS,
    PREFERRED_NAMES,
    REJECTED_NAMES,
    REWRITINGS,
    SCORES,
    SYSTEM_NAMES,
    TAG_NAMES,
    TOKEN_NAMES,
    TOOL_NAMES,
    TURN_NAMES,
)
from tunewell.readers.data.names import LABEL_NAMES, fold_name
from tunewell.readers.data.table import Table
from tunewell.subjects.layout import Kind, Layout, is_answers, is_history, is_translation
from tunewell.subjects.messages import is_messages, is_turns

CELLS_LOOKED_AT = 2000
MOST = 0.5
"""Share of the filled cells that must be of a type for the column to count as that."""

LONG_ANSWER = 40
"""Characters an answer has on average where the column is written text. Class names of the data
sets at hand average at most 24."""

FEWEST_ROWS = 20
VARIED = 0.5
"""Share of different values, among at least `FEWEST_ROWS`, above which a column is written text
and no classes."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """A layout with the clause that says why."""

    layout: Layout
    reason: str


def recognise_kind(table: Table) -> Recognised | None:
    """The layout of data that is no single-label classification; None where it may be that."""
    names = {fold_name(name): name for name in reversed(list(table.columns))}
    sample = {name: _sample(cells) for name, cells in table.columns.items()}
    chats = [name for name, cells in sample.items() if _share(cells, is_messages) > MOST]
    chats += [
        names[name]
        for name in TURN_NAMES
        if name in names and _share(sample[names[name]], is_turns) > MOST
    ]
    looks = (_preference, _chat, _tagging, _instruction, _nested, _completion, _pairs, _rewriting)
    for look in looks:
        found = look(names, sample, chats)
        if found is not None:
            return found
    return _plain(names, sample)


def _made(kind: Kind, slots: Mapping[str, str | None]) -> Recognised:
    columns = {slot: column for slot, column in slots.items() if column is not None}
    listed = ", ".join(f"{slot} is {column!r}" for slot, column in columns.items())
    return Recognised(Layout(kind, columns), listed)


Names = Mapping[str, str]
Sample = Mapping[str, Sequence[object]]


def _preference(names: Names, sample: Sample, chats: Sequence[str]) -> Recognised | None:
    del sample
    chosen, rejected = _first(names, CHOSEN_NAMES), _first(names, REJECTED_NAMES)
    if chosen is None or rejected is None:
        return None
    prompt = _first(names, ("prompt", "question", "instruction", "query"))
    if prompt is None:
        history = [name for name in chats if name not in {chosen, rejected}]
        prompt = history[0] if history else None
    return _made(
        Kind.PREFERENCE,
        {
            "system": _first(names, SYSTEM_NAMES),
            "prompt": prompt,
            "input": names.get("input"),
            "chosen": chosen,
            "rejected": rejected,
        },
    )


def _chat(names: Names, sample: Sample, chats: Sequence[str]) -> Recognised | None:
    if not chats:
        return None
    if "prompt" in names and "completion" in names and names["prompt"] in chats:
        return _prompt_and_answer(names, sample, names["prompt"], names["completion"])
    messages = next((names[n] for n in MESSAGE_NAMES if names.get(n) in chats), chats[0])
    preferred = _preferred(names, sample)
    return _made(
        Kind.CHAT if preferred is None else Kind.UNPAIRED,
        {
            "system": _first(names, SYSTEM_NAMES),
            "tools": _first(names, TOOL_NAMES),
            "messages": messages,
            "preferred": preferred,
        },
    )


def _tagging(names: Names, sample: Sample, chats: Sequence[str]) -> Recognised | None:
    del chats
    tokens = _first(names, TOKEN_NAMES)
    if tokens is None or _share(sample[tokens], _is_words) <= MOST:
        return None
    tags = next(
        (
            names[n]
            for n in TAG_NAMES
            if n in names and _share(sample[names[n]], lambda cell: isinstance(cell, list)) > MOST
        ),
        None,
    )
    return None if tags is None else _made(Kind.TAGGING, {"tokens": tokens, "tags": tags})


def _instruction(names: Names, sample: Sample, chats: Sequence[str]) -> Recognised | None:
    del chats
    answer = _first(names, ANSWER_NAMES)
    if "instruction" not in names or answer is None or not _texts(sample[answer]):
        return None
    given = _first(names, INPUT_NAMES)
    if given is not None and not _texts(sample[given], empty=True):
        given = None
    history = names.get("history")
    if history is not None and _share(sample[history], is_history) <= MOST:
        history = None
    preferred = _preferred(names, sample)
    return _made(
        Kind.INSTRUCTION if preferred is None else Kind.UNPAIRED,
        {
            "system": _first(names, SYSTEM_NAMES),
            "history": history,
            "instruction": names["instruction"],
            "input": given,
            "output": answer,
            "preferred": preferred,
        },
    )


def _nested(names: Names, sample: Sample, chats: Sequence[str]) -> Recognised | None:
    """Answers with their places in a context, and sentences in two languages."""
    del chats
    if {"question", "answers"} <= set(names) and (
        _share(sample[names["answers"]], is_answers) > MOST
    ):
        slots = {"input": names.get("context"), "prompt": names["question"]}
        return _made(Kind.COMPLETION, {**slots, "answers": names["answers"]})
    if "translation" in names and _share(sample[names["translation"]], is_translation) > MOST:
        return _made(Kind.COMPLETION, {"translation": names["translation"]})
    return None


def _completion(names: Names, sample: Sample, chats: Sequence[str]) -> Recognised | None:
    del chats
    for prompt, answers in COMPLETIONS:
        answer = _first(names, answers)
        if prompt not in names or answer is None or not _texts(sample[names[prompt]]):
            continue
        # A prompt with a class name as its answer is classification; a completion never is.
        if fold_name(answer) in {"completion", "response"} or _written(sample[answer]):
            return _prompt_and_answer(names, sample, names[prompt], answer)
    return None


def _rewriting(names: Names, sample: Sample, chats: Sequence[str]) -> Recognised | None:
    """A long text and its summary, where no column says that the text is classified."""
    del chats
    if any(name in LABEL_NAMES and _classes(sample[names[name]]) for name in names):
        return None
    for source, targets in REWRITINGS:
        target = _first(names, targets)
        if source in names and target is not None and _written(sample[target]):
            return _made(Kind.COMPLETION, {"prompt": names[source], "completion": target})
    return None


def _prompt_and_answer(names: Names, sample: Sample, prompt: str, answer: str) -> Recognised:
    preferred = _preferred(names, sample)
    return _made(
        Kind.COMPLETION if preferred is None else Kind.UNPAIRED,
        {
            "system": _first(names, SYSTEM_NAMES),
            "prompt": prompt,
            "completion": answer,
            "preferred": preferred,
        },
    )


def _pairs(names: Names, sample: Sample, chats: Sequence[str]) -> Recognised | None:
    del chats
    for first, second in PAIRS:
        if first in names and second in names and _texts(sample[names[first]]):
            label = _first(names, (*SCORES, *sorted(LABEL_NAMES, key=LABEL_NAMES.__getitem__)))
            return _made(
                Kind.PAIRS,
                {
                    "first": names[first],
                    "second": names[second],
                    "negative": _first(names, NEGATIVE_NAMES),
                    "label": label,
                },
            )
    return None


def _plain(names: Names, sample: Sample) -> Recognised | None:
    del names
    if len(sample) != 1:
        return None
    (name,) = sample
    return _made(Kind.TEXT, {"text": name}) if _written(sample[name]) else None


def _preferred(names: Names, sample: Sample) -> str | None:
    """The column that says whether an answer is a good one."""
    name = _first(names, PREFERRED_NAMES)
    return name if name is not None and _booleans(sample[name]) else None


def _first(names: Names, wanted: Sequence[str]) -> str | None:
    return next((names[name] for name in wanted if name in names), None)


def _sample(cells: Sequence[object]) -> list[object]:
    step = max(1, len(cells) // CELLS_LOOKED_AT)
    return [cells[at] for at in range(0, len(cells), step)]


def _filled(cells: Sequence[object]) -> list[object]:
    return [cell for cell in cells if cell is not None and cell not in ("", [], {})]


def _share(cells: Sequence[object], holds: Callable[[object], bool]) -> float:
    filled = _filled(cells)
    return sum(holds(cell) for cell in filled) / len(filled) if filled else 0.0


def _is_words(cell: object) -> bool:
    return isinstance(cell, list) and all(isinstance(word, str) for word in cell)


def _texts(cells: Sequence[object], *, empty: bool = False) -> bool:
    filled = _filled(cells)
    return empty if not filled else _share(cells, lambda cell: isinstance(cell, str)) > MOST


def _classes(cells: Sequence[object]) -> bool:
    """Whether a column could hold classes: numbers or short texts that come again."""
    filled = [cell for cell in _filled(cells) if isinstance(cell, str | int | float)]
    return bool(filled) and not _written(cells)


def _written(cells: Sequence[object]) -> bool:
    """Whether a column holds written text: long, or a different one in most rows."""
    texts = [cell for cell in _filled(cells) if isinstance(cell, str)]
    if not texts or 2 * len(texts) < len(_filled(cells)):
        return False
    long = sum(map(len, texts)) / len(texts) >= LONG_ANSWER
    return long or (len(texts) >= FEWEST_ROWS and len(set(texts)) > VARIED * len(texts))


def _booleans(cells: Sequence[object]) -> bool:
    def truth(cell: object) -> bool:
        return isinstance(cell, bool) or (
            isinstance(cell, str) and cell.strip().lower() in {"true", "false"}
        )

    return _share(cells, truth) > MOST
