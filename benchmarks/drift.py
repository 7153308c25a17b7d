"""False alarms and power of the drift test on real and on made data.

    python benchmarks/drift.py DATA_FOLDER [--model FOLDER] [--repetitions N]

DATA_FOLDER holds clinc150/ and banking77/ (the published files). Three questions
are asked at 50, 200 and 500 rows a side, alpha 0.05:

- no shift: two random parts of the same data; alarms should come 5 times in 100.
- a shift: an eighth of the new rows come from intents (BANKING77: an eighth of the 77) or from a
  domain (CLINC150: one of the ten) that the current rows do not have.
- the bench on which other tools were measured: 384-dimensional unit vectors from a latent of 32, of
  which one is moved by a standard deviation.

Texts are compared by weighted character n-grams and, with --model, by that model's embeddings.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tunewell.adapt.drift import embeddings
from tunewell.facts.sampling.text_features import ngram_features
from tunewell.stats.two_sample import mmd_test

RESULT = Path(__file__).parent / "results" / "drift.json"
SIZES = (50, 200, 500)
ALPHA = 0.05
FOREIGN = 8
PERMUTATIONS = 199
Features = Callable[[list[str]], NDArray[np.float32]]


def main() -> None:
    """Print and write the rates."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--repetitions", type=int, default=100)
    given = parser.parse_args()
    report: dict[str, object] = {"alpha": ALPHA, "repetitions": given.repetitions}
    report["made vectors"] = made(given.repetitions)
    model = given.model
    by: dict[str, Features] = {"character n-grams": ngram_features}
    if model is not None:
        by[f"embeddings of {model.name}"] = lambda texts: embeddings(model, texts)
    for name, read in (("banking77", banking77), ("clinc150", clinc150)):
        texts, labels = read(given.data)
        for kind, features in by.items():
            report[f"{name}, {kind}"] = real(texts, labels, features, given.repetitions)
            save(report)


def save(report: dict[str, object]) -> None:
    """Print and write what is known so far."""
    print(json.dumps(report, indent=1), flush=True)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(report, indent=1) + "\n")


def banking77(folder: Path) -> tuple[list[str], list[str]]:
    """Texts and intents of the training file."""
    with (folder / "banking77" / "train.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row["text"] for row in rows], [row["category"] for row in rows]


def clinc150(folder: Path) -> tuple[list[str], list[str]]:
    """Texts and domains of the training part."""
    domains = json.loads((folder / "clinc150" / "domains.json").read_text(encoding="utf-8"))
    of = {intent: domain for domain, intents in domains.items() for intent in intents}
    with gzip.open(folder / "clinc150" / "data_full.json.gz", "rt", encoding="utf-8") as file:
        rows = json.load(file)["train"]
    return [row[0] for row in rows], [of[row[1]] for row in rows]


def real(
    texts: list[str], labels: list[str], features: Features, repetitions: int
) -> dict[str, object]:
    """Rates on real texts. Features are made once, from all rows that are drawn from."""
    rng = np.random.default_rng(0)
    chosen = rng.choice(len(texts), min(3000, len(texts)), replace=False)
    vectors = features([texts[row] for row in chosen])
    held = np.array([labels[row] for row in chosen])
    names = np.unique(held)
    found: dict[str, object] = {}
    for size in SIZES:
        alarms = shifts = 0
        began = time.perf_counter()
        for repetition in range(repetitions):
            order = rng.permutation(len(chosen))
            alarms += alarm(vectors[order[:size]], vectors[order[size : 2 * size]], repetition)
            foreign = np.isin(held, rng.choice(names, len(names) // FOREIGN, replace=False))
            inside = rng.permutation(np.flatnonzero(~foreign))
            outside = rng.permutation(np.flatnonzero(foreign))[: size // FOREIGN]
            new = np.concatenate([inside[size : 2 * size - len(outside)], outside])
            shifts += alarm(vectors[inside[:size]], vectors[new], repetition)
        found[str(size)] = {
            "false alarms": alarms / repetitions,
            "power": shifts / repetitions,
            "seconds a test": round((time.perf_counter() - began) / (2 * repetitions), 3),
        }
    return found


def made(repetitions: int) -> dict[str, object]:
    """Rates on the made vectors."""
    rng = np.random.default_rng(1)
    projection = rng.normal(size=(32, 384)) / np.sqrt(32)

    def vectors(rows: int, shift: float) -> NDArray[np.float32]:
        latent = rng.normal(size=(rows, 32))
        latent[:, 0] += shift
        raw = latent @ projection
        return np.asarray(raw / np.linalg.norm(raw, axis=1, keepdims=True), dtype=np.float32)

    return {
        str(size): {
            "false alarms": sum(
                alarm(vectors(size, 0.0), vectors(size, 0.0), n) for n in range(repetitions)
            )
            / repetitions,
            "power": sum(
                alarm(vectors(size, 0.0), vectors(size, 1.0), n) for n in range(repetitions)
            )
            / repetitions,
        }
        for size in SIZES
    }


def alarm(first: NDArray[np.float32], second: NDArray[np.float32], seed: int) -> bool:
    """Whether the test at alpha says that the rows moved."""
    return mmd_test(first, second, permutations=PERMUTATIONS, seed=seed).p_value <= ALPHA


if __name__ == "__main__":
    main()
