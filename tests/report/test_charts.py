"""What a curve's drawing is asked for."""

import pytest

from tunewell.core.finding import Series
from tunewell.report.charts import curve


@pytest.mark.parametrize("value", [0.125, -3.0, 0.0])
def test_a_level_curve_lies_within_its_axis(value: float) -> None:
    """Without room around it Vega labels a constant 0, whatever it is."""
    spec = curve(Series(name="eval_accuracy", steps=(1, 2, 3), values=(value,) * 3))
    low, high = spec["layer"][-1]["encoding"]["y"]["scale"]["domain"]
    assert low < value < high
    assert low + high == pytest.approx(2 * value)


def test_a_moving_curve_keeps_its_own_scale() -> None:
    """Vega finds it."""
    spec = curve(Series(name="loss", steps=(1, 2), values=(2.0, 1.0)))
    assert "domain" not in spec["layer"][-1]["encoding"]["y"]["scale"]
