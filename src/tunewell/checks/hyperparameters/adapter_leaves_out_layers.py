"""HYP013: an adapter on the attention alone."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Finding, Fix, Safety, Severity, Table
from tunewell.facts.adapter import ALL_LINEAR, FOREIGN, OWN_LAYERS, named_targets, unknown_to
from tunewell.facts.model_family import family_of, has_experts
from tunewell.facts.recipe import change, place
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.recipe import Recipe

FEED_FORWARD = frozenset(
    {"gate_proj", "up_proj", "down_proj", "gate_up_proj", "fc1", "fc2", "dense_h_to_4h",
     "dense_4h_to_h", "c_fc"}
)  # fmt: skip


@check("HYP013", category=Category.PERFORMANCE, severity=Severity.INFO, covers=("O18",))
def adapter_leaves_out_layers(
    recipe: Recipe, checkpoint: Checkpoint | None, *, min_layers: int = 1
) -> Iterator[Finding]:
    """The adapter is put on the attention layers only: advice, not a fault.

    ## What it finds
    Target modules of a language model for supervised fine-tuning among which fewer than
    `min_layers` (1) are of the feed-forward part.

    ## Why it matters
    Most weights of a block are in its feed-forward part. In published comparisons an adapter on the
    attention alone stays behind one on every linear layer, also at the same number of parameters.
    Older tutorials and PEFT's own defaults name the query and value layers only.

    ## How it is measured
    By the names of the layers of the common families. Models of other families are left alone, and
    so are mixtures of experts, whose experts no name reaches, and reinforcement learning, for which
    small adapters are enough.

    ## Example
    `target_modules=["q_proj", "v_proj"]` on a Llama.

    ## Fix
    `target_modules="all-linear"`, with a smaller rank if memory is short.

    ## When it is wrong
    When memory decides, or the task needs little: then it is a choice, which is why this is advice.

    ## Sources
    LoRA Without Regret, Thinking Machines 2025; the examples of axolotl and LLaMA-Factory, which
    target every linear layer. Fault O18 of the catalogue.
    """
    if recipe.adapter is None or recipe.task != "sft":
        reason = "no adapter for supervised fine-tuning of a language model"
        raise NotApplicableError(reason)
    family = family_of(recipe, checkpoint)
    layers = FEED_FORWARD.intersection(family.linear) if family is not None else frozenset()
    if family is None or not layers or has_experts(recipe, checkpoint):
        reason = "the layers of this model are not known"
        raise NotApplicableError(reason)
    targets = named_targets(recipe.adapter)
    if not targets or recipe.format in OWN_LAYERS:
        return
    last = {target.rpartition(".")[2] for target in targets}
    known = last.intersection(family.linear)
    if not known or unknown_to(targets, family) or len(last & layers) >= min_layers:
        return
    fix = Fix(title="target every linear layer (all-linear)", safety=Safety.UNSAFE)
    if recipe.format in FOREIGN:
        fix = Fix(title=fix.title, safety=Safety.MANUAL)
    else:
        edit = change(recipe, "adapter.target_modules", ALL_LINEAR)
        fix = Fix(title=fix.title, safety=Safety.UNSAFE, edits=(edit,))
    yield Finding(
        message=(
            f"the adapter is on {', '.join(sorted(known))} only; "
            f"{', '.join(sorted(layers))}, where most weights are, stay as they were"
        ),
        where=(place(recipe, "adapter.target_modules"),),
        evidence=(
            Table(
                name="linear layers of a block",
                columns=("layer", "adapted"),
                rows=tuple((name, "yes" if name in last else "no") for name in family.linear),
                total=len(family.linear),
            ),
        ),
        impact="published comparisons find such adapters behind those on every linear layer",
        fixes=(fix,),
    )
