"""`compare` of runs: grouping, settings that differ, and what is said of the difference."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from tunewell.api.compare import compare_paths
from tunewell.core.document import Document, Section
from tunewell.core.errors import InputError
from tunewell.core.finding import Series, Table
from tunewell.facts.run_groups import differing, grouped
from tunewell.subjects.trace import Trace
from tunewell.testing import trace

RUNS = Path(__file__).parents[1] / "fixtures" / "runs"
STANDARD, TWO = RUNS / "undecided" / "standard", RUNS / "undecided" / "seed-2"
ONE, COSINE = RUNS / "healthy" / "seed-1", RUNS / "undecided" / "cosine"


def section(document: Document, name: str) -> Section:
    """A section by its id."""
    return next(part for part in document.sections if part.id == name)


def table(document: Document, name: str) -> Table:
    """The table of a section."""
    (found,) = section(document, name).evidence
    assert isinstance(found, Table)
    return found


def trace_of(settings: dict[str, object]) -> Trace:
    """A run with these settings."""
    return dataclasses.replace(trace(eval_loss=[0.5, 0.4]), settings=settings)


@pytest.fixture
def seeds(tmp_path: Path) -> list[Path]:
    """Three real runs of one configuration that differ in their seed."""
    made = [tmp_path / f"run-{seed}" for seed in range(3)]
    for source, target in zip((STANDARD, ONE, TWO), made, strict=True):
        shutil.copytree(source, target)
    return made


def test_runs_of_one_configuration_give_their_spread(seeds: list[Path]) -> None:
    """By the metric that they choose by, with the gain that would be progress."""
    document = compare_paths(seeds)
    assert document.verdict.startswith("3 runs of the same settings gave eval_loss")
    assert "is no progress" in document.verdict
    assert [finding.code for finding in document.findings] == ["MET050"]
    assert [row[2] for row in table(document, "scores").rows] == ["0", "1", "2"]
    assert document.facts["configurations"] == 1
    assert not [part for part in document.sections if part.id in {"settings", "differences"}]
    assert Document.from_json(document.to_json()) == document


def test_the_first_configuration_is_compared_with_each_other_one(seeds: list[Path]) -> None:
    """One run of another schedule against three seeds: their scatter is taken for it too."""
    document = compare_paths([*seeds, COSINE])
    (row,) = table(document, "differences").rows
    assert row[0] == "B - A"
    assert row[1] == "3 and 1"
    assert table(document, "settings").rows == (("lr_scheduler_type", "linear", "cosine"),)


def test_single_runs_are_not_ranked() -> None:
    """Two configurations with a run each: it says what is not known, and what to do."""
    document = compare_paths([STANDARD, COSINE])
    assert document.verdict.startswith("Which is better cannot be told: each configuration has one")
    assert "Train each with 3 seeds or more" in document.verdict
    (row,) = table(document, "differences").rows
    assert row[3] == "not known"
    assert not document.findings


def test_settings_that_are_told_twice_stand_first() -> None:
    """A value that one log tells and the other leaves out need not be another."""
    told = [
        ("a", trace_of({"adam_beta1": 0.9, "learning_rate": 1e-4, "warmup_steps": 3})),
        ("b", trace_of({"learning_rate": 3e-4})),
    ]
    names = [name for name, _ in differing(grouped(told))]
    assert names == ["learning_rate", "adam_beta1", "warmup_steps"]


def test_curves_lie_over_each_other(seeds: list[Path]) -> None:
    """A series a run of each metric, with the run's name."""
    document = compare_paths([*seeds, COSINE])
    curves = [item for item in section(document, "overlaid").evidence if isinstance(item, Series)]
    assert {curve.of for curve in curves} == {"A, seed 0", "A, seed 1", "A, seed 2", "B"}
    assert {curve.name for curve in curves} == {"eval_loss", "loss", "learning_rate"}


def test_one_folder_holds_several_runs(seeds: list[Path]) -> None:
    """The newest run of each folder in it, by the names of the folders."""
    together = compare_paths([seeds[0].parent])
    assert [row[1] for row in table(together, "scores").rows] == ["run-0", "run-1", "run-2"]
    assert together.verdict == compare_paths(seeds).verdict


def test_a_metric_can_be_named(seeds: list[Path]) -> None:
    """With or without `eval_`; one that is not there gets a sentence with those that are."""
    document = compare_paths(seeds, metric="accuracy")
    assert document.facts["metric"] == "eval_accuracy"
    assert "more is better" in section(document, "scores").text
    with pytest.raises(InputError, match=r"no metric 'bleu' in common; they have .*eval_loss"):
        compare_paths(seeds, metric="bleu")


def test_runs_that_repeat_a_seed_tell_nothing_of_scatter(seeds: list[Path]) -> None:
    """The same log three times has one score."""
    copies = [seeds[0]]
    for name in ("again", "and-again"):
        shutil.copytree(seeds[0], seeds[0].parent / name)
        copies.append(seeds[0].parent / name)
    document = compare_paths(copies)
    assert "same settings and the same seed" in document.verdict
    assert "2 runs repeat the seed of another" in section(document, "scores").text
    shown = {s.of for s in section(document, "overlaid").evidence if isinstance(s, Series)}
    assert shown == {f"A, {name}" for name in ("run-0", "again", "and-again")}
    assert not document.findings


def test_a_log_that_does_not_say_its_settings_is_not_grouped(tmp_path: Path) -> None:
    """Equal step counts do not make equal settings; --same-settings says that they are."""
    source = RUNS / "faulty" / "language-cosine" / "trainer_state.json"
    paths = []
    for number, moved in enumerate((0.0, 0.03)):
        state = json.loads(source.read_text(encoding="utf-8"))
        for entry in state["log_history"]:
            if "eval_loss" in entry:
                entry["eval_loss"] += moved
        folder = tmp_path / f"state-{number}"
        folder.mkdir()
        (folder / "trainer_state.json").write_text(json.dumps(state), encoding="utf-8")
        paths.append(folder)
    document = compare_paths(paths)
    assert document.facts["configurations"] == 2
    assert "do not say all settings" in section(document, "scores").text
    assert "cannot be told" in document.verdict
    told = compare_paths(paths, same_settings=True)
    assert told.facts["configurations"] == 1
    assert told.verdict.startswith("2 runs of the same settings gave eval_loss")


def test_predictions_and_runs_do_not_mix(tmp_path: Path, seeds: list[Path]) -> None:
    """A sentence that says what is compared with what."""
    file = tmp_path / "predictions.csv"
    file.write_text("text,label,prediction\na,x,x\n", encoding="utf-8")
    with pytest.raises(InputError, match="two prediction files are compared alone"):
        compare_paths([seeds[0], file])
    with pytest.raises(InputError, match="no such file"):
        compare_paths([seeds[0], tmp_path / "nothing"])
    with pytest.raises(InputError, match="holds 1 run; a comparison takes two"):
        compare_paths([seeds[0]])
