"""DAT066 sources-not-mixed."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tunewell.checks.data.sources_not_mixed import sources_not_mixed
from tunewell.core.finding import Confidence, Severity
from tunewell.testing import CheckCases, dataset, rows, run_check

BLOCKS = ["wiki"] * 100 + ["forum"] * 60 + ["news"] * 40
MIXED = np.random.default_rng(0).permutation(BLOCKS).tolist()


def made(sources: Sequence[object], name: str = "source") -> list[dict[str, Any]]:
    """Instructions with a source each."""
    return [
        {"instruction": f"ask {at}", "output": f"answer {at}", name: source}
        for at, source in enumerate(sources)
    ]


class TestSourcesNotMixed(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = sources_not_mixed
    faulty = {
        "three blocks": (rows(made(BLOCKS)),),
        "languages": (rows(made(["de"] * 80 + ["fr"] * 80, "lang")),),
        "numbers of sources": (rows(made([0] * 80 + [1] * 80, "dataSource")),),
        "evaluation from elsewhere": (rows(made(MIXED), evaluation=made(["mail"] * 20)),),
        "one source": (rows(made(["wiki"] * 100)),),
    }
    nearly = {
        "mixed": (rows(made(MIXED)),),
        "few rows": (rows(made(["wiki"] * 20 + ["forum"] * 20)),),
        "evaluation with fewer sources": (rows(made(MIXED), evaluation=made(["wiki"] * 20)),),
    }
    clean = {"two sources in turn": (rows(made(["wiki", "forum"] * 60)),)}

    def test_severity(self) -> None:
        """A source that training lacks is a warning, one source alone hardly more than a note."""
        found = {name: self._outcomes(case).findings[0] for name, case in self.faulty.items()}
        assert found["three blocks"].severity is Severity.INFO
        assert found["evaluation from elsewhere"].severity is Severity.WARNING
        assert found["one source"].confidence is Confidence.LOW

    def test_other_columns_are_no_sources(self) -> None:
        """Ids, addresses and data without such a column are not applicable."""
        for subject in (
            dataset(["a", "b"], ["x", "y"]),
            rows(made([f"s{at}" for at in range(100)])),
            rows(made(BLOCKS, "source_url")),
            rows(made(BLOCKS, "quality")),
        ):
            assert run_check(sources_not_mixed, (subject,)).not_applicable
