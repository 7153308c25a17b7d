"""Say which faults of the catalogue have a check, by the stage where they can first be seen."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path

from tunewell.engine import registry

CATALOGUE = Path(__file__).parents[1] / "clinic" / "faults.jsonl"


def main() -> None:
    """Print the scoreboard; with --all also every fault that no check covers yet."""
    faults = [json.loads(line) for line in CATALOGUE.read_text(encoding="utf-8").splitlines()]
    covered: dict[str, list[str]] = defaultdict(list)
    for check in registry.load():
        for fault in check.covers:
            covered[fault].append(f"{check.code} {check.name}")
    say = sys.stdout.write
    say(f"{'stage':<8} {'faults':>6} {'with a check':>13} {'silent':>7} {'with a check':>13}\n")
    for stage in ("data", "config", "dryrun", "run", "eval", "save"):
        here = [fault for fault in faults if fault["stage"] == stage]
        silent = [fault for fault in here if fault["silent"]]
        say(
            f"{stage:<8} {len(here):>6} {_found(here, covered):>13} "
            f"{len(silent):>7} {_found(silent, covered):>13}\n"
        )
    say(f"{'all':<8} {len(faults):>6} {_found(faults, covered):>13}\n")
    if "--all" in sys.argv:
        for fault in faults:
            by = ", ".join(covered[fault["id"]]) or "-"
            say(f"{fault['id']:<4} {fault['title'][:60]:<60} {by}\n")


def _found(faults: list[dict[str, str]], covered: dict[str, list[str]]) -> int:
    return sum(bool(covered[fault["id"]]) for fault in faults)


if __name__ == "__main__":
    main()
