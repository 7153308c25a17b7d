"""Which columns the usual trainers read, by kind of data, and what became of others.

Every line was run with trl 1.16.0, transformers 5.23.0 and torch 2.13.0 on the CPU: a model of one
layer, four rows, one step. `KeyError` and the other errors are the libraries' own words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

VERSIONS = "trl 1.16 and transformers 5.23"


@dataclass(frozen=True, slots=True)
class Reads:
    """What a trainer reads.

    `slots` maps a slot of the layout to the names the trainer takes for it, the usual one first;
    `lost` are slots that it passes over without a word, whatever they are called; `error` is what
    it says where a column is missing.
    """

    trainer: str
    slots: Mapping[str, tuple[str, ...]]
    lost: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    error: str = ""


SFT = "SFTTrainer"
PREFERENCE = "DPOTrainer and RewardTrainer"
KTO = "KTOTrainer"
CLASSIFIER = "the Hugging Face Trainer"

READS: Mapping[str, Reads] = MappingProxyType(
    {
        "instructions": Reads(
            SFT,
            {"instruction": ("prompt",), "output": ("completion",)},
            lost=("system", "history"),
            error="KeyError: 'text'",
        ),
        "prompt and completion": Reads(
            SFT,
            {"prompt": ("prompt",), "completion": ("completion",)},
            lost=("system",),
            error="KeyError: 'text'",
        ),
        "chat": Reads(
            SFT,
            {"messages": ("messages", "conversations")},
            lost=("system",),
            error="KeyError: 'text'",
        ),
        "plain text": Reads(SFT, {"text": ("text",)}, error="KeyError: 'text'"),
        "preference pairs": Reads(
            PREFERENCE,
            {"prompt": ("prompt",), "chosen": ("chosen",), "rejected": ("rejected",)},
            lost=("system", "input"),
            # The prompt is worked out from what both sides share; a column of another name is not
            # looked at, and the prompt is empty.
            silent=("prompt",),
            error="KeyError: 'chosen'",
        ),
        "unpaired preferences": Reads(
            KTO,
            {
                "prompt": ("prompt",),
                "instruction": ("prompt",),
                "completion": ("completion",),
                "output": ("completion",),
                "preferred": ("label",),
            },
            lost=("system", "history"),
            error="KeyError: 'completion', or ValueError: Column 'label' doesn't exist.",
        ),
        "single-label classification": Reads(
            CLASSIFIER,
            {"label": ("label", "labels", "label_ids")},
            error="ValueError: The model did not return a loss from the inputs",
        ),
        "multi-label classification": Reads(
            CLASSIFIER,
            {"label": ("labels", "label", "label_ids")},
            error="ValueError: The model did not return a loss from the inputs",
        ),
    }
)

STRING_LABELS = "ValueError: Unable to create tensor"
INDEX_LISTS = "ValueError: Target size must be the same as input size"
SHAREGPT_WORDS = frozenset({"human", "gpt"})
"""Role words that TRL passes to the template as they are."""
