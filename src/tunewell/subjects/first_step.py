"""The first training batch on its way to the loss: columns, labels, and what is raised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Raised:
    """An exception: its type, its text in one line, and the user's own line that it came from.

    `file`, `line` (1-based) and `code` are None or "" where none of the user's code was running.
    """

    kind: str
    text: str
    file: str | None = None
    line: int | None = None
    code: str = ""

    def __str__(self) -> str:
        """Type and text, as Python prints them."""
        return f"{self.kind}: {self.text}" if self.text else self.kind


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the training set.

    `kind` is "text", "whole", "real", "list of whole", "list of real", "list of text", "tensor" or
    "other", as the first rows show it. `kept` tells whether the trainer hands it to the collator.
    `shortest` and `longest` are lengths of lists among the sampled rows, with the rows that have
    them; None where the column has no lists.
    """

    name: str
    kind: str
    kept: bool
    shortest: tuple[int, int] | None = None
    longest: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a classifier beside the labels of the training set.

    `outputs` is `num_labels` and `problem` is `problem_type` of the configuration. `names` are
    those of `id2label`, None where they are the standard ones; `class_names` those of the data
    set's own `ClassLabel`. `labels` counts the distinct labels (at most some hundred) of `looked`
    rows without those that are ignored (-100); `whole` tells whether all of them are whole numbers.
    """

    outputs: int
    problem: str | None = None
    names: tuple[str, ...] | None = None
    class_names: tuple[str, ...] | None = None
    labels: Mapping[float, int] = field(default_factory=dict)
    looked: int = 0
    whole: bool = True
    column: str = "labels"


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class FirstStep:
    """What became of the first training batch, up to the loss.

    `accepted` are the arguments of the model's forward. `inputs` and `outputs` map names to
    shapes; `outputs` is empty where the model did not answer. `raised` is what stopped the step,
    `collating` whether it was the collator. `own_loss` tells whether the loss is the user's own.
    `pad_ids` are the padding token of the tokenizer and that of the model's configuration, the
    latter as `train` sets it. `removes` is `remove_unused_columns`; `grouped` tells whether rows of
    like length share a batch. `empty` tells that the training set has no row at all.
    """

    task: str
    trainer: str
    model: str
    batch_size: int
    columns: tuple[Column, ...] = ()
    accepted: tuple[str, ...] = ()
    label_names: tuple[str, ...] = ()
    removes: bool = True
    grouped: bool = False
    empty: bool = False
    own_loss: bool = False
    inputs: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    outputs: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    raised: Raised | None = None
    collating: bool = False
    loss: float | None = None
    head: Head | None = None
    pad_ids: tuple[int | None, int | None] = (None, None)

    @property
    def dropped(self) -> tuple[Column, ...]:
        """The columns that the trainer takes out before the collator."""
        return tuple(column for column in self.columns if not column.kept)
