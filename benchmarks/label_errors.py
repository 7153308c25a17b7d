"""How well wrong labels are found, and whether the stated share of false alarms is true.

    python benchmarks/label_errors.py DATA_FOLDER [--model FOLDER]

Sets with known truth, with the probabilities that come with them: CIFAR-10N (all rows), and the
test sets of IMDB and 20 newsgroups, where people looked at the rows that confident learning had
flagged and at no others. On those two, precision, recall and F1 count only the rows looked at.

Made noise: labels of banking77 and of clinc150's small set are changed in four ways, and
probabilities come from cross-validation on TF-IDF and, with --model, on that model's embeddings.

- random: a share of the rows gets any other label.
- confusable: a tenth of the rows gets the label that its class is most often taken for.
- one way: a tenth of the classes lose a fifth of their rows to that label.
- ambiguous: a tenth of the rows, where a model of the right labels hesitates most, gets the label
  that comes second there.

Compared are cleanlab's default (where cleanlab is installed), the rule "the model's first choice is
another label", and Tunewell's. "Best cut" is the highest F1 that any cut of Tunewell's ranking has,
which takes the truth to find.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import importlib.util
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tunewell.facts.labels.out_of_fold import out_of_fold, with_features
from tunewell.stats.label_noise import label_errors
from tunewell.subjects.dataset import Dataset, Source, Split
from tunewell.subjects.out_of_fold import OutOfFold

RESULT = Path(__file__).parent / "results" / "label_errors.md"
MAJORITY = 3
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Case:
    """Probabilities and labels of n rows, which are wrong, and which of them count."""

    name: str
    probabilities: Floats
    given: Ints
    wrong: Mask
    counted: Mask


@dataclass(frozen=True)
class Score:
    """What a rule flagged among the rows that count."""

    precision: float
    recall: float
    f1: float
    flagged: int
    seconds: float


def main() -> None:
    """Print the tables and write them down."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", type=Path)
    given = parser.parse_args()
    names = ["cleanlab default"] if importlib.util.find_spec("cleanlab") else []
    names += ["argmax differs", "Tunewell"]
    heads = [f"{name} P / R / F1 (rows)" for name in names]
    columns = [
        "set",
        "rows, wrong",
        *heads,
        "best cut",
        "false alarms stated",
        "true",
        "wrong stated",
        "seconds: " + ", ".join(names),
    ]
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    print("\n".join(lines), flush=True)
    for case in cases(given.data, given.model):
        lines.append(row(case, names))
        print(lines[-1], flush=True)
    title = "# Wrong labels: what is found, and what is said of it"
    command = "python benchmarks/label_errors.py DATA_FOLDER"
    command += " --model FOLDER (all-MiniLM-L6-v2)" if given.model else ""
    told = (__doc__ or "").partition("DATA_FOLDER [--model FOLDER]")[2].strip()
    parts = (title, f"`{command}`", told, "\n".join(lines))
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def row(case: Case, names: list[str]) -> str:
    """One line of the table."""
    began = time.perf_counter()
    found = label_errors(case.probabilities, case.given)
    scores = {"Tunewell": score(case, found.flagged, began)}
    began = time.perf_counter()
    differs = case.probabilities.argmax(axis=1) != case.given
    scores["argmax differs"] = score(case, differs, began)
    if "cleanlab default" in names:
        scores["cleanlab default"] = cleanlab(case)
    hits = np.cumsum(case.wrong[found.order[case.counted[found.order]]])
    best = 2 * hits / (np.arange(1, len(hits) + 1) + max(1, hits[-1]))
    false, wrong = found.false_discovery, found.wrong
    cells = [
        case.name,
        f"{int(case.counted.sum()):,}, {int(case.wrong.sum()):,}",
        *(
            f"{one.precision:.3f} / {one.recall:.3f} / **{one.f1:.4f}** ({one.flagged:,})"
            for one in (scores[name] for name in names)
        ),
        f"{best.max():.4f}",
        f"{false.value:.2f} ({false.low:.2f} to {false.high:.2f})",
        f"{1 - scores['Tunewell'].precision:.2f}",
        f"{100 * wrong.value:.1f} % ({100 * wrong.low:.1f} to {100 * wrong.high:.1f})",
        ", ".join(f"{scores[name].seconds:.2f}" for name in names),
    ]
    return "| " + " | ".join(cells) + " |"


