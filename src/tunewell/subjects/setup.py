"""The model of a live trainer as it stands before the first step; nothing is run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TensorGroup:
    """Parameters alike in type and in whether they are trained.

    `layers` are the modules that own them, as far as they were kept (the first 8 by name).
    """

    dtype: str
    trainable: bool
    tensors: int
    values: int
    layers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AdapterState:
    """One adapter of a PEFT model.

    `tensors` and `trainable` count its parameters, copies of saved modules included. `loaded` tells
    whether it was made for inference (`inference_mode`, which `PeftModel.from_pretrained` sets).
    `unmatched` are listed target modules that no module of the model answers to.
    """

    name: str
    kind: str
    active: bool
    tensors: int
    trainable: int
    loaded: bool = False
    task_type: str | None = None
    targets: tuple[str, ...] = ()
    unmatched: tuple[str, ...] = ()
    modules_to_save: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NewTensor:
    """A parameter that no file gave a value: it began at random.

    `trained` tells whether it, or the copy that PEFT trains in its place, is trainable; `adapted`
    that it stays as it is under an adapter of its own, in whose file it is not.
    """

    name: str
    trained: bool
    adapted: bool = False


@dataclass(frozen=True, slots=True)
class NewTokens:
    """Tokens that the model's own folder does not know, by id.

    `embedded` and `predicted` tell whether their rows of the input embedding and of the output
    layer are trained. `predicted` is None for a model that predicts no tokens.
    """

    ids: frozenset[int]
    texts: tuple[str, ...]
    embedded: bool
    predicted: bool | None


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Setup:
    """The model, its adapters and its parts.

    `new_tensors` is None where it cannot be told, because the model was not loaded from files.
    `embedding_rows`, `tokens` (the tokenizer's size) and `head_rows` (outputs of a classification
    head) are None where there is no such thing; `labels` is the head's size by the configuration.
    `quantised_layers` counts linear layers held in fewer bits, of `linear_layers`;
    `quantisation` names the method that the configuration asks for. `autocast` is the type that
    training computes in, None where it is that of the weights. `rounds_well` tells that the
    optimizer keeps what 16-bit weights cannot hold, `own_loss` that the user wrote what computes
    the loss. `saved_head` is the number of classes of the trained head in the model's folder that
    gave way to a new one.
    """

    model: str
    task: str
    groups: tuple[TensorGroup, ...]
    adapters: tuple[AdapterState, ...] = ()
    new_tensors: tuple[NewTensor, ...] | None = None
    new_tokens: NewTokens | None = None
    embedding_rows: int | None = None
    tokens: int | None = None
    tied: bool = False
    head_rows: int | None = None
    labels: int | None = None
    saved_head: int | None = None
    quantisation: str | None = None
    quantised_layers: int = 0
    linear_layers: int = 0
    devices: Mapping[str, str] = field(default_factory=dict)
    autocast: str | None = None
    rounds_well: bool = False
    own_loss: bool = False
    without_weights: bool = False

    @property
    def values(self) -> int:
        """Number of parameters' values."""
        return sum(group.values for group in self.groups)

    @property
    def trainable(self) -> int:
        """How many of them are trained."""
        return sum(group.values for group in self.groups if group.trainable)
