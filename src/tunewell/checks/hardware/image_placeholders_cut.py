"""HW057: the cut at max_length takes image placeholders away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Number,
    Row,
    Safety,
    Severity,
)
from tunewell.core.words import counted
from tunewell.facts.recipe import change, place
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.dataset import MESSAGES, Dataset
from tunewell.subjects.recipe import Recipe

LARGEST = {"qwen2_vl": 16_384, "qwen2_5_vl": 16_384}
"""Most tokens of one image where its size decides: 12,845,056 pixels in cells of 28 x 28, the
default of the processor. (Qwen's file of its processor; a user may have set less.)"""


@check("HW057", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("D48",))
def image_placeholders_cut(
    recipe: Recipe, dataset: Dataset, checkpoint: Checkpoint, *, max_rows: int = 0
) -> Iterator[Finding]:
    """Rows with images are cut at max_length, and image placeholders go with what is cut.

    ## What it finds
    An error where the images of more than `max_rows` rows (0) take more tokens than `max_length`
    leaves. Information where the tokens of an image depend on its size and rows are cut at all.

    ## Why it matters
    An image stands in the row as hundreds of placeholder tokens, one for each vector that the
    vision part gives. What is cut leaves fewer placeholders than vectors, and the model refuses the
    batch: "Image features and image tokens do not match". It comes with the first long row, which
    may be late.

    ## How it is measured
    The images of a row, as its columns and messages hold them, times the placeholders of one by the
    model's configuration: `mm_tokens_per_image`, or the square of `image_size` over `patch_size`.
    A tiny LLaVA was held against that number in a test. The text is left out, so that it is a lower
    bound. TRL cuts rows with images at `max_length`, which is 1,024 where nothing is said.

    ## Example
    Two images of 576 tokens in a row and `max_length=1024`.

    ## Fix
    `max_length=None` in `SFTConfig`, as TRL's page on vision advises, or smaller images.

    ## When it is wrong
    Where a processor of one's own makes fewer placeholders of an image.

    ## Sources
    `SFTTrainer.compute_loss` of TRL 1.16, which tells of this cause where the model raises;
    `LlavaModel.get_placeholder_mask` of transformers 5.23; Qwen3-VL issue 556; fault D48 of the
    catalogue.
    """
    limit = recipe.max_length
    images = _images(dataset)
    if limit is None or not any(images) or recipe.format != "trl":
        reason = "rows with images are not cut"
        raise NotApplicableError(reason)
    each = tokens_of_an_image(checkpoint.config)
    if each is None:
        largest = LARGEST.get(checkpoint.model_type)
        if largest is None or largest <= limit:
            reason = "how many tokens an image takes is not known"
            raise NotApplicableError(reason)
        yield _advice(recipe, checkpoint, limit, largest)
        return
    cut = [row for row, count in enumerate(images) if count * each > limit]
    if len(cut) <= max_rows:
        return
    most = max(images)
    train = dataset.train
    yield Finding(
        message=(
            f"{counted(len(cut), 'row')} {'has' if len(cut) == 1 else 'have'} up to "
            f"{counted(most, 'image')} of {each:,} tokens, {most * each:,} in all, and rows are "
            f"cut at {limit:,}: the model refuses fewer placeholders than it has image vectors"
        ),
        where=(
            *(
                Row(split=train.name, index=row, file=train.file(row), line=train.lines[row])
                for row in cut
            ),
            place(recipe, "max_length"),
        ),
        evidence=(
            Number(
                name="tokens of a row's images",
                value=float(most * each),
                bound=f"at most {limit:,}",
            ),
        ),
        impact="the run ends at the first batch with such a row",
        fixes=_fixes(recipe),
    )


def tokens_of_an_image(config: Mapping[str, Any]) -> int | None:
    """Placeholders of one image where they do not depend on its size; None where they do."""
    told = config.get("mm_tokens_per_image")
    if isinstance(told, int):
        return told
    if config.get("model_type") not in {"llava", "paligemma"}:
        return None
    vision = config.get("vision_config")
    if not isinstance(vision, Mapping):
        return None
    side, patch = vision.get("image_size"), vision.get("patch_size")
    if not isinstance(side, int) or not isinstance(patch, int) or patch <= 0:
        return None
    return (side // patch) ** 2


def _images(dataset: Dataset) -> list[int]:
    """Images of each training row, whichever column or message holds them."""
    columns = [
        counts
        for name, counts in dataset.train.media.items()
        if name == MESSAGES or "image" in name.casefold()
    ]
    return [max(counts) for counts in zip(*columns, strict=True)] if columns else []


def _advice(recipe: Recipe, checkpoint: Checkpoint, limit: int, largest: int) -> Finding:
    return Finding(
        message=(
            f"rows with images are cut at {limit:,} tokens, and a single image takes up to "
            f"{largest:,} in {checkpoint.model_type}: where placeholders are cut the model refuses "
            "the batch"
        ),
        severity=Severity.INFO,
        confidence=Confidence.MEDIUM,
        where=(place(recipe, "max_length"),),
        impact="the run ends at the first batch with such a row",
        fixes=_fixes(recipe),
    )


def _fixes(recipe: Recipe) -> tuple[Fix, ...]:
    return (
        Fix(
            title="do not cut rows with images: max_length=None",
            safety=Safety.UNSAFE,
            edits=(change(recipe, "max_length", None),),
        ),
    )
