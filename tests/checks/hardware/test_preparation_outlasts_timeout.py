"""HW019 preparation-outlasts-timeout: by arithmetic, for a thousand characters a second."""

from __future__ import annotations

from tunewell.checks.hardware.preparation_outlasts_timeout import preparation_outlasts_timeout
from tunewell.subjects.recipe import Hardware, Place, Recipe, Written
from tunewell.testing import CheckCases, dataset

ROWS = dataset(["x" * 1000] * 100, ["a"] * 100)
FOUR = (Written("SFTConfig", "dataset_num_proc", 4, Place()),)


def recipe(
    timeout: float | None = 60, *, processes: int = 8, written: tuple[Written, ...] = ()
) -> Recipe:
    """A recipe for several processes."""
    return Recipe(hardware=Hardware(world_size=processes, ddp_timeout=timeout), written=written)


class TestPreparationOutlastsTimeout(CheckCases):
    """Planted, nearly faulty and clean timeouts."""

    check = preparation_outlasts_timeout
    options = {"characters_a_second": 1000}
    faulty = {"a hundred seconds against sixty": (recipe(), ROWS)}
    nearly = {
        "exactly as long": (recipe(100), ROWS),
        "in four processes": (recipe(written=FOUR), ROWS),
        "nobody waits": (recipe(processes=1), ROWS),
    }
    clean = {"the default": (recipe(None), ROWS)}
