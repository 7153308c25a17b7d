"""`tunewell compare` on runs and on predictions."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.conftest import Run

import tunewell as package
from tunewell.core.document import Document
from tunewell.core.errors import InputError

RUNS = Path(__file__).parents[1] / "fixtures" / "runs"
SEEDS = (RUNS / "undecided" / "standard", RUNS / "healthy" / "seed-1", RUNS / "undecided/seed-2")
COSINE = RUNS / "undecided" / "cosine"


def test_three_seeds_give_their_spread(tunewell: Run) -> None:
    ended = tunewell("compare", *SEEDS)
    assert ended.status == 0
    assert "3 runs of the same settings gave eval_loss" in ended.out
    assert "is no progress" in " ".join(ended.out.split())
    assert max(map(len, ended.out.splitlines())) <= 80


def test_one_more_run_is_compared_with_them(tunewell: Run, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    ended = tunewell("compare", *SEEDS, COSINE, "--output-format", "json", "-o", page)
    document = Document.from_json(ended.out)
    assert [finding.code for finding in document.findings] == ["MET050"]
    assert document.facts["configurations"] == 2
    text = page.read_text(encoding="utf-8")
    assert text.count('class="curve"') == 3
    assert "lr_scheduler_type" in text


def test_two_runs_without_predictions_are_not_ranked(tunewell: Run) -> None:
    ended = tunewell("compare", SEEDS[0], COSINE)
    assert ended.status == 0
    assert "Which is better cannot be told" in ended.out


def test_two_prediction_files_are_compared_on_the_same_rows(tunewell: Run, tmp_path: Path) -> None:
    for name, right in (("old", 0), ("new", 1)):
        rows = "".join(f"text {n},{'ab'[n % 2]},{'ab'[n % 2 * right]}\n" for n in range(40))
        (tmp_path / f"{name}.csv").write_text(f"text,label,prediction\n{rows}", encoding="utf-8")
    ended = tunewell("compare", tmp_path / "old.csv", tmp_path / "new.csv")
    assert "on the same 40 rows" in ended.out


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        ((SEEDS[0],), "holds 1 run; a comparison takes two or more"),
        ((SEEDS[0], RUNS / "nothing"), "no such file or folder"),
        ((SEEDS[0], RUNS / "README.md"), "holds no run that can be read"),
    ],
)
def test_what_cannot_be_compared_gets_a_sentence(
    tunewell: Run, paths: tuple[Path, ...], said: str
) -> None:
    ended = tunewell("compare", *paths)
    assert ended.status == 2
    assert said in " ".join(ended.err.split())
    assert "Traceback" not in ended.err


def test_the_library_compares_any_number_of_paths() -> None:
    """As the command does."""
    assert package.compare(*SEEDS, metric="eval_loss").facts["metric"] == "eval_loss"
    with pytest.raises(InputError, match="nothing to compare"):
        package.compare()
