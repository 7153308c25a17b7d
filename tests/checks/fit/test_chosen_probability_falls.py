"""FIT070 on runs of DPO, KTO, ORPO and SimPO."""

from tests.checks.runs_of_trl import changed, run, until

from tunewell.checks.fit.chosen_probability_falls import chosen_probability_falls
from tunewell.core.finding import Severity
from tunewell.testing import CheckCases, run_check, trace

DISPLACED = run("faulty/dpo-displaced")
ORPO = run("healthy/orpo")


class TestChosenProbabilityFalls(CheckCases):
    """Both sides falling against the rejected side alone."""

    check = chosen_probability_falls
    faulty = {
        "a rate too high for DPO": (DISPLACED,),
        "live": (until(DISPLACED, 50),),
        "KTO": (run("faulty/kto-collapsed"),),
        "hinge, a little": (run("faulty/dpo-hinge-displaced"),),
        "no reference model": (
            changed(ORPO, logps__chosen=[-0.8 - 0.05 * at for at in range(40)]),
        ),
    }
    nearly = {
        "margin from rejected answers alone": (run("healthy/dpo-sigmoid"),),
        "with a supervised loss": (run("healthy/dpo-with-sft"),),
        "fell and came back": (
            changed(DISPLACED, rewards__chosen=[0.0] * 10 + [-1.0] * 10 + [0.02, -0.02] * 10),
        ),
        "the margin fell too": (changed(DISPLACED, rewards__margins=[-0.2, -0.1] * 20),),
    }
    clean = {
        name: (run(f"healthy/{name}"),)
        for name in ("dpo-ipo", "dpo-hinge", "dpo-beta-half", "kto", "orpo", "cpo", "simpo")
    }


def test_a_small_fall_is_information_and_says_that_it_is_common() -> None:
    found = run_check(chosen_probability_falls, (run("healthy/dpo-long-warmup"),)).findings[0]
    assert found.severity is Severity.INFO
    assert "common" in found.message
    assert run_check(chosen_probability_falls, (DISPLACED,)).findings[0].severity is (
        Severity.WARNING
    )


def test_other_training_is_not_asked() -> None:
    assert run_check(chosen_probability_falls, (trace(loss=[1.0] * 20),)).not_applicable
    assert run_check(chosen_probability_falls, (run("healthy/reward"),)).not_applicable
    assert run_check(chosen_probability_falls, (until(DISPLACED, 10),)).not_applicable
