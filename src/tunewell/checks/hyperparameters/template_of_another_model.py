"""HYP025: the chat template that is named belongs to another family of models."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Confidence, Finding, Fix, Safety, Severity, Table
from tunewell.facts.model_family import family_of
from tunewell.facts.recipe import change, place
from tunewell.knowledge.families import Family, of_template
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.recipe import Recipe

BY_NAME = frozenset({"axolotl", "llamafactory", "llama-factory"})
"""Formats in which a template goes by a name of the program's own."""

PLAIN = frozenset({"alpaca", "default", "vanilla", "fewshot", "empty"})
"""Templates without control tokens, made for models that were never taught to chat."""

SHARED = frozenset({"chatml"})
"""Templates that many families are tuned to; whether the tokens are there is what counts."""

CHAT = re.compile(
    r"(?:^|[-_.])(?:instruct|chat|it|sft|dpo|zephyr|vicuna)(?:$|[-_.])", re.IGNORECASE
)
GENERATION = re.compile(r"llama[-_]?([234])", re.IGNORECASE)


@check(
    "HYP025",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("D06",),
)
def template_of_another_model(
    recipe: Recipe, checkpoint: Checkpoint | None, *, max_missing: int = 0
) -> Iterator[Finding]:
    """A chat model is trained with the template of another family, or with none of its tokens.

    ## What it finds
    In a configuration of axolotl or LLaMA-Factory, a template that is not one of the model's family
    on a model that was taught to chat; or a template whose control tokens the tokenizer of the
    model does not have.

    ## Why it matters
    A chat model knows its turns by a few control tokens. With another family's they come out as
    pieces of text that it never saw in that place: it unlearns its own format while it learns a
    new one from your few rows, and whoever serves it with its own template asks it in a format it
    was not trained on.

    ## How it is measured
    The template's family by its name, the model's by config.json or the name of the checkpoint, and
    whether it is a chat model by that name ("Instruct", "chat", "it"). Where the model is at hand,
    the control tokens are looked for among its tokenizer's: more than `max_missing` (0) that are
    missing and not added are told. Base models may be given any template and are left alone unless
    its tokens are missing.

    ## Example
    `template: alpaca` with Qwen2.5-7B-Instruct; `chat_template: llama3` with Llama-2-7b-chat.

    ## Fix
    The model's own template: `chat_template: tokenizer_default` in axolotl, the template of the
    family in LLaMA-Factory's list.

    ## When it is wrong
    For a model whose name misleads, or that was tuned to another format than its family's.

    ## Sources
    The lists of templates of axolotl 0.19 and LLaMA-Factory 0.9.5; LLaMA-Factory issues 2509, 5834
    and 7346. Fault D06 of the catalogue.
    """
    name = recipe.preparation.chat_template
    if recipe.format not in BY_NAME or not name:
        reason = "no template is chosen by name"
        raise NotApplicableError(reason)
    family = family_of(recipe, checkpoint)
    owners = of_template(name)
    said = _missing(recipe, checkpoint, owners, max_missing) or _foreign(
        recipe, name, family, owners
    )
    if not said:
        return
    own = "tokenizer_default"
    title = "use the model's own template"
    fix = Fix(title=title, safety=Safety.MANUAL)
    if recipe.format == "axolotl":
        edit = change(recipe, "preparation.chat_template", own)
        fix = Fix(title=f"{title} ({own})", safety=Safety.UNSAFE, edits=(edit,))
    yield Finding(
        message=f"template {name!r}: {said}",
        where=(place(recipe, "preparation.chat_template"),),
        evidence=(
            Table(
                name="template and model",
                columns=("", "family", "control tokens"),
                rows=(
                    (f"template {name}", _names(owners), _markers(owners)),
                    (
                        f"model {recipe.model or ''}".strip(),
                        family.name if family is not None else "not known",
                        ", ".join(family.markers) if family is not None else "",
                    ),
                ),
                total=2,
            ),
        ),
        impact="the model is taught a format that it does not have and is not served with",
        fixes=(fix,),
    )


def _missing(
    recipe: Recipe, checkpoint: Checkpoint | None, owners: tuple[Family, ...], most: int
) -> str:
    """That the tokenizer lacks the template's tokens; "" where it has them or nobody knows."""
    if checkpoint is None or not checkpoint.added_tokens or not owners:
        return ""
    known = {*checkpoint.added_tokens, *recipe.preparation.special_tokens}
    markers = [marker for owner in owners for marker in owner.markers]
    if not markers or any(marker in known for marker in markers):
        return ""
    lost = [marker for marker in markers if marker.startswith("<")]
    if len(lost) <= most:
        return ""
    return f"the tokenizer has none of its control tokens ({', '.join(lost)})"


def _foreign(recipe: Recipe, name: str, family: Family | None, owners: tuple[Family, ...]) -> str:
    """That a chat model of a known family is given the template of another."""
    model = (recipe.model or "").rpartition("/")[2]
    if family is None or not CHAT.search(model):
        return ""
    if name in PLAIN:
        return f"{model} is a chat model, and this template has no control tokens"
    if name not in SHARED and owners and family not in owners and family.templates:
        return f"it is for {_names(owners)}, and {model} is of the {family.name} family"
    wanted, has = GENERATION.search(name), GENERATION.search(model)
    if wanted is not None and has is not None and wanted[1] != has[1]:
        return f"it is for Llama {wanted[1]}, and {model} is a Llama {has[1]}"
    return ""


def _names(owners: tuple[Family, ...]) -> str:
    return " or ".join(owner.name for owner in owners) or "none in particular"


def _markers(owners: tuple[Family, ...]) -> str:
    return ", ".join(marker for owner in owners for marker in owner.markers)
