"""FIT076 on runs of GRPO and RLOO."""

import numpy as np
from tests.checks.runs_of_trl import changed, run, until

from tunewell.checks.fit.completions_clipped import completions_clipped
from tunewell.testing import CheckCases, run_check

CLIPPED = run("faulty/grpo-clipped")
FALLING = np.linspace(1, 0.55, 30)


class TestCompletionsClipped(CheckCases):
    """Most answers cut against some, and against a share that falls."""

    check = completions_clipped
    faulty = {
        "a cap of 5 tokens": (CLIPPED,),
        "live": (until(CLIPPED, 24),),
        "RLOO": (run("faulty/rloo-clipped"),),
        "answers that no longer end": (run("faulty/grpo-hacked"),),
    }
    nearly = {
        "half of them": (changed(CLIPPED, completions__clipped_ratio=[0.4, 0.6] * 15),),
        "falling, and still going": (
            until(changed(CLIPPED, completions__clipped_ratio=FALLING), 58),
        ),
        "only at first": (
            changed(CLIPPED, completions__clipped_ratio=[1.0] * 15 + [0.1, 0.2] * 7 + [0.0]),
        ),
    }
    clean = {name: (run(f"healthy/{name}"),) for name in ("grpo", "grpo-beta", "grpo-slow", "rloo")}


def test_what_is_wrong_is_the_cap_or_the_model() -> None:
    clipped = run_check(completions_clipped, (CLIPPED,)).findings[0]
    assert "cap is too small" in clipped.message
    assert "are cut in the last third" in clipped.message
    told = changed(CLIPPED, completions__max_length=[5.0] * 30)
    assert "are cut at 5 tokens" in run_check(completions_clipped, (told,)).findings[0].message
    hacked = run_check(completions_clipped, (run("faulty/grpo-hacked"),)).findings[0]
    assert "stopped ending" in hacked.message
    assert "max_completion_length" not in hacked.fixes[0].title
