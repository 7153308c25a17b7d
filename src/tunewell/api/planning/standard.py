"""The settings of a plan beside what published recipes use."""

from __future__ import annotations

from tunewell.core.document import Section
from tunewell.core.finding import Table
from tunewell.facts.model_family import family_of, parameters_of
from tunewell.facts.recipe import setting as value_of
from tunewell.knowledge.standard_values import lookup, settings_of
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.recipe import Recipe

PATHS = {"lora_r": "adapter.r", "beta": "preference.beta"}
"""Where a recipe keeps a setting that the table of standard values knows by another name."""


def standard_values(
    recipe: Recipe, checkpoint: Checkpoint | None, *, parameters: int | None = None
) -> Section:
    """Every setting with a published value, and its sources.

    `parameters` goes before what the model's files or its name say.
    """
    parameters = parameters or parameters_of(recipe, checkpoint)
    family = family_of(recipe, checkpoint)
    rows: list[tuple[str | float | int | None, ...]] = []
    for setting in settings_of(recipe.task, recipe.method):
        value = lookup(
            recipe.task,
            recipe.method,
            setting,
            parameters=parameters,
            family=family.name if family is not None else None,
        )
        if value is None:
            continue
        yours = value_of(recipe, PATHS.get(setting, setting))
        rows.append(
            (
                setting,
                yours,
                value.typical,
                f"{value.low:g} to {value.high:g}",
                "; ".join(source.name for source in value.sources),
            )
        )
    size = f" and {parameters / 1e6:,.1f} million parameters" if parameters else ""
    return Section(
        id="standard-values",
        title="Standard values",
        text=(
            f"Published values for {recipe.task} with method {recipe.method}{size}."
            if rows
            else f"Nothing is published here for {recipe.task} with method {recipe.method}."
        ),
        evidence=(
            Table(
                name="standard values",
                columns=("setting", "yours", "standard", "range", "sources"),
                rows=tuple(rows),
                total=len(rows),
            ),
        )
        if rows
        else (),
    )
