"""Say what kind of fine-tuning data a table is: by its columns' names and what they hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tunewell.readers.data.names import LABEL_NAMES, fold_name
from tunewell.readers.data.table import Table
from tunewell.subjects.layout import Kind, Layout
from tunewell.subjects.messages import is_messages

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

MESSAGE_NAMES = ("messages", "conversations", "conversation", "dialog", "dialogue", "chat")
ANSWER_NAMES = ("output", "response", "completion", "answer", "target", "solution")
INPUT_NAMES = ("input", "context")
PAIRS = (
    ("sentence1", "sentence2"),
    ("sentence_1", "sentence_2"),
    ("sentence_a", "sentence_b"),
    ("text1", "text2"),
    ("text_1", "text_2"),
    ("text_a", "text_b"),
    ("premise", "hypothesis"),
    ("question1", "question2"),
    ("anchor", "positive"),
    ("query", "positive"),
    ("query", "passage"),
    ("query", "document"),
    ("question", "passage"),
)
SCORES = ("score", "similarity", "similarity_score", "relatedness")
COMPLETIONS = (
    ("prompt", ("completion", "response", "output", "answer")),
    ("question", ("answer", "response", "solution", "output")),
    ("query", ("response", "answer")),
    ("input", ("output", "target", "response", "completion")),
    ("source", ("target",)),
)
TOKEN_NAMES = ("tokens", "words")
TAG_NAMES = ("ner_tags", "tags", "labels", "pos_tags", "chunk_tags", "label", "ner", "bio_tags")
PREFERRED_NAMES = ("label", "kto_tag", "thumbs_up")


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
    for look in (_preference, _chat, _tagging, _instruction, _completion, _pairs):
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
    if "chosen" not in names or "rejected" not in names:
        return None
    prompt = _first(names, ("prompt", "question", "instruction", "query"))
    if prompt is None:
        history = [name for name in chats if name not in {names["chosen"], names["rejected"]}]
        prompt = history[0] if history else None
    return _made(
        Kind.PREFERENCE,
        {
            "system": names.get("system"),
            "prompt": prompt,
            "input": names.get("input"),
            "chosen": names["chosen"],
            "rejected": names["rejected"],
        },
    )


def _chat(names: Names, sample: Sample, chats: Sequence[str]) -> Recognised | None:
    if not chats:
        return None
    if "prompt" in names and "completion" in names and names["prompt"] in chats:
        return _prompt_and_answer(names, sample, names["prompt"], names["completion"])
    messages = next((names[n] for n in MESSAGE_NAMES if names.get(n) in chats), chats[0])
    preferred = _first(names, PREFERRED_NAMES)
    if preferred is not None and not _booleans(sample[preferred]):
        preferred = None
    return _made(
        Kind.CHAT if preferred is None else Kind.UNPAIRED,
        {
            "system": names.get("system"),
            "tools": names.get("tools"),
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
    return _made(
        Kind.INSTRUCTION,
        {
            "system": names.get("system"),
            "instruction": names["instruction"],
            "input": given,
            "output": answer,
        },
    )


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


def _prompt_and_answer(names: Names, sample: Sample, prompt: str, answer: str) -> Recognised:
    preferred = _first(names, PREFERRED_NAMES)
    if preferred is None or not _booleans(sample[preferred]):
        preferred = None
    return _made(
        Kind.COMPLETION if preferred is None else Kind.UNPAIRED,
        {
            "system": names.get("system"),
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
                    "negative": names.get("negative"),
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


def _first(names: Names, wanted: Sequence[str]) -> str | None:
    return next((names[name] for name in wanted if name in names), None)


def _sample(cells: Sequence[object]) -> list[object]:
    step = max(1, len(cells) // CELLS_LOOKED_AT)
    return [cells[at] for at in range(0, len(cells), step)]


def _filled(cells: Sequence[object]) -> list[object]:
    return [cell for cell in cells if cell is not None and cell != ""]


def _share(cells: Sequence[object], holds: Callable[[object], bool]) -> float:
    filled = _filled(cells)
    return sum(holds(cell) for cell in filled) / len(filled) if filled else 0.0


def _is_words(cell: object) -> bool:
    return isinstance(cell, list) and all(isinstance(word, str) for word in cell)


def _texts(cells: Sequence[object], *, empty: bool = False) -> bool:
    filled = _filled(cells)
    return empty if not filled else _share(cells, lambda cell: isinstance(cell, str)) > MOST


def _written(cells: Sequence[object]) -> bool:
    """Whether a column holds written text: long, or a different one in most rows."""
    texts = [cell for cell in _filled(cells) if isinstance(cell, str)]
    if not texts or 2 * len(texts) < len(_filled(cells)):
        return False
    long = sum(map(len, texts)) / len(texts) >= LONG_ANSWER
    return long or (len(texts) >= FEWEST_ROWS and len(set(texts)) > VARIED * len(texts))


def _booleans(cells: Sequence[object]) -> bool:
    return _share(cells, lambda cell: isinstance(cell, bool) or cell in {"true", "false"}) > MOST
