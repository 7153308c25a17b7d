"""DAT052 preferred-by-length."""

import numpy as np

from tunewell.checks.data.preferred_by_length import preferred_by_length
from tunewell.subjects.dataset import Dataset
from tunewell.testing import CheckCases, rows


def pairs(number: int, effect: float, *, seed: int = 0, shared: float = 0.0) -> Dataset:
    """Pairs with log lengths that are `effect` standard deviations apart.

    `shared` is the correlation of the two lengths of a pair.
    """
    rng = np.random.default_rng(seed)
    topic = rng.normal(size=number) * np.sqrt(shared)
    own = rng.normal(size=(2, number)) * np.sqrt(1 - shared)
    logs = 4.5 + 0.6 * (topic + own + [[effect], [0.0]])
    sizes = np.exp(logs).astype(int)
    return rows(
        [
            {"prompt": f"question {at}", "chosen": "y" * one, "rejected": "n" * other}
            for at, (one, other) in enumerate(sizes.T.tolist())
        ]
    )


class TestPreferredByLength(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = preferred_by_length
    faulty = {
        "longer": (pairs(400, 0.9),),
        "shorter": (pairs(400, -0.9),),
        "a little longer each time": (pairs(400, 0.3, shared=0.95),),
    }
    nearly = {
        "an effect just under the bound": (pairs(2000, 0.4),),
        "strong by chance in few pairs": (pairs(12, 0.6),),
        "as HH-RLHF": (pairs(2000, -0.2),),
    }
    clean = {"the same lengths": (pairs(1000, 0.0),)}

    def test_no_alarm_without_an_effect(self) -> None:
        """Over 100 small sets of equal lengths it never speaks."""
        for seed in range(100):
            assert not self._outcomes((pairs(15, 0.0, seed=seed),)).findings

    def test_constant_lengths(self) -> None:
        """Lengths without any spread are an effect without bound."""
        same = [{"prompt": f"q{at}", "chosen": "a" * 9, "rejected": "b" * 4} for at in range(40)]
        assert self._outcomes((rows(same),)).findings
