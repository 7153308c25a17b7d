"""How long the parts of a split are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tunewell.facts.memo import fact
from tunewell.facts.parts import parts
from tunewell.subjects.dataset import Split


@fact
def lengths(split: Split) -> NDArray[np.int64]:
    """The characters of each part."""
    import pyarrow.compute as pc  # noqa: PLC0415  0.15 s that --help need not wait for

    counted = pc.utf8_length(parts(split).texts.column)
    return np.asarray(counted, dtype=np.int64)
