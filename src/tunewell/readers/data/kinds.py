"""Say what kind of fine-tuning data a table is: by its columns' names and what they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import starmap

from tunewell.readers.data.cells import (
    MOST,
    are_booleans,
    are_texts,
    are_written,
    could_be_classes,
    is_words,
    sampled,
    share,
)
from tunewell.readers.data.columns import ID_NAME
from tunewell.readers.data.kind_names import (
    ANSWER_NAMES,
    CHOICE_NAMES,
    CHOSEN_NAMES,
    COMPLETIONS,
    INPUT_NAMES,
    MESSAGE_NAMES,
    NEGATIVE_NAMES,
    PAIRS,
    PLAIN_NAMES,
    PREFERRED_NAMES,
    PROPERTY_NAMES,
    REJECTED_NAMES,
    REWRITINGS,
    RIGHT_NAMES,
    SCORES,
    SYSTEM_NAMES,
    TAG_NAMES,
    TOKEN_NAMES,
    TOOL_NAMES,
    TURN_NAMES,
)
from tunewell.readers.data.names import LABEL_NAMES, fold_name
from tunewell.readers.data.table import Table
from tunewell.subjects.layout import Kind, Layout
from tunewell.subjects.messages import is_messages, is_turns
from tunewell.subjects.nested import (
    is_answers,
    is_choices,
    is_history,
    is_segments,
    is_translation,
)


@dataclass(frozen=True, slots=True)
class Recognised:
    """A layout with the clause that says why."""

    layout: Layout
    reason: str


def recognise_kind(table: Table) -> Recognised | None:
    """The layout of data that is no single-label classification; None where it may be that."""
    names = {fold_name(name): name for name in reversed(list(table.columns))}
    sample = {name: sampled(cells) for name, cells in table.columns.items()}
    chats = [
        name
        for name, cells in sample.items()
        if fold_name(name) not in TOOL_NAMES and share(cells, is_messages) > MOST
    ]
    chats += [
        names[name]
        for name in TURN_NAMES
        if name in names and share(sample[names[name]], is_turns) > MOST
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


LONG_TEXT = 200
"""Characters a text has on average where it is to be learned as it stands, though other columns are
beside it. Sentences that are classified average at most 80 in the data sets at hand."""

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
    if tokens is None or share(sample[tokens], is_words) <= MOST:
        return None
    tags = next(
        (
            names[n]
            for n in TAG_NAMES
            if n in names and share(sample[names[n]], lambda cell: isinstance(cell, list)) > MOST
        ),
        None,
    )
    return None if tags is None else _made(Kind.TAGGING, {"tokens": tokens, "tags": tags})


def _instruction(names: Names, sample: Sample, chats: Sequence[str]) -> Recognised | None:
    del chats
    answer = _first(names, ANSWER_NAMES)
    if "instruction" not in names or answer is None or not are_texts(sample[answer]):
        return None
    given = _first(names, INPUT_NAMES)
    if given is not None and not are_texts(sample[given], empty=True):
        given = None
    history = names.get("history")
    if history is not None and share(sample[history], is_history) <= MOST:
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
    """Answers with their places in a context, choices, segments, and texts in two languages."""
    del chats
    choices, right = _first(names, CHOICE_NAMES), _first(names, RIGHT_NAMES)
    if "question" in names and choices and right and share(sample[choices], is_choices) > MOST:
        slots = {"prompt": names["question"], "choices": choices, "right": right}
        return _made(Kind.COMPLETION, slots)
    if {"question", "answers"} <= set(names) and (
        share(sample[names["answers"]], is_answers) > MOST
    ):
        asked = {"input": names.get("context"), "prompt": names["question"]}
        return _made(Kind.COMPLETION, {**asked, "answers": names["answers"]})
    if "segments" in names and share(sample[names["segments"]], is_segments) > MOST:
        return _made(Kind.COMPLETION, {"segments": names["segments"]})
    if "translation" in names and share(sample[names["translation"]], is_translation) > MOST:
        return _made(Kind.COMPLETION, {"translation": names["translation"]})
    return None


def _completion(names: Names, sample: Sample, chats: Sequence[str]) -> Recognised | None:
    del chats
    for prompt, answers in COMPLETIONS:
        answer = _first(names, answers)
        if prompt not in names or answer is None or not are_texts(sample[names[prompt]]):
            continue
        # A prompt with a class name as its answer is classification; a completion never is.
        if fold_name(answer) in {"completion", "response"} or are_written(sample[answer]):
            return _prompt_and_answer(names, sample, names[prompt], answer)
    return None


def _rewriting(names: Names, sample: Sample, chats: Sequence[str]) -> Recognised | None:
    """A long text and its summary, where no column says that the text is classified."""
    del chats
    if any(name in LABEL_NAMES and could_be_classes(sample[names[name]]) for name in names):
        return None
    for source, targets in REWRITINGS:
        target = _first(names, targets)
        if source in names and target is not None and are_written(sample[target]):
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
        if first in names and second in names and are_texts(sample[names[first]]):
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
    """Texts with nothing beside them but where they come from."""
    text = next(iter(sample)) if len(sample) == 1 else _first(names, PLAIN_NAMES)
    if text is None or not are_written(sample[text]):
        return None
    if len(sample) > 1 and not are_written(sample[text], LONG_TEXT):
        return None
    beside = [(folded, sample[name]) for folded, name in names.items() if name != text]
    return _made(Kind.TEXT, {"text": text}) if all(starmap(_is_property, beside)) else None


def _is_property(folded: str, cells: Sequence[object]) -> bool:
    """Whether a column says something about the row that nobody learns to predict."""
    if folded in LABEL_NAMES:
        return False
    if folded in PROPERTY_NAMES or ID_NAME.search(folded):
        return True
    return share(cells, lambda cell: isinstance(cell, dict)) == 1


def _preferred(names: Names, sample: Sample) -> str | None:
    """The column that says whether an answer is a good one."""
    name = _first(names, PREFERRED_NAMES)
    return name if name is not None and are_booleans(sample[name]) else None


def _first(names: Names, wanted: Sequence[str]) -> str | None:
    return next((names[name] for name in wanted if name in names), None)
