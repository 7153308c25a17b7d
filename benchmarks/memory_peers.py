"""What each tool says a training step takes, side by side, against what was measured.

    python benchmarks/memory_peers.py --install FOLDER       one environment a tool, once
    python benchmarks/memory_peers.py --environments FOLDER [DATA ...] [--write]
    python benchmarks/memory_peers.py --page                 the page anew, from the answers

Measured steps come from benchmarks/data/t4_measured.json and from DATA, JSON lines as
benchmarks/gpu_memory writes them. Each tool is asked in an environment of its own, as its users
would and without a network (benchmarks/peers/ask_*.py say how). Results: with --write,
benchmarks/results/memory_peers.md and .json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from peers import stored
from peers.cases import PUBLISHED, T4, Measured, archive, models, our_own, question
from peers.own import formulas, simulation
from peers.pages import OURS, page

HERE = Path(__file__).parent
RESULT = HERE / "results" / "memory_peers.json"
TOOLS: dict[str, tuple[str, ...]] = {
    "fitcheck": ("fitcheck-llm==0.3.1",),
    "ftune": ("ftuneai==0.4.1",),
    "torch_preflight": ("torch-preflight==0.5.0",),
    "peft_doctor": ("peft-doctor==0.9.2",),
    "soup": ("soup-cli==0.77.0",),
    "accelerate": ("accelerate==1.15.0", "transformers==5.23.0", "torch==2.13.0"),
    "deepspeed": ("deepspeed==0.19.8", "torch==2.13.0"),
}
"""What to install to ask each tool, by the name of its script."""


def main() -> None:
    """Ask, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="*", type=Path, help="JSON lines of our own measured steps")
    parser.add_argument("--install", type=Path, metavar="FOLDER")
    parser.add_argument("--environments", type=Path, metavar="FOLDER")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--page", action="store_true")
    options = parser.parse_args()
    if options.install:
        install(options.install)
        return
    if options.page:
        RESULT.with_suffix(".md").write_text(page(*stored.read(RESULT)))
        return
    if options.environments is None:
        parser.error("--environments says where --install put the tools")
    sets: dict[str, list[Measured]] = {"Tesla T4": archive(T4)}
    for path in options.data:
        for row in our_own(path):
            sets.setdefault(row.card["name"], []).append(row)
    sets["Published"] = archive(PUBLISHED)
    answers = {name: asked(rows, options.environments) for name, rows in sets.items()}
    print(page(sets, answers))
    if options.write:
        stored.write(RESULT, sets, answers)
        RESULT.with_suffix(".md").write_text(page(*stored.read(RESULT)))


def install(folder: Path) -> None:
    """Make an environment for each tool."""
    for name, packages in TOOLS.items():
        subprocess.run([sys.executable, "-m", "venv", folder / name], check=True)
        python = folder / name / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)


def asked(rows: Sequence[Measured], environments: Path) -> dict[str, Any]:
    """Answers of every tool by column, ours first."""
    made = models(rows)
    columns = formulas(rows, made)
    questions = json.dumps([question(row, made[row.name]) for row in rows])
    for name in TOOLS:
        python = environments / name / "bin" / "python"
        answer = subprocess.run(
            [python, "-W", "ignore", HERE / "peers" / f"ask_{name}.py"],
            input=questions,
            capture_output=True,
            text=True,
            check=True,
        )
        columns.update(json.loads(answer.stdout))
    return {OURS: simulation(rows), **columns}


if __name__ == "__main__":
    main()
