"""Time and memory of reading logs of a gigabyte.

    python benchmarks/large_logs.py FOLDER [GIGABYTES]

Writes, into a folder that it empties of them afterwards, a printed log as transformers prints one
into a terminal (a bar a step, a dict every tenth), one of dicts alone, a CSV and a JSON Lines
file, and reads each in a process of its own. Prints seconds of CPU, the most memory the process
held, and the points read.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

READ = """
import resource, sys
from pathlib import Path
from tunewell.readers.logs import find_runs
(run, *rest) = find_runs(Path(sys.argv[1]))
trace = run.read()[0]
points = sum(len(column) for column in trace.columns.values())
used = resource.getrusage(resource.RUSAGE_SELF)
print(f"{used.ru_utime + used.ru_stime:.1f} s, {used.ru_maxrss / 2**20:.2f} GB, {points:,} points, "
      f"{trace.last_step:,} steps, {len(rest)} more runs; {trace.source}")
"""


def printed(every: int) -> Callable[[int], Iterator[bytes]]:
    """Lines of a terminal, a dict every so many steps."""

    def lines(steps: int) -> Iterator[bytes]:
        for step in range(1, steps + 1):
            bar = b"\r 50%%|#####     | %d/%d [10:00<10:00,  9.50it/s]" % (step, steps)
            if step % every == 0:
                yield (
                    b"\r"
                    + b" " * 40
                    + b"\r{'loss': '%.4g', 'grad_norm': '1.046', " % (2 + 1 / step)
                    + b"'learning_rate': '0.0001', 'epoch': '%.4g'}\n" % (step / steps * 3)
                )
            yield bar

    return lines


def dicts(steps: int) -> Iterator[bytes]:
    """Dicts as transformers 4 prints them, nothing else."""
    for step in range(1, steps + 1):
        yield b"{'loss': %.4f, 'grad_norm': 1.046, 'learning_rate': 5e-05, 'epoch': %.7f}\n" % (
            2 + 1 / step,
            step / 1000,
        )


def table(steps: int) -> Iterator[bytes]:
    """CSV."""
    yield b"step,loss,grad_norm,learning_rate\n"
    for step in range(1, steps + 1):
        yield b"%d,%.12f,%.12f,0.0001\n" % (step, 2 + 1 / step, 1 / step)


def json_lines(steps: int) -> Iterator[bytes]:
    """JSON Lines."""
    for step in range(1, steps + 1):
        row = {"step": step, "loss": 2 + 1 / step, "grad_norm": 1 / step}
        yield json.dumps(row).encode() + b"\n"


KINDS: dict[str, tuple[str, Callable[[int], Iterator[bytes]], int]] = {
    "terminal.txt": ("bars with a dict every tenth step", printed(10), 68),
    "dicts.log": ("dicts alone", dicts, 83),
    "metrics.csv": ("CSV", table, 45),
    "metrics.jsonl": ("JSON Lines", json_lines, 75),
}


def main() -> None:
    """Write, read, tell, delete."""
    folder = Path(sys.argv[1])
    size = float(sys.argv[2]) if len(sys.argv) > 2 else 1.0  # noqa: PLR2004
    for name, (what, lines, bytes_a_step) in KINDS.items():
        path = folder / name
        with path.open("wb", buffering=1 << 20) as file:
            file.writelines(lines(int(size * 2**30 / bytes_a_step)))
        told = subprocess.run(
            [sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=True
        )
        print(f"{what}, {path.stat().st_size / 2**30:.2f} GB: {told.stdout.strip()}", flush=True)
        path.unlink()


if __name__ == "__main__":
    main()
