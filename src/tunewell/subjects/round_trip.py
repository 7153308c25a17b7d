"""What was saved after a step against what was in memory."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class RoundTrip:
    """A copy of the model after one step, saved by its trainer and loaded again.

    `difference` is the largest difference of an output between the model in memory and the one
    loaded, relative to the outputs' spread; None where loading raised `raised`. `files` are the
    names that the trainer wrote. `trained` counts the trained tensors and `absent` names those that
    are in no saved file. `adapter_effect` is the largest change of an output that the adapter makes
    in memory, relative to the same spread, None without one; `adapter_tensors` counts what its file
    holds. `not_finite` names saved tensors with a value that is no number. `tied_in_file` tells
    that a model with tied embeddings saved them apart. `tokenizer` and `template` tell whether the
    tokenizer and its chat template were written, None where the trainer has none.
    """

    difference: float | None
    files: tuple[str, ...]
    trained: int
    absent: tuple[str, ...] = ()
    adapter_effect: float | None = None
    adapter_effect_loaded: float | None = None
    adapter_tensors: int | None = None
    not_finite: tuple[str, ...] = ()
    tied: bool = False
    untied_by_training: bool = False
    tokenizer: bool | None = None
    template: bool | None = None
    raised: str | None = None
    seconds: float = 0.0