def score(case: Case, flagged: Mask, began: float) -> Score:
    """Precision, recall and F1 among the rows that count; `flagged` counts all rows."""
    seconds = time.perf_counter() - began
    judged = flagged & case.counted
    hits = int((judged & case.wrong).sum())
    precision = hits / max(1, int(judged.sum()))
    recall = hits / max(1, int(case.wrong.sum()))
    f1 = 2 * hits / max(1, int(judged.sum() + case.wrong.sum()))
    return Score(precision, recall, f1, int(flagged.sum()), seconds)


def cleanlab(case: Case) -> Score:
    """The yardstick's find_label_issues with its defaults."""
    from cleanlab.filter import find_label_issues  # noqa: PLC0415  a yardstick, not a dependency

    whole = np.maximum(case.probabilities.astype(np.float64), 1e-12)
    whole /= whole.sum(axis=1, keepdims=True)
    began = time.perf_counter()
    flagged = find_label_issues(case.given, whole, n_jobs=1)
    return score(case, flagged, began)


def cases(data: Path, model: Path | None) -> Iterator[Case]:
    """Every set, those with known truth first."""
    yield cifar(data / "cifar10n_pred_probs")
    for name in ("imdb", "20news"):
        yield looked_at(data / "label_errors_mturk", name)
    for name, (texts, labels) in {
        "banking77": banking77(data / "banking77"),
        "clinc150 small": clinc150(data / "clinc150"),
    }.items():
        yield from planted(name, texts, labels, model)


def cifar(folder: Path) -> Case:
    """Labels by people beside CIFAR-10's own."""
    with np.load(folder / "aggregate_resnet18.npz") as file:
        given, true = file["given"].astype(np.int64), file["true"].astype(np.int64)
        chances = file["pred_probs"]
    return Case("CIFAR-10N aggregate", chances, given, given != true, np.ones(len(given), bool))


def looked_at(folder: Path, name: str) -> Case:
    """Test labels of which some were judged by five people each."""
    chances = np.load(folder / f"{name}_test_set_pyx.npy")
    given = np.load(folder / f"{name}_test_set_original_labels.npy").astype(np.int64)
    verdicts = json.loads((folder / f"{name}_mturk.json").read_text(encoding="utf-8"))
    place = {verdict["id"]: verdict["id"] for verdict in verdicts}
    if name == "imdb":
        listed = folder / "imdb_test_set_index_to_filename.json.gz"
        with gzip.open(listed, "rt", encoding="utf-8") as file:
            files = json.load(file)
        order = files if isinstance(files, list) else [files[key] for key in sorted(files, key=int)]
        at = {file.removesuffix(".txt").removeprefix("test/"): n for n, file in enumerate(order)}
        place = {one: at[one.removeprefix("test/")] for one in place}
    wrong, counted = np.zeros(len(given), bool), np.zeros(len(given), bool)
    for verdict in verdicts:
        row = place[verdict["id"]]
        counted[row] = True
        wrong[row] = verdict["mturk"]["given"] < MAJORITY
    title = {"imdb": "IMDB test, rows looked at", "20news": "20news test, rows looked at"}[name]
    return Case(title, chances, given, wrong, counted)


