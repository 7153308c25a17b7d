"""Which word each token of a tagger's row is a piece of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tunewell.core.check import NotApplicableError, NotRunError
from tunewell.facts.labels.label_heads import NAMELESS
from tunewell.preflight.stage import Probe, Stage
from tunewell.subjects.tagged_words import TaggedRow, TaggedWords

COLUMNS = ("tokens", "words", "sentence", "text")


def trace_words(stage: Stage) -> TaggedWords:
    """Cut the words of some rows into tokens once more, and lay the labels beside them.

    Raises:
        NotApplicableError: if it is no tagger.
        NotRunError: if the rows keep no words, or their tokens are not those of their words.
    """
    tokenizer = stage.tokenizer
    if tokenizer is None:
        tokenizer = getattr(stage.trainer.data_collator, "tokenizer", None)
    if stage.task != "token" or not getattr(tokenizer, "is_fast", False):
        message = "the trainer is no tagger with a fast tokenizer"
        raise NotApplicableError(message)
    found = []
    for row in stage.train.rows:
        example = stage.train.dataset[row]
        words = _words(example)
        if words is None or "labels" not in example:
            continue
        ids = [int(token) for token in example["input_ids"]]
        word_of = _traced(tokenizer, words, ids)
        if word_of is not None and len(word_of) == len(example["labels"]):
            found.append(
                TaggedRow(
                    index=row,
                    words=tuple(words),
                    pieces=tuple(str(tokenizer.decode([token])) for token in ids),
                    word_of=tuple(word_of),
                    labels=tuple(int(label) for label in example["labels"]),
                )
            )
    if not found:
        message = "no row keeps its words beside its tokens (a column of words, such as `tokens`)"
        raise NotRunError(message)
    given = getattr(stage.core.config, "id2label", None) or {}
    names = tuple(str(given[key]) for key in sorted(given, key=int))
    return TaggedWords(
        rows=tuple(found),
        names=None if all(NAMELESS.fullmatch(name) for name in names) else names,
    )


PROBE = Probe(gives=TaggedWords, run=trace_words)


def _words(example: Any) -> list[str] | None:
    if not isinstance(example, Mapping):
        return None
    for name in COLUMNS:
        cell = example.get(name)
        if isinstance(cell, list) and cell and all(isinstance(word, str) for word in cell):
            return cell
    return None


def _traced(tokenizer: Any, words: Sequence[str], ids: Sequence[int]) -> list[int | None] | None:
    """The word of each token; None where the tokens are not those of the words."""
    for attempt in (_split, _joined, _one_by_one):
        try:
            made, word_of = attempt(tokenizer, words)
        except Exception:  # noqa: BLE001, S112  a tokenizer may refuse split words
            continue
        # A row that was cut may end in a special token of its own, and may be padded.
        size = len(ids)
        agree = sum(one == other for one, other in zip(made, ids, strict=False))
        if agree >= min(len(made), size) - 1 and agree > 1:
            return [*word_of[:size], *[None] * (size - len(word_of))]
    return None


def _split(tokenizer: Any, words: Sequence[str]) -> tuple[list[int], list[int | None]]:
    made = tokenizer(list(words), is_split_into_words=True)
    return made["input_ids"], made.word_ids()


def _joined(tokenizer: Any, words: Sequence[str]) -> tuple[list[int], list[int | None]]:
    made = tokenizer(" ".join(words), return_offsets_mapping=True)
    ends: list[int] = []
    for word in words:
        ends.append((ends[-1] + 1 if ends else 0) + len(word))
    word_of: list[int | None] = []
    for low, high in made["offset_mapping"]:
        place = next((at for at, end in enumerate(ends) if high <= end), None)
        word_of.append(None if low == high else place)
    return made["input_ids"], word_of


def _one_by_one(tokenizer: Any, words: Sequence[str]) -> tuple[list[int], list[int | None]]:
    ids: list[int] = []
    word_of: list[int | None] = []
    for place, word in enumerate(words):
        mine = tokenizer(word, add_special_tokens=False)["input_ids"]
        ids += mine
        word_of += [place] * len(mine)
    return ids, word_of
