"""FIT016 adapter-without-effect, on real adapters."""

from pathlib import Path

import pytest
from tests.preflight import tiny

from tunewell.checks.fit.adapter_without_effect import adapter_without_effect
from tunewell.subjects.setup import AdapterState
from tunewell.testing import CheckCases, run_check


@pytest.mark.parametrize(("alpha", "found"), [(0, 1), (8, 0)])
def test_a_scale_of_nothing(alpha: int, found: int, tmp_path: Path) -> None:
    trainer = tiny.sft(tmp_path, model=tiny.lora(tiny.causal(), lora_alpha=alpha))
    subjects = (tiny.travelled(trainer), tiny.looked(trainer))
    assert len(run_check(adapter_without_effect, subjects).findings) == found


class TestAdapterWithoutEffect(CheckCases):
    """Round trips written down."""

    check = adapter_without_effect
    faulty = {"none": (tiny.round_trip(adapter=True, effect=0.0),)}
    nearly = {
        "rounded in 16 bits": (tiny.round_trip(adapter=True, effect=0.0, coarse=True),),
        "another adapter is trained": (
            tiny.round_trip(adapter=True, effect=0.0),
            tiny.setup(
                adapters=(AdapterState("old", "lora", active=True, tensors=8, trainable=0),)
            ),
        ),
    }
    clean = {"some": (tiny.round_trip(adapter=True, effect=0.3),)}
