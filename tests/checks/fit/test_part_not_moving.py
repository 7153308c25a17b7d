"""FIT044 part-not-moving."""

from tests.checks.curves import level, run, with_layers

from tunewell.checks.fit.part_not_moving import part_not_moving
from tunewell.core.finding import Severity
from tunewell.subjects.model_state import ModelState, TensorStep
from tunewell.testing import CheckCases, run_check

RUN = run(loss=level(60), learning_rate=[1e-3] * 60)
MOVES, STILL = {10: 1e-3, 30: 1e-3, 50: 1e-3}, {10: 0.0, 30: 0.0, 50: 0.0}
HAS = {10: 0.1, 30: 0.1, 50: 0.1}
HEAD = {"update__head": MOVES, "gradient__head": HAS}
FROZEN = ModelState(
    tensors=(
        TensorStep(
            name="encoder.weight",
            trainable=False,
            in_optimizer=0,
            gradient_norm=None,
            moved=False,
            finite_after=True,
        ),
    ),
    learning_rate=1e-3,
)
DIES = {step: 0.1 if step < 30 else 0.0 for step in range(5, 60, 5)}


class TestPartNotMoving(CheckCases):
    """What stands still beside what learns."""

    check = part_not_moving
    faulty = {
        "a gradient and no update": (
            with_layers(RUN, update__encoder=STILL, gradient__encoder=HAS, **HEAD),
        ),
        "no gradient": (with_layers(RUN, update__encoder=STILL, gradient__encoder=STILL, **HEAD),),
        "a gradient that died": (
            with_layers(RUN, update__encoder=MOVES, gradient__encoder=DIES, **HEAD),
        ),
    }
    nearly = {
        "frozen by choice": (
            with_layers(RUN, update__encoder=STILL, gradient__encoder=STILL, **HEAD),
            FROZEN,
        ),
        "without a gradient column": (with_layers(RUN, update__encoder=STILL, **HEAD),),
        "an embedding whose sample was missed": (
            with_layers(RUN, update__embed=STILL, gradient__embed=STILL, **HEAD),
        ),
        "a rate of 0 so far": (
            with_layers(
                run(loss=level(60), learning_rate=[0.0] * 60),
                update__encoder=STILL,
                gradient__encoder=HAS,
                **HEAD,
            ),
        ),
        "two samples": (
            with_layers(RUN, update__encoder={10: 0.0}, gradient__encoder={10: 0.1}, **HEAD),
        ),
        "nothing moves at all": (with_layers(RUN, update__encoder=STILL, gradient__encoder=HAS),),
    }
    clean = {
        "all move": (with_layers(RUN, update__encoder=MOVES, gradient__encoder=HAS, **HEAD),),
        "no samples": (RUN,),
    }


def test_what_gets_a_gradient_and_does_not_move_is_an_error() -> None:
    """What gets none may be meant so."""
    severities = [
        run_check(part_not_moving, subjects).findings[0].severity
        for subjects in TestPartNotMoving.faulty.values()
    ]
    assert severities == [Severity.ERROR, Severity.WARNING, Severity.WARNING]
