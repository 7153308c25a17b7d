"""How well weak slices that were planted are found, and how often one is found in nothing.

    python benchmarks/slices.py CLINC150_FOLDER [SETTINGS]

150 intents are grouped into 10 domains, and a TF-IDF and logistic regression model learns the
domains. The slice is one intent: *rare* keeps 2 % of its training rows, *noisy* moves 80 % of them
to one other domain. Precision at 10 is the share of the first 10 rows of a found slice that are of
that intent, the best of the first 5 slices; a slice counts as found from 0.8 on. Then errors are
spread over the same rows at random: every confirmed slice is a false one.
"""

from __future__ import annotations

import gzip
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from tunewell.facts.slices import SHOWN_FIRST, rank_slices, weak_slices
from tunewell.subjects.evaluation import Evaluation

RESULTS = Path(__file__).parent / "results" / "slices.json"
FOUND = 0.8
RANDOM_TRIALS = 200


def main(folder: Path, settings: int) -> None:
    """Run every setting, print and keep the figures."""
    with gzip.open(folder / "data_full.json.gz", "rt", encoding="utf-8") as file:
        data = json.load(file)
    domains = json.loads((folder / "domains.json").read_text(encoding="utf-8"))
    domain_of = {intent: name for name, intents in domains.items() for intent in intents}
    train, judged = data["train"], data["val"] + data["test"]
    vectors = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    learned = vectors.fit_transform([text for text, _ in train])
    seen = vectors.transform([text for text, _ in judged])
    names = tuple(sorted(domains))
    ids = {name: number for number, name in enumerate(names)}
    intents = np.array([intent for _, intent in train])
    labels = np.array([ids[domain_of[intent]] for intent in intents])
    given = np.array([ids[domain_of[intent]] for _, intent in judged])
    judged_intents = np.array([intent for _, intent in judged])
    texts = tuple(text for text, _ in judged)

    def trained(rows: Any, targets: Any) -> Evaluation:  # noqa: ANN401  sparse matrices
        model = LogisticRegression(C=10, tol=1e-3).fit(rows, targets)
        return Evaluation("clinc150", names, given, model.predict(seen), texts=texts)

    rng = np.random.default_rng(0)
    figures: dict[str, dict[str, float]] = {}
    for kind in ("rare", "noisy"):
        precision, confirmed, slice_error, error, seconds = [], [], [], [], []
        for intent in rng.choice(sorted(domain_of), size=settings, replace=False):
            members = np.flatnonzero(intents == intent)
            keep, targets = np.ones(len(train), dtype=bool), labels.copy()
            if kind == "rare":
                keep[members[2 * len(members) // 100 :]] = False
            else:
                moved = rng.choice(members, size=8 * len(members) // 10, replace=False)
                targets[moved] = (labels[members[0]] + rng.integers(1, 10)) % 10
            evaluation = trained(learned[keep], targets[keep])
            began = time.perf_counter()
            found = rank_slices(evaluation, limit=5)
            seconds.append(time.perf_counter() - began)
            precision.append(_best(found, judged_intents, intent))
            confirmed.append(_best(weak_slices(evaluation)[:5], judged_intents, intent))
            slice_error.append(float(np.mean(~evaluation.correct[judged_intents == intent])))
            error.append(float(np.mean(~evaluation.correct)))
        figures[kind] = {
            "settings": settings,
            "precision_at_10": round(float(np.mean(precision)), 3),
            "found": round(float(np.mean(np.array(precision) >= FOUND)), 3),
            "precision_at_10_confirmed": round(float(np.mean(confirmed)), 3),
            "found_confirmed": round(float(np.mean(np.array(confirmed) >= FOUND)), 3),
            "slice_error": round(float(np.mean(slice_error)), 3),
            "overall_error": round(float(np.mean(error)), 3),
            "seconds": round(float(np.mean(seconds)), 3),
        }
        print(kind, figures[kind], flush=True)
    figures["random_errors"] = _random(given, texts, names)
    print("random errors", figures["random_errors"])
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def _best(found: Any, intents: Any, intent: str) -> float:  # noqa: ANN401  arrays of numpy
    shares = [float(np.mean(intents[one.rows[:SHOWN_FIRST]] == intent)) for one in found]
    return max(shares, default=0.0)


def _random(given: Any, texts: tuple[str, ...], names: tuple[str, ...]) -> dict[str, float]:  # noqa: ANN401
    rng = np.random.default_rng(1)
    slices, evaluations = 0, 0
    for _ in range(RANDOM_TRIALS):
        wrong = rng.random(len(given)) < 0.06  # noqa: PLR2004  a usual share of errors
        predicted = np.where(wrong, (given + rng.integers(1, 10, len(given))) % 10, given)
        found = weak_slices(Evaluation("random", names, given, predicted, texts=texts))
        slices += len(found)
        evaluations += bool(found)
    return {
        "trials": RANDOM_TRIALS,
        "trials_with_a_false_slice": evaluations,
        "false_slices": slices,
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 30)  # noqa: PLR2004
