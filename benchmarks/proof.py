"""How often a matched experiment is right, by simulation.

    python benchmarks/proof.py [TRIALS]

10 classes, 500 rows of unequal difficulty at 83 % accuracy, each training with its own noise on
each row and a luck of the whole model with the given standard deviation in points. Prints the
share of experiments called "better" where the change does nothing and where it gains 3 and 6
points, with alpha 0.05, and the same for McNemar's test over one seed's rows, which
knows nothing of seeds.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tunewell.core.proof import Verdict
from tunewell.proof.compare import compare
from tunewell.proof.experiment import prove
from tunewell.subjects.evaluation import Evaluation

RESULTS = Path(__file__).parent / "results" / "proof.json"
CLASSES = 10
ROWS = 500
NAMES = tuple(str(number) for number in range(CLASSES))
POINTS_PER_UNIT = 0.107
"""Accuracy gained by one unit of skill where rows' skill is normal (2.2, 1.5)."""


def world(
    rng: np.random.Generator, rows: int, gain: float, spread: float
) -> tuple[Callable[[int], Evaluation], Callable[[int], Evaluation]]:
    """Control and change that gains `gain` in accuracy."""
    skill = rng.normal(2.2, 1.5, rows)
    given = rng.integers(0, CLASSES, rows)

    def arm(better: float) -> Callable[[int], Evaluation]:
        def train(_seed: int) -> Evaluation:
            luck = rng.normal(0, spread / POINTS_PER_UNIT)
            right = rng.random(rows) < 1 / (1 + np.exp(-(skill + better / POINTS_PER_UNIT + luck)))
            predicted = np.where(right, given, (given + 1) % CLASSES)
            return Evaluation("eval", NAMES, given, predicted)

        return train

    return arm(0.0), arm(gain)


def main(trials: int) -> None:
    """Print and keep the figures."""
    figures = []
    for seeds in (1, 2, 3, 5):
        for spread in (0.0, 0.01, 0.015, 0.02, 0.03):
            line: dict[str, float] = {"rows": ROWS, "seeds": seeds, "spread": spread}
            for gain in (0.0, 0.03, 0.06):
                rng = np.random.default_rng(ROWS + seeds)
                verdicts: Counter[Verdict] = Counter()
                naive = used = 0
                for _ in range(trials):
                    control, change = world(rng, ROWS, gain, spread)
                    proof = prove(control, change, title="t", seeds=range(seeds))
                    verdicts[proof.verdict] += 1
                    used += len(proof.seeds)
                    if gain == 0:
                        alone = compare(control(0), change(0), title="t")
                        naive += alone.verdict is Verdict.BETTER
                line[f"better_at_{100 * gain:.0f}"] = verdicts[Verdict.BETTER] / trials
                line[f"seeds_used_at_{100 * gain:.0f}"] = used / trials
                if gain == 0:
                    line["worse_at_0"] = verdicts[Verdict.WORSE] / trials
                    line["mcnemar_better_at_0"] = naive / trials
            figures.append(line)
            print(line, flush=True)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"trials": trials, "runs": figures}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 600)
