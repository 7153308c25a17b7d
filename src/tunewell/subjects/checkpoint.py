"""A saved model folder, read from its JSON and the headers of its weight files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Checkpoint:
    """What a Hugging Face folder says of itself. No weight is loaded.

    `config` is config.json. `tensors` maps each weight's name to its shape, from the safetensors
    headers; it is empty where the folder holds none. `tokenizer_file` is tokenizer.json.
    `chat_template` is the Jinja text that makes one text of a conversation, and `special_tokens`
    are the names it may use ("bos_token" and others) with their texts. `added_tokens` are the
    texts that the tokenizer takes for a control token wherever they stand. `generation` is
    generation_config.json, None where the folder has none.
    """

    path: Path
    config: Mapping[str, Any]
    tensors: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    tokenizer_file: Path | None = None
    max_length: int | None = None
    chat_template: str | None = None
    special_tokens: Mapping[str, str] = field(default_factory=dict)
    added_tokens: tuple[str, ...] = ()
    generation: Mapping[str, Any] | None = None

    @property
    def model_type(self) -> str:
        """Architecture family, such as "bert"."""
        return str(self.config.get("model_type", "unknown"))

    @property
    def parameters(self) -> int:
        """Number of stored values."""
        total = 0
        for shape in self.tensors.values():
            size = 1
            for side in shape:
                size *= side
            total += size
        return total

    @property
    def label_names(self) -> tuple[str, ...] | None:
        """Label names of the head in id order, None where the folder has no trained head."""
        names = self.config.get("id2label")
        architectures = self.config.get("architectures") or ()
        if not any("Classification" in str(name) for name in architectures) or not names:
            return None
        return tuple(str(names[key]) for key in sorted(names, key=int))
