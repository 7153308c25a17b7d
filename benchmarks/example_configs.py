"""Whether the configurations that others publish as examples are read, and what is said of them.

    python benchmarks/example_configs.py NAME=FOLDER ...

Every JSON, YAML and Python file below the folders is looked at. What is taken for a configuration,
or for a script that makes a trainer, is read and examined alone: no data, no model. Counted are
files read and failed by format; errors and warnings are listed with their file, so that a person
can say whether the example is wrong. Written to benchmarks/results/example_configs.md.
"""

from __future__ import annotations

import ast
import sys
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tunewell.core.errors import InputError, UserError
from tunewell.core.finding import Finding, Severity
from tunewell.engine.examine import examine
from tunewell.readers.recipes import SETTINGS_SUFFIXES, look_at, read_config, read_script_recipe
from tunewell.subjects.recipe import Recipe

TARGET = Path(__file__).parent / "results" / "example_configs.md"
HOW = (
    "Written by `python benchmarks/example_configs.py NAME=FOLDER ...`. Each file is read and "
    "examined alone, without data and without a model."
)
TOLD = (Severity.ERROR, Severity.WARNING)
SKIPPED = {".github", "node_modules", "__pycache__", "tests"}
SHOWN_FILES = 6


@dataclass
class Result:
    """What came of the files of one source."""

    read: Counter[str] = field(default_factory=Counter)
    passed_over: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    findings: list[tuple[str, Finding]] = field(default_factory=list)
    seconds: float = 0.0


def main() -> None:
    """Read every file, print the counts and write the page."""
    results: dict[str, Result] = {}
    for argument in sys.argv[1:]:
        name, _, folder = argument.rpartition("=")
        results[name or Path(folder).name] = read_all(Path(folder))
    for name, result in results.items():
        print(f"{name}: {sum(result.read.values())} read, {len(result.failed)} failed")
    TARGET.write_text(page(results), encoding="utf-8")
    print(f"written: {TARGET}")


def read_all(root: Path) -> Result:
    """Read every configuration and script below a folder."""
    result = Result()
    start = time.perf_counter()
    for path in files(root):
        try:
            recipe = read_one(path, result)
        except UserError as error:
            result.failed.append(str(error).replace(f"{root}/", ""))
            continue
        except Exception:  # noqa: BLE001  what this looks for
            told = traceback.format_exc().splitlines()[-1]
            result.failed.append(f"{path.relative_to(root)}: {told}")
            continue
        if recipe is None:
            continue
        kind = "script" if path.suffix == ".py" else recipe.format
        result.read[kind] += 1
        outcomes = examine([recipe])
        result.failed += [f"{path.relative_to(root)}: {o.check} broke" for o in outcomes.broken]
        told_here = [f for f in outcomes.findings if f.severity in TOLD]
        result.findings += [(str(path.relative_to(root)), finding) for finding in told_here]
    result.seconds = time.perf_counter() - start
    return result


def files(root: Path) -> Iterator[Path]:
    """The files that could be a configuration or a script."""
    for path in sorted(root.rglob("*")):
        known = path.suffix in {*SETTINGS_SUFFIXES, ".py"} and not SKIPPED & set(path.parts)
        if known and path.is_file():
            yield path


def read_one(path: Path, result: Result) -> Recipe | None:
    """The recipe of a file; None for one that is none, which is counted with its reason."""
    if path.suffix == ".py":
        return read_script(path, result)
    try:
        kind = look_at(path)
    except InputError:
        if path.suffix == ".json":
            return None  # rows of data, most of them
        raise
    if kind is not None and not kind.trains:
        result.passed_over[f"{kind.format}: not for training"] += 1
    return read_config(path) if kind is not None and kind.trains else None


def read_script(path: Path, result: Result) -> Recipe | None:
    """The recipe of a script that calls a trainer and writes its settings out."""
    if not makes_a_trainer(path):
        return None
    try:
        return read_script_recipe(path)
    except InputError as error:
        reason = str(error).rpartition(": ")[2].partition(";")[0]
        result.passed_over[f"script: {reason}"] += 1
        return None


def makes_a_trainer(path: Path) -> bool:
    """Whether a script calls something that sets up a training."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return False
    called = (ast.unparse(n.func).rpartition(".")[2] for n in ast.walk(tree)
              if isinstance(n, ast.Call))  # fmt: skip
    return any(name.endswith(("Trainer", "TrainingArguments")) for name in called)


def page(results: dict[str, Result]) -> str:
    """The results as Markdown."""
    lines = [
        "# Published example configurations",
        "",
        HOW,
        "",
        "| source | read | failed | passed over | seconds |",
        "|---|---|---|---|---|",
    ]
    for name, result in results.items():
        read = ", ".join(f"{count} {kind}" for kind, count in sorted(result.read.items()))
        over = ", ".join(f"{count} {why}" for why, count in sorted(result.passed_over.items()))
        lines.append(
            f"| {name} | {sum(result.read.values())} ({read}) | {len(result.failed)} | "
            f"{over or 'none'} | {result.seconds:.1f} |"
        )
    lines += ["", "## Failures", ""]
    failures = [f"- {name}: {failure}" for name, r in results.items() for failure in r.failed]
    lines += failures or ["None."]
    lines += ["", "## Errors and warnings", "",
              "By check and severity, with the first files of each.", ""]  # fmt: skip
    for name, result in results.items():
        grouped: defaultdict[str, list[tuple[str, Finding]]] = defaultdict(list)
        for path, finding in result.findings:
            head = f"{finding.severity} {finding.code} {finding.name} ({finding.confidence})"
            grouped[head].append((path, finding))
        lines += [f"### {name}", ""]
        if not grouped:
            lines += ["None.", ""]
        for head, found in sorted(grouped.items()):
            lines.append(f"- {head}: {len(found)} files")
            lines += [f"  - `{path}`: {finding.message}" for path, finding in found[:SHOWN_FILES]]
            if len(found) > SHOWN_FILES:
                lines.append(f"  - and {len(found) - SHOWN_FILES} more")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    main()
