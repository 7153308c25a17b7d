"""The full check of Alpaca's 52,002 rows, and of 2,080,080 rows made from them: time and memory.

The large file holds 40 tiles of the rows; in all but the first 5 % of the words of each text are
dropped or change places, as copies made by people and scrapers differ. Each check runs in a process
of its own, as a user would call it, on both cores.

    python benchmarks/check_at_scale.py DATA [--tiles 40]
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

RESULTS = Path(__file__).parent / "results" / "check_at_scale.md"
CHANGED = 0.05


def perturbed(text: str, rng: np.random.Generator) -> str:
    """The text with 5 % of its words dropped or moved by one place."""
    words = text.split(" ")
    draws = rng.random(len(words))
    kept: list[str] = []
    for word, draw in zip(words, draws.tolist(), strict=True):
        if draw < CHANGED / 2 and len(words) > 1:
            continue
        if draw < CHANGED and kept:
            kept.insert(len(kept) - 1, word)
        else:
            kept.append(word)
    return " ".join(kept)


def write_tiles(source: Path, target: Path, tiles: int) -> int:
    """Write the large file; returns its number of rows."""
    rows = json.loads(gzip.decompress(source.read_bytes()))
    rng = np.random.default_rng(0)
    with target.open("w", encoding="utf-8") as file:
        for tile in range(tiles):
            for row in rows:
                made = row if not tile else {k: perturbed(v, rng) for k, v in row.items()}
                file.write(json.dumps(made) + "\n")
    return len(rows) * tiles


def measured(path: Path) -> tuple[float, float, float, int, str]:
    """Wall seconds, CPU seconds, peak MB, exit status and last lines of a full check."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(
        [str(Path(sys.executable).parent / "tunewell"), "check", str(path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "NO_COLOR": "1"},
    )
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    told = "\n".join(
        line for line in done.stdout.splitlines() if "[DAT" in line or "findings" in line
    )
    return wall, cpu, after.ru_maxrss / 1024, done.returncode, told or done.stderr[-2000:]


def main() -> None:
    """Measure both and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with alpaca_original/")
    parser.add_argument("--tiles", type=int, default=40)
    arguments = parser.parse_args()
    source = arguments.data / "alpaca_original" / "alpaca_data.json.gz"
    lines = ["| rows | wall s | CPU s | peak MB | load before |", "|---|---|---|---|---|"]
    told: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        large = Path(folder) / "train.jsonl"
        # The peak of children only grows: the small one goes first.
        for path, rows in ((source, 52_002), (large, 0)):
            count = rows or write_tiles(source, large, arguments.tiles)
            load = os.getloadavg()[0]
            wall, cpu, peak, status, said = measured(path)
            lines.append(f"| {count:,} | {wall:.1f} | {cpu:.1f} | {peak:,.0f} | {load:.1f} |")
            told.append(f"{count:,} rows, exit status {status}:\n\n```\n{said}\n```")
            print(lines[-1], said, sep="\n")
    RESULTS.write_text(
        "# The full check at scale\n\n`python benchmarks/check_at_scale.py DATA`, 2 cores.\n\n"
        + "\n".join(lines)
        + "\n\n"
        + "\n\n".join(told)
        + "\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
