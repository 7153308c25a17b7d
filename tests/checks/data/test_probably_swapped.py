"""DAT054 probably-swapped."""

from tunewell.checks.data.probably_swapped import probably_swapped
from tunewell.core.finding import DropRows
from tunewell.testing import CheckCases, rows

ONE = {"prompt": "Capital of France?", "chosen": "Paris", "rejected": "Lyon"}
OTHER = {"prompt": "Capital of France?", "chosen": "Lyon", "rejected": "Paris"}


class TestProbablySwapped(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = probably_swapped
    faulty = {
        "once each way": (rows([ONE, OTHER, {**ONE, "prompt": "Largest city?"}]),),
        "two against one": (rows([ONE, OTHER, ONE]),),
    }
    nearly = {
        "another prompt": (rows([ONE, {**OTHER, "prompt": "Second city of France?"}]),),
        "a third answer": (rows([ONE, {**OTHER, "rejected": "Nice"}]),),
        "the same twice": (rows([ONE, ONE]),),
        "equal answers": (rows([{**ONE, "rejected": "Paris"}] * 2),),
    }
    clean = {"one pair": (rows([ONE]),)}

    def test_the_majority_stays(self) -> None:
        """Two rows of one order outweigh one of the other."""
        fix = self._outcomes(self.faulty["two against one"]).findings[0].fixes[0]
        assert fix.edits == (DropRows(split="train", rows=(1,)),)
