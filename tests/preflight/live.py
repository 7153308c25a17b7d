"""Subjects of real trainers for the tests of checks, made when they are first asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.preflight import tiny

from tunewell.preflight.arguments import recipe_of
from tunewell.preflight.collate import collate
from tunewell.preflight.rehearse import stage_of
from tunewell.preflight.stage import Probe
from tunewell.train.quiet import quiet

OUT = Path("out")
"""No test trains here, so nothing is written."""

Subjects = tuple[object, ...]


class Cases(Mapping[str, Subjects]):
    """Cases of a check by name; each is built once, when its turn comes."""

    def __init__(self, **builders: Callable[[], Subjects]) -> None:
        self._builders = {name.replace("_", " "): build for name, build in builders.items()}
        self._built: dict[str, Subjects] = {}

    def __getitem__(self, name: str) -> Subjects:
        if name not in self._built:
            self._built[name] = self._builders[name]()
        return self._built[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._builders)

    def __len__(self) -> int:
        return len(self._builders)


def batch(trainer: Any) -> Subjects:
    """The batch and the recipe of a trainer."""
    with quiet():
        stage = stage_of(trainer)
        assert stage is not None
        return (collate(stage), recipe_of(trainer))


def with_probes(trainer: Any, *probes: Probe) -> Subjects:
    """The batch and the recipe of a trainer, and what these probes give."""
    subjects = batch(trainer)
    with quiet():
        stage = stage_of(trainer)
        assert stage is not None
        return (*subjects, *(probe.run(stage) for probe in probes))


def trainer(rows: Sequence[Mapping[str, Any]], **chosen: Any) -> Any:
    """A plain Trainer of a causal model over tokenised rows.

    By default it pads with `DataCollatorForSeq2Seq`, which keeps the labels of the rows.
    """
    from transformers import DataCollatorForSeq2Seq, Trainer

    tokens = chosen.pop("tokens", None) or tiny.tokenizer()
    collator = chosen.pop("collator", None) or DataCollatorForSeq2Seq(tokens)
    judged = chosen.pop("evaluation", None)
    with quiet(1):
        return Trainer(
            chosen.pop("model", None) or tiny.causal(),
            args=tiny.arguments(OUT, **chosen),
            train_dataset=tiny.dataset(rows),
            eval_dataset=None if judged is None else tiny.dataset(judged),
            data_collator=collator,
            processing_class=tokens,
        )


def masking_by_token(tokens: Any) -> Any:
    """The collator of transformers that masks whatever is the padding token."""
    from transformers import DataCollatorForLanguageModeling

    return DataCollatorForLanguageModeling(tokens, mlm=False)


def question_answer(count: int = 20, end: str = "</s>") -> list[tuple[str, str]]:
    """Questions in Alpaca's format with their answers."""
    said = tiny.sentences(2 * count)
    return [
        (f"### Instruction:\n{said[2 * i]}\n\n### Response:\n", said[2 * i + 1] + end)
        for i in range(count)
    ]


def masked_rows(pairs: Sequence[tuple[str, str]], tokens: Any = None) -> list[dict[str, Any]]:
    """Rows that are tokenised by hand, with the question masked."""
    tokens = tokens or tiny.tokenizer()
    rows = []
    for question, answer in pairs:
        asked, said = tokens(question)["input_ids"], tokens(answer)["input_ids"]
        rows.append(
            {
                "input_ids": asked + said,
                "attention_mask": [1] * len(asked + said),
                "labels": [-100] * len(asked) + said,
            }
        )
    return rows


def plain_rows(texts: Sequence[str], tokens: Any = None) -> list[dict[str, Any]]:
    """Tokenised texts without labels."""
    tokens = tokens or tiny.tokenizer()
    return [
        {"input_ids": (ids := tokens(text)["input_ids"]), "attention_mask": [1] * len(ids)}
        for text in texts
    ]
