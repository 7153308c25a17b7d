"""DAT056 one-sided-feedback."""

from tunewell.checks.data.one_sided_feedback import one_sided_feedback
from tunewell.core.finding import Severity
from tunewell.subjects.dataset import Dataset
from tunewell.testing import CheckCases, rows


def feedback(good: int, bad: int, *, contradicted: int = 0) -> Dataset:
    """Rows with a thumb up, then rows with a thumb down; the first few of those repeat answers."""
    return rows(
        [{"prompt": f"q{at}", "completion": f"answer {at}", "label": True} for at in range(good)]
        + [
            {
                "prompt": f"q{at}" if at < contradicted else f"r{at}",
                "completion": f"answer {at}",
                "label": False,
            }
            for at in range(bad)
        ]
    )


class TestOneSidedFeedback(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = one_sided_feedback
    faulty = {
        "all good": (feedback(40, 0),),
        "all bad": (feedback(0, 40),),
        "nearly all good": (feedback(300, 10),),
        "both labels": (feedback(20, 20, contradicted=3),),
    }
    nearly = {
        "two to one": (feedback(40, 20),),
        "one of ten rows": (feedback(9, 1),),
        "12 %": (feedback(88, 12),),
        "the same answer to another prompt": (feedback(20, 20),),
    }
    clean = {"even": (feedback(30, 30),)}

    def test_severity(self) -> None:
        """A missing kind is an error, a rare one a warning."""
        severities = [
            self._outcomes(self.faulty[name]).findings[0].severity
            for name in ("all good", "nearly all good", "both labels")
        ]
        assert severities == [Severity.ERROR, Severity.WARNING, Severity.WARNING]
