"""DAT121 preference-cut-to-its-beginning."""

from pathlib import Path

import pytest
from tests.preflight import other_tasks as tasks
from tests.preflight import tiny
from tests.preflight.looks import Live, Thing

from tunewell.checks.data.preference_cut_to_its_beginning import preference_cut_to_its_beginning
from tunewell.core.finding import Severity
from tunewell.preflight import collate
from tunewell.testing import CheckCases, run_check

LONG = " ".join(tiny.WORDS)


def shared_beginning(count: int) -> list[dict[str, str]]:
    """Preferences of which so many share a long beginning of their answers."""
    rows = tasks.pairs()
    for row in rows[:count]:
        row["chosen"], row["rejected"] = f" {LONG} {row['chosen']}", f" {LONG} {row['rejected']}"
    return rows


def equal_before(out: Path) -> Thing:
    rows = tasks.pairs()
    for row in rows:
        row["rejected"] = row["chosen"]
    return tasks.dpo(out, rows=rows)


@pytest.mark.reproduces("R03")
class TestPreferenceCutToItsBeginning(CheckCases):
    """Real DPO batches, cut by TRL's collator."""

    check = preference_cut_to_its_beginning
    faulty = Live(
        collate.PROBE,
        all_cut=lambda out: tasks.dpo(out, rows=shared_beginning(24), max_length=30),
        some_cut=lambda out: tasks.dpo(out, rows=shared_beginning(6), max_length=30),
    )
    nearly = Live(
        collate.PROBE,
        long_enough=lambda out: tasks.dpo(out, rows=shared_beginning(24), max_length=100),
        equal_before_they_are_cut=equal_before,
    )
    clean = Live(collate.PROBE, healthy=tasks.dpo, reward=tasks.reward)

    def test_most_pairs_are_an_error(self) -> None:
        """A few are a warning."""
        found = [
            run_check(preference_cut_to_its_beginning, case).findings[0].severity
            for case in self.faulty.values()
        ]
        assert found == [Severity.ERROR, Severity.WARNING]
