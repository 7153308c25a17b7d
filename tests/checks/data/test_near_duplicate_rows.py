"""DAT006 near-duplicate-rows."""

from tunewell.checks.data.near_duplicate_rows import near_duplicate_rows
from tunewell.testing import CheckCases, dataset


class TestNearDuplicateRows(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = near_duplicate_rows
    faulty = {
        "a word left out": (
            dataset(
                [
                    "can i get a new card if i live in the united states of america",
                    "can i get a card if i live in the united states of america",
                    "hello there",
                ],
                ["a", "a", "b"],
            ),
        )
    }
    nearly = {
        "the same words about something else": (
            dataset(["how do i top up by card", "how do i top up by bank transfer"], ["a", "b"]),
        ),
        "exactly equal": (dataset(["where is my card now", "where is my card now"], ["a", "b"]),),
    }
    clean = {
        "all differ": (dataset(["one fine day", "two left feet"], ["a", "b"]),),
        "no text at all": (dataset(["", " "], ["a", "b"]),),
        "an empty row, and partners outside the training data": (
            dataset(
                ["", "hello there"],
                ["a", "b"],
                evaluation=(
                    [
                        "can i get a new card if i live in the united states of america",
                        "can i get a card if i live in the united states of america",
                    ],
                    ["a", "a"],
                ),
            ),
        ),
    }
