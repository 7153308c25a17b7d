"""HYP016 new-tokens-not-trained."""

import dataclasses
from pathlib import Path
from typing import Any

from tests.preflight import tiny

from tunewell.checks.hyperparameters.new_tokens_not_trained import new_tokens_not_trained
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.recipe import Adapter, Place, Preparation, Recipe, Written
from tunewell.testing import CheckCases

KNOWN = Checkpoint(Path("m"), {"model_type": "llama"}, added_tokens=("<s>", "<|call|>"))


def adding(*tokens: str, format: str = "trl", **settings: Any) -> Recipe:  # noqa: A002, ANN401
    return Recipe(
        task="sft",
        method="lora",
        format=format,
        adapter=Adapter(**{"target_modules": "all-linear", **settings}),
        preparation=Preparation(special_tokens=tokens),
    )


INDICES = dataclasses.replace(
    adding("<|new|>"),
    written=(Written("LoraConfig", "trainable_token_indices", [401], Place()),),
)


class TestNewTokensNotTrained(CheckCases):
    """Tokens that are new, known, trained and saved."""

    check = new_tokens_not_trained
    faulty = {
        "a new token": (adding("<|new|>"), KNOWN),
        "the model is not at hand": (adding("<|new|>"),),
        "another part is saved": (adding("<|new|>", modules_to_save=("norm",)), KNOWN),
    }
    nearly = {
        "the tokenizer has it": (adding("<|call|>"), KNOWN),
        "only its rows are trained": (INDICES, KNOWN),
        "an adapter on the embeddings": (
            adding("<|new|>", target_modules=("q_proj", "embed_tokens")),
            KNOWN,
        ),
        "the program trains them": (adding("<|new|>", format="llamafactory"), KNOWN),
    }
    clean = {
        "trained and saved": (
            adding("<|new|>", modules_to_save=("embed_tokens", "lm_head")),
            KNOWN,
        ),
        "no token is added": (adding(), KNOWN),
        "every weight is trained": (
            Recipe(task="sft", preparation=Preparation(special_tokens=("<|new|>",))),
            KNOWN,
        ),
    }


def test_peft_leaves_the_new_rows_frozen() -> None:
    """Nothing of the embeddings is trained; with modules_to_save all of it is."""
    model = tiny.causal()
    model.resize_token_embeddings(402)
    adapted = tiny.lora(model, target_modules="all-linear")
    parts = ("embed_tokens", "lm_head")
    trained = [n for n, p in adapted.named_parameters() if p.requires_grad]
    assert not [n for n in trained if any(part in n for part in parts)]
    whole = tiny.lora(tiny.causal(), target_modules=["q_proj"], modules_to_save=list(parts))
    trained = [n for n, p in whole.named_parameters() if p.requires_grad]
    assert len([n for n in trained if any(part in n for part in parts)]) == 2
