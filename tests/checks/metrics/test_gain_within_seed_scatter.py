"""MET050 gain-within-seed-scatter."""

from collections.abc import Sequence
from types import MappingProxyType

from tunewell.checks.metrics.gain_within_seed_scatter import gain_within_seed_scatter
from tunewell.core.finding import Severity
from tunewell.facts.run_groups import grouped
from tunewell.subjects.runs import Runs
from tunewell.subjects.trace import Trace
from tunewell.testing import CheckCases, run_check, trace

FIVE = (0.812, 0.842, 0.856, 0.823, 0.838)


def run(score: float, seed: int, **settings: object) -> Trace:
    """A run with three evaluations."""
    told = {"learning_rate": 2e-5, "seed": seed, **settings}
    made = trace(eval_accuracy={10: 0.5, 20: score - 0.01, 30: score})
    return Trace(source="test", columns=made.columns, settings=MappingProxyType(told))


def runs(*groups: Sequence[float], same_seed: bool = False) -> tuple[Runs]:
    """Groups of runs that differ in their rate, each run with a seed of its own."""
    named = [
        (
            f"run {rate}-{seed}",
            run(score, 0 if same_seed else seed, learning_rate=1e-5 * (1 + rate)),
        )
        for rate, scores in enumerate(groups)
        for seed, score in enumerate(scores)
    ]
    return (grouped(named),)


class TestGainWithinSeedScatter(CheckCases):
    """Seeds move the accuracy by 1.7 points (one standard deviation)."""

    check = gain_within_seed_scatter
    faulty = {
        "one configuration, five seeds": runs(FIVE),
        "a new one with one seed, two points above": runs(FIVE, (0.855,)),
        "one point above over five seeds": runs(FIVE, tuple(score + 0.01 for score in FIVE)),
        "two points above over two seeds": runs(FIVE[:2], (0.845, 0.865)),
    }
    nearly = {
        "two single runs": runs((0.80,), (0.86,)),
        "two runs of one seed": runs((0.80, 0.80), same_seed=True),
        "three points above over five seeds": runs(FIVE, tuple(score + 0.031 for score in FIVE)),
    }
    clean = {
        "ten points above over four seeds": runs(FIVE[:4], tuple(s + 0.1 for s in FIVE[:4])),
        "the very same scores": runs((0.9, 0.9), (0.9, 0.9)),
    }


def test_one_configuration_is_information_with_the_least_gain() -> None:
    """What a single run must gain: t of 4 degrees of freedom times the deviation times root 2."""
    (finding,) = run_check(gain_within_seed_scatter, runs(FIVE)).findings
    assert finding.severity is Severity.INFO
    assert finding.message.startswith("5 seeds of the same settings gave eval_accuracy 0.812 to")
    assert finding.message.endswith("a gain below 0.067 is no progress")


def test_a_difference_names_both_and_its_interval() -> None:
    """The largest of those that are not shown, against the first."""
    (finding,) = run_check(gain_within_seed_scatter, runs(FIVE, (0.855,))).findings
    assert finding.severity is Severity.WARNING
    assert finding.message.startswith("eval_accuracy of B is 0.0208 above that of A, and seeds")
