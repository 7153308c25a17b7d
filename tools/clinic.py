"""Say which faults of the catalogue have a check, by the stage where they can first be seen."""

from __future__ import annotations

import ast
import json
import sys
from collections import defaultdict
from pathlib import Path

from tunewell.engine import registry

ROOT = Path(__file__).parents[1]
CATALOGUE = ROOT / "clinic" / "faults.jsonl"
MARKER = "reproduces"


def main() -> None:
    """Print the scoreboard; with --all also every fault that no check covers yet."""
    faults = [json.loads(line) for line in CATALOGUE.read_text(encoding="utf-8").splitlines()]
    covered: dict[str, list[str]] = defaultdict(list)
    for check in registry.load():
        for fault in check.covers:
            covered[fault].append(f"{check.code} {check.name}")
    planted = reproduced()
    say = sys.stdout.write
    say(f"{'stage':<8} {'faults':>6} {'checked':>8} {'planted':>8} {'silent':>7} {'checked':>8}\n")
    for stage in ("data", "config", "dryrun", "run", "eval", "save"):
        here = [fault for fault in faults if fault["stage"] == stage]
        silent = [fault for fault in here if fault["silent"]]
        say(
            f"{stage:<8} {len(here):>6} {_found(here, covered):>8} {_found(here, planted):>8} "
            f"{len(silent):>7} {_found(silent, covered):>8}\n"
        )
    say(
        f"{'all':<8} {len(faults):>6} {_found(faults, covered):>8} {_found(faults, planted):>8}\n"
        "checked: a check finds it; planted: a test makes it with the real library\n"
    )
    if "--all" in sys.argv:
        for fault in faults:
            by = ", ".join(covered[fault["id"]]) or "-"
            mark = "*" if planted.get(fault["id"]) else " "
            say(f"{fault['id']:<4}{mark} {fault['title'][:60]:<60} {by}\n")


def reproduced() -> dict[str, list[str]]:
    """The tests that plant each fault with the real library, by the marker that they carry."""
    found: dict[str, list[str]] = defaultdict(list)
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            is_marker = (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == MARKER
            )
            for argument in node.args if is_marker and isinstance(node, ast.Call) else ():
                if isinstance(argument, ast.Constant):
                    found[str(argument.value)].append(file.stem)
    return found


def _found(faults: list[dict[str, str]], known: dict[str, list[str]]) -> int:
    return sum(bool(known.get(fault["id"])) for fault in faults)


if __name__ == "__main__":
    main()
