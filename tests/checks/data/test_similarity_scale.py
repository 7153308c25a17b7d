"""DAT057 similarity-scale."""

from collections.abc import Sequence

from tunewell.checks.data.similarity_scale import similarity_scale
from tunewell.core.finding import SetLabel, Severity
from tunewell.subjects.dataset import Dataset
from tunewell.testing import CheckCases, rows, run_check


def scored(scores: Sequence[object], name: str = "score") -> Dataset:
    """Pairs with these scores."""
    return rows(_records(scores, name))


def _records(scores: Sequence[object], name: str = "score") -> list[dict[str, object]]:
    return [
        {"sentence1": f"text {at}", "sentence2": f"another {at}", name: score}
        for at, score in enumerate(scores)
    ]


class TestSimilarityScale(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = similarity_scale
    faulty = {
        "0 to 5": (scored([0.0, 2.6, 4.2, 5.0]),),
        "0 to 5 in a column called label": (scored([0.0, 2.6, 4.2, 3.75, 5.0], "label"),),
        "0 to 100": (scored([0, 35, 80, 100]),),
        "1 to 5 in whole numbers": (scored([1, 2, 5, 4, 3]),),
        "-1 and 1": (scored([-1, 1, 1, -1]),),
        "evaluation alone": (
            rows(_records([0.1, 0.5, 1.0]), evaluation=_records([0.5, 2.5, 5.0])),
        ),
    }
    nearly = {
        "-1 to 1": (scored([-0.8, 0.2, 0.3, 1.0]),),
        "one decimal off": (scored([0.0, 0.55, 0.999, 1.0]),),
        "classes of inference": (scored([0, 1, 2, 1], "label"),),
        "named classes": (scored(["neutral", "entailment", "contradiction"], "label"),),
    }
    clean = {"0 to 1": (scored([0.0, 0.25, 0.5, 1.0]),), "0 and 1": (scored([0, 1, 1]),)}

    def test_scores_keep_their_distance(self) -> None:
        """A scale from 1 to 5 begins at 1."""
        fix = self._outcomes(self.faulty["1 to 5 in whole numbers"]).findings[0].fixes[0]
        new = {e.old: e.new for e in fix.edits if isinstance(e, SetLabel)}
        assert new == {"1": "0", "2": "0.25", "3": "0.5", "4": "0.75", "5": "1"}

    def test_minus_one_is_information(self) -> None:
        """Cosine losses do take -1."""
        assert self._outcomes(self.faulty["-1 and 1"]).findings[0].severity is Severity.INFO

    def test_pairs_without_scores(self) -> None:
        """Anchors and positives alone have no scale."""
        pairs = rows([{"anchor": "a", "positive": "b"}, {"anchor": "c", "positive": "d"}])
        assert run_check(similarity_scale, (pairs,)).not_applicable
