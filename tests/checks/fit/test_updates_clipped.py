"""FIT080 on runs of GRPO, and on written numbers of vLLM."""

from tests.checks.runs_of_trl import changed, run, until

from tunewell.checks.fit.updates_clipped import DIFFERENCE, updates_clipped
from tunewell.testing import CheckCases, run_check

CLIPPED = run("faulty/grpo-clipped-updates")
HEALTHY = run("healthy/grpo")
FAR = {DIFFERENCE: [0.1, 0.12, 0.11] * 10}


class TestUpdatesClipped(CheckCases):
    """Far updates against two updates a batch."""

    check = updates_clipped
    faulty = {
        "eight updates a batch at a high rate": (CLIPPED,),
        "live": (until(CLIPPED, 72),),
        "a sampler cut to top_p": (changed(HEALTHY, **FAR),),
        "an older name": (
            changed(CLIPPED, **{"clip_ratio/region_mean": None, "clip_ratio": [0.2, 0.15] * 20}),
        ),
    }
    nearly = {
        "two updates a batch": (run("healthy/grpo-two-passes"),),
        "vLLM as it is": (changed(HEALTHY, **{DIFFERENCE: [0.012, 0.014, 0.005] * 10}),),
    }
    clean = {name: (run(f"healthy/{name}"),) for name in ("grpo", "rloo", "grpo-dr-grpo")}


def test_the_ratio_is_shown() -> None:
    ratio = {"sampling/importance_sampling_ratio/mean": [0.5] * 30}
    found = run_check(updates_clipped, (changed(HEALTHY, **FAR, **ratio),)).findings[0]
    assert any("ratio" in item.name for item in found.evidence)


def test_it_takes_one_of_the_two_columns() -> None:
    assert run_check(updates_clipped, (run("healthy/dpo-sigmoid"),)).not_applicable
