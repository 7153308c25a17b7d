"""In which precision a run's weights are loaded, and whether all of them are trained."""

from __future__ import annotations

from dataclasses import dataclass

from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.recipe import Recipe

OTHER_LOADERS = frozenset(
    {"tunewell", "axolotl", "llamafactory", "llamafactory-v1", "torchtune", "lightning"}
    | {"accelerate", "deepspeed", "fsdp"}
)
"""Formats whose reader does not leave the loading of the model to `from_pretrained`."""

UNSAID = frozenset({None, "auto"})
LOADS = ".from_pretrained"


@dataclass(frozen=True, slots=True)
class Loaded:
    """The precision of the weights ("float32", "bfloat16", "float16"), and who chose it.

    `chosen` is False where nobody wrote it: it is then what the model's files were saved in.
    """

    dtype: str
    chosen: bool


def is_hugging_face(recipe: Recipe) -> bool:
    """Whether `from_pretrained` of transformers loads the model by the recipe's own words."""
    return recipe.format not in OTHER_LOADERS


def loaded_weights(recipe: Recipe, checkpoint: Checkpoint | None) -> Loaded | None:
    """The precision that the weights are loaded in; None where that is not known.

    transformers 5 takes the precision of the model's files where none is given. TRL gives float32
    to a model that it loads by its name, and leaves one alone that a script loads for it.
    """
    said = recipe.hardware.dtype
    if said not in UNSAID:
        return Loaded(str(said), chosen="hardware.dtype" in recipe.given)
    if not is_hugging_face(recipe):
        return None
    by_script = any(LOADS in entry.owner for entry in recipe.written)
    if recipe.format == "trl" and said is None and not by_script:
        return Loaded("float32", chosen=False)
    config = {} if checkpoint is None else checkpoint.config
    stored = config.get("dtype") or config.get("torch_dtype")
    return Loaded(stored, chosen=False) if isinstance(stored, str) else None


def trains_every_weight(recipe: Recipe) -> bool:
    """Whether the model's own weights are trained, and not adapters beside them."""
    quantised = recipe.hardware.load_in_4bit or recipe.hardware.load_in_8bit
    return recipe.method == "full" and recipe.adapter is None and not quantised