def banking77(folder: Path) -> tuple[list[str], list[str]]:
    """Texts and intents of the training file."""
    with (folder / "train.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row["text"] for row in rows], [row["category"] for row in rows]


def clinc150(folder: Path) -> tuple[list[str], list[str]]:
    """Texts and intents of the small training set."""
    with gzip.open(folder / "data_small.json.gz", "rt", encoding="utf-8") as file:
        rows = json.load(file)["train"]
    return [row[0] for row in rows], [row[1] for row in rows]


def planted(name: str, texts: list[str], labels: list[str], model: Path | None) -> Iterator[Case]:
    """The data as it is, and with noise of four kinds."""
    vectors = embedded(model, texts) if model is not None else None
    plain = dataset(texts, labels)
    first = out_of_fold(plain)
    right = first.given
    names = np.array(first.classes)
    noisy = {
        "as it is": right,
        "random 5 %": random_noise(right, len(names), 0.05),
        "random 20 %": random_noise(right, len(names), 0.2),
        "confusable 10 %": to_nearest(first, np.arange(len(names)), 0.1),
        "one way": to_nearest(first, chosen_classes(len(names)), 0.2),
        "ambiguous 10 %": ambiguous(first, 0.1),
    }
    everything = np.ones(len(right), bool)
    for kind, changed in noisy.items():
        data = dataset(texts, names[changed].tolist())
        found = first if kind == "as it is" else out_of_fold(data)
        by = {"TF-IDF": found}
        if vectors is not None:
            by["embeddings"] = with_features(data, vectors, "embeddings")
        for features, one in by.items():
            # A class may lose so many rows that it is judged no more: ids are by name.
            given = np.searchsorted(names, np.array(one.classes)[one.given])
            if len(given) != len(right) or one.classes != first.classes:
                sys.exit(f"{name}, {kind}: not every row was judged")
            yield Case(
                f"{name}, {kind}, {features}", one.probabilities, given, given != right, everything
            )


def dataset(texts: list[str], labels: list[str]) -> Dataset:
    """Rows as if read from a file."""
    source = Source(Path("made.csv"), "csv", "text", "label", ("text", "label"), "made")
    return Dataset(Split("train", texts, labels, range(2, len(texts) + 2), source))


def embedded(model: Path, texts: list[str]) -> NDArray[np.float32]:
    """Mean-pooled embeddings of unit length."""
    from tunewell.train.inference import embed  # noqa: PLC0415  imports torch

    vectors = embed(model, texts)
    unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def random_noise(right: Ints, classes: int, rate: float) -> Ints:
    """A share of the rows gets any other label."""
    rng = np.random.default_rng(1)
    other = (right + rng.integers(1, classes, len(right))) % classes
    return np.where(rng.random(len(right)) < rate, other, right)


def chosen_classes(classes: int) -> Ints:
    """A tenth of the classes."""
    return np.random.default_rng(2).choice(classes, classes // 10, replace=False)


def to_nearest(found: OutOfFold, sources: Ints, rate: float) -> Ints:
    """A share of the rows of some classes gets the label that the class is most taken for."""
    classes = len(found.classes)
    taken_for = np.zeros((classes, classes))
    np.add.at(taken_for, found.given, found.probabilities)
    np.fill_diagonal(taken_for, 0)
    nearest = taken_for.argmax(axis=1)
    moved = np.random.default_rng(3).random(len(found)) < rate
    moved &= np.isin(found.given, sources)
    return np.where(moved, nearest[found.given], found.given)


def ambiguous(found: OutOfFold, rate: float) -> Ints:
    """Rows get their second label with a chance that rises with the square of its probability."""
    rows = np.arange(len(found))
    others = found.probabilities.copy()
    own = others[rows, found.given].copy()
    others[rows, found.given] = -1
    second = others.argmax(axis=1)
    doubt = (others[rows, second] / (others[rows, second] + own)) ** 2
    chance = np.minimum(0.9, rate * doubt / doubt.mean())
    return np.where(np.random.default_rng(4).random(len(rows)) < chance, second, found.given)


if __name__ == "__main__":
    main()
