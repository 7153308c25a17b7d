"""How long the command takes to answer, and that it answers without torch.

    python benchmarks/start_up.py [CSV ...]

Each command is run several times in a process of its own; the median and the range are printed,
beside a bare interpreter's, and written to benchmarks/results/start_up.json. Without arguments the
shipped sample is checked.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
SAMPLE = HERE.parent / "examples" / "banking77" / "train.csv"
RUNS = 7


def main() -> None:
    """Time each command and print the figures."""
    command = str(Path(sys.executable).parent / "tunewell")
    files = sys.argv[1:] or [str(SAMPLE)]
    results: dict[str, dict[str, float]] = {}
    cases = {
        "bare python": [sys.executable, "-c", "pass"],
        "tunewell --help": [command, "--help"],
        "tunewell explain DAT004": [command, "explain", "DAT004"],
    }
    for file in files:
        rows = Path(file).read_bytes().count(b"\n")
        cases[f"tunewell check {Path(file).name} ({rows:,} lines)"] = [command, "check", file]
    for name, arguments in cases.items():
        seconds = sorted(timed(arguments) for _ in range(RUNS))
        results[name] = {
            "median_seconds": round(statistics.median(seconds), 3),
            "least": round(seconds[0], 3),
            "most": round(seconds[-1], 3),
        }
        median = results[name]["median_seconds"]
        print(f"{name:<55} {median:.3f} s ({seconds[0]:.3f} to {seconds[-1]:.3f})")
    loaded = subprocess.run(
        [sys.executable, "-X", "importtime", command, "check", files[0]],
        capture_output=True,
        text=True,
        check=False,
    ).stderr
    torch = any(line.rpartition("|")[2].strip() == "torch" for line in loaded.splitlines())
    print(f"torch imported by check: {'yes' if torch else 'no'}")
    target = HERE / "results" / "start_up.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps({"torch": torch, **results}, indent=1) + "\n", encoding="utf-8")


def timed(arguments: list[str]) -> float:
    """Wall seconds of one run."""
    began = time.perf_counter()
    subprocess.run(arguments, capture_output=True, check=False)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
