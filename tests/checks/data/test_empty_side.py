"""DAT051 empty-side."""

from tunewell.checks.data.empty_side import empty_side
from tunewell.core.finding import Severity
from tunewell.testing import CheckCases, rows

GOOD = {"prompt": "What is two and two?", "chosen": "Four.", "rejected": "Five."}


def dialogue(answer: str) -> str:
    """A conversation as HH-RLHF writes it."""
    return f"\n\nHuman: Hello\n\nAssistant: Yes?\n\nHuman: Bye\n\nAssistant: {answer}"


class TestEmptySide(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = empty_side
    faulty = {
        "chosen empty": (rows([GOOD, {**GOOD, "chosen": ""}]),),
        "rejected white space": (rows([GOOD, {**GOOD, "rejected": " \n\u00a0"}]),),
        "null": (rows([GOOD, {**GOOD, "chosen": None}]),),
        "a dialogue that ends too early": (
            rows([{"chosen": dialogue(""), "rejected": dialogue("See you.")}]),
        ),
    }
    nearly = {
        "an empty prompt": (rows([{**GOOD, "prompt": ""}, GOOD]),),
        "one letter": (rows([{**GOOD, "chosen": "4"}]),),
    }
    clean = {
        "full": (rows([GOOD]),),
        "a full dialogue": (
            rows([{"chosen": dialogue("Bye."), "rejected": dialogue("See you.")}]),
        ),
    }

    def test_rejected_alone_is_a_warning(self) -> None:
        """Nothing wrong is written by the model."""
        found = self._outcomes(self.faulty["rejected white space"]).findings[0]
        assert found.severity is Severity.WARNING
        assert "1 empty rejected answer" in found.message

    def test_rows_that_judge_count_too(self) -> None:
        """An empty answer in the evaluation split is found there."""
        found = self._outcomes((rows([GOOD], evaluation=[{**GOOD, "chosen": ""}]),)).findings[0]
        assert [getattr(place, "split", "") for place in found.where] == ["eval"]
