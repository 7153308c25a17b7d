"""Histories of PyTorch's allocator under several settings, and how far the model follows them.

    python benchmarks/gpu_memory/allocator_drills.py OUT_FOLDER     (on a machine with a GPU)
    python benchmarks/gpu_memory/allocator_drills.py HISTORY.json.gz ...

The first form allocates and frees at random, some seconds in all, and writes one history for each
setting; the second reads histories. Both print the model beside the real allocator.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from allocator_history import History, Setting, compare, record

from tunewell.plan.pools import MIB


def drill(seed: int, requests: int, *, most: int = 4 << 30) -> Callable[[], None]:
    """Something to record: so many requests of many sizes on the GPU, freed in no order.

    At most `most` bytes are held at once. Where memory runs out, half of all is freed.
    """

    def run() -> None:
        import torch  # noqa: PLC0415  histories are read without it

        draw = random.Random(seed)  # noqa: S311  no secret
        held: list[Any] = []
        in_use = 0
        for _ in range(requests):
            size = int(2 ** draw.uniform(4, draw.choice([16, 20, 24, 28])))
            # A little more is asked than freed.
            while held and (in_use + size > most or draw.random() < 0.45):  # noqa: PLR2004
                in_use -= len(held.pop(draw.randrange(len(held))))
            try:
                held.append(torch.empty(size, dtype=torch.uint8, device="cuda"))
            except torch.OutOfMemoryError:
                del held[::2]
                in_use = sum(len(tensor) for tensor in held)
            else:
                in_use += size

    return run


DRILLS = {
    "default": Setting(),
    "limit": Setting(limit=1200 * MIB),
    "expandable": Setting(expandable=True),
    "roundup": Setting(roundup_power2_divisions=4),
    "max_split": Setting(max_split_size=64 * MIB),
    "max_split_limit": Setting(max_split_size=64 * MIB, limit=1200 * MIB),
}
"""Those with a size from which blocks are not split come last: it cannot be taken back. None is
expandable with a limit: PyTorch then asks the limit for more than it maps."""


def main() -> None:
    """Record the drills, or read histories; print how far the model follows."""
    paths = [Path(name) for name in sys.argv[1:]]
    if paths[0].suffix != ".gz":
        paths[0].mkdir(parents=True, exist_ok=True)
        for name, setting in DRILLS.items():
            record(drill(1, 4000), setting=setting).write(paths[0] / f"{name}.json.gz")
        paths = sorted(paths[0].glob("*.json.gz"))
    for path in paths:
        history = History.load(path)
        print(
            json.dumps({"history": path.name, "source": history.source, **asdict(compare(history))})
        )


if __name__ == "__main__":
    main()
