"""DAT012 truncated-rows."""

import numpy as np

from tunewell.checks.data.truncated_rows import truncated_rows
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.tokenization import Tokenization
from tunewell.testing import CheckCases


def tokens(longest: int, max_length: int | None) -> Tokenization:
    """A short text and a longer one, for a model with 512 positions."""
    return Tokenization("train", np.array([5, longest]), max_length, 512)


class TestTruncatedRows(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = truncated_rows
    faulty = {
        "cut by the recipe": (tokens(90, 12), Recipe(max_length=12)),
        "cut without a recipe": (tokens(90, 12),),
        "beyond the model": (tokens(600, None), Recipe()),
    }
    nearly = {
        "exactly as long": (tokens(12, 12), Recipe(max_length=12)),
        "one of two hundred": (
            Tokenization("train", np.array([10] * 199 + [20]), 12, 512),
            Recipe(max_length=12),
        ),
    }
    clean = {
        "short": (tokens(8, 128), Recipe(max_length=128)),
        "no bound": (Tokenization("train", np.array([9]), None, None),),
    }
