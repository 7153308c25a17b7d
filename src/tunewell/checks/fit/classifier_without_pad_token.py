"""FIT030: a decoder that classifies does not know where its rows end."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, File, Finding, Fix, Number, Safety, Severity
from tunewell.facts.recipe import place
from tunewell.facts.trainer_script import mentions
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.script import Script

LAST_TOKEN = frozenset(
    {"gpt2", "gpt_neo", "gptj", "gpt_neox", "gpt_bigcode", "llama", "mistral", "mixtral", "qwen2"}
    | {"qwen2_moe", "qwen3", "qwen3_moe", "qwen3_next", "phi", "falcon", "stablelm", "starcoder2"}
    | {"ministral", "exaone4", "deepseek_v2", "deepseek_v3"}
)
"""Families whose classifier reads the last token that is no padding, and whose configuration has no
padding token unless it is given one."""


@check("FIT030", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("E12",))
def classifier_without_pad_token(
    recipe: Recipe, checkpoint: Checkpoint, script: Script | None
) -> Iterator[Finding]:
    """A decoder is to classify batches of several rows, and no padding token is known.

    ## What it finds
    A model of a decoder family, a classification task, batches of more than one row, and a padding
    token neither in the model's config.json nor in its tokenizer.

    ## Why it matters
    The classifier reads the last token of each row that is no padding. Without a padding token it
    refuses more than one row: "Cannot handle batch sizes > 1 if no padding token is defined". The
    tokenizer refuses to pad them too.

    ## How it is measured
    By config.json and tokenizer_config.json, for families that transformers 5.23 gives no padding
    token by itself. A recipe or a script that names a padding token is
    left alone, and so is a tokenizer that has one: the Trainer copies it into the model's config.

    ## Example
    GPT-2 or Llama 3 with `AutoModelForSequenceClassification` and a batch size of 16.

    ## Fix
    `tokenizer.pad_token = tokenizer.eos_token` and
    `model.config.pad_token_id = tokenizer.pad_token_id`.

    ## When it is wrong
    When a trainer of one's own pads and classifies in another way.

    ## Sources
    `GenericForSequenceClassification.forward` of transformers 5.23; fault E12 of the catalogue,
    reproduced with it.
    """
    if recipe.task != "text-classification" or checkpoint.model_type not in LAST_TOKEN:
        reason = "the model is no decoder that classifies"
        raise NotApplicableError(reason)
    if checkpoint.tokenizer_file is None:
        reason = "the model's folder holds no tokenizer, which may have a padding token"
        raise NotApplicableError(reason)
    known = (
        checkpoint.config.get("pad_token_id") is not None
        or "pad_token" in checkpoint.special_tokens
        or recipe.preparation.pad_token is not None
        or (script is not None and mentions(script, "pad_token", "pad_token_id"))
    )
    rows = max(recipe.per_device_train_batch_size, recipe.saving.per_device_eval_batch_size)
    if known or rows <= 1:
        return
    yield Finding(
        message=(
            f"the {checkpoint.model_type} model is to classify {rows} rows at a time, and neither "
            "it nor its tokenizer has a padding token: it refuses more than one"
        ),
        where=(File(path=str(checkpoint.path)), place(recipe, "per_device_train_batch_size")),
        evidence=(Number(name="rows in a batch", value=rows, bound="1 without a padding token"),),
        impact="the run ends at its first step",
        fixes=(
            Fix(
                title="give tokenizer and model a padding token, if need be the end token",
                safety=Safety.MANUAL,
            ),
        ),
    )
