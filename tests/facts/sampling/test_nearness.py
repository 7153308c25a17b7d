"""How near the nearest training row is."""

import numpy as np

from tunewell.facts.sampling.nearness import nearness
from tunewell.testing import dataset

TRAIN = ["lost my card", "block the card", "raise the limit", "what is my limit", "lost my card"]


def test_partners_and_similarities() -> None:
    """A copy is at 1, a stranger at 0, and training rows never meet themselves."""
    judged = ["Raise the limit!", "flights to Rome"]
    found = nearness(dataset(TRAIN, ["a"] * 5, evaluation=(judged, ["a", "a"])), 1)
    assert found.rows.tolist() == [0, 1]
    assert found.partner[0] == 2
    np.testing.assert_allclose(found.judged, [1, 0], atol=1e-6)
    # Rows 0 and 4 are copies of each other; no other row has one.
    np.testing.assert_allclose(found.usual[[0, 4]], 1, atol=1e-6)
    assert (found.usual[1:4] < 0.99).all()


def test_rows_without_words() -> None:
    """Marks alone have no words and are near to nothing."""
    found = nearness(dataset(["...", "a b"], ["a", "b"], evaluation=(["?!"], ["a"])), 1)
    assert found.judged.tolist() == [0]
