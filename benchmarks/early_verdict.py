"""How early the live checks speak of a planted fault, and what they say of healthy runs meanwhile.

    python benchmarks/early_verdict.py tests/fixtures/runs/{healthy,undecided,longer,faulty}
    python benchmarks/early_verdict.py tests/fixtures/runs/trl/{healthy,faulty}
    python benchmarks/early_verdict.py CORPUS [--write NAME]
    PYTHONPATH=. python benchmarks/early_verdict.py --plant FOLDER [--write NAME]

Each FOLDER holds runs, or folders `healthy`, `undecided` and `faulty` of runs. A run is looked at
as the live examiner would: after every 2 % of its planned steps, with what was logged until then,
not finished; then once more when it is over. Printed for a faulty run is the share of the planned
steps at which a warning or error of a check that is meant for its fault opens first; for every
other run, each warning or error that opened, and where it closed again.

What is meant comes from the register beside the runs or above: `corpus.json` names the catalogue's
faults, and a check is meant that covers one; `causes.json` names the cause, and the checks are
meant that the table of causes has as its root or common symptom; `declared.json` names the codes.
With --plant the faults of tests/planted/faults.py are trained into a new folder first. With --write
the lines go to results/early_verdict_NAME.md.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tunewell.core.finding import Severity
from tunewell.engine import registry
from tunewell.engine.examine import examine
from tunewell.knowledge.causes import table
from tunewell.readers.logs import find_runs, read_run
from tunewell.subjects.model_state import ModelState
from tunewell.subjects.trace import Column, Trace
from tunewell.train.observer.examiner import FAMILIES

RESULTS = Path(__file__).parent / "results"
LOOKS = 50
COMMON = 1.0
"""A symptom of this weight is common with its cause."""


@dataclasses.dataclass(frozen=True, slots=True)
class Spoken:
    """A serious finding: the shares of the planned steps at which it opened and closed."""

    code: str
    opened: float
    closed: float | None


def until(trace: Trace, step: int) -> Trace:
    """The run as it stood after a step, going on."""

    def cut(columns: Mapping[str, Column]) -> Mapping[str, Column]:
        kept = {
            name: Column(c.steps[c.steps <= step], c.values[c.steps <= step])
            for name, c in columns.items()
        }
        return MappingProxyType({name: c for name, c in kept.items() if len(c)})

    return dataclasses.replace(
        trace,
        columns=cut(trace.columns),
        superseded=cut(trace.superseded),
        ranks=MappingProxyType({rank: cut(columns) for rank, columns in trace.ranks.items()}),
        restarts=tuple(restart for restart in trace.restarts if restart.step < step),
        interventions=tuple(done for done in trace.interventions if done.step <= step),
        saved_steps=tuple(saved for saved in trace.saved_steps if saved <= step),
        summary=MappingProxyType({}),
        finished=False,
        best_step=None,
        best_metric=None,
        kept_step=None,
    )


def spoken(trace: Trace, state: ModelState | None) -> list[Spoken]:
    """Every serious finding of the run as it went on, in the order of its opening.

    One that opened at the look after the end has an `opened` above 1.
    """
    planned = trace.max_steps or trace.last_step
    steps = sorted({max(1, round(planned * look / LOOKS)) for look in range(1, LOOKS + 1)})
    known = [] if state is None else [state]
    opened: dict[str, float] = {}
    said: list[Spoken] = []
    views = [(step / planned, until(trace, step)) for step in steps if step <= trace.last_step]
    for share, view in (*views, (1.01, trace)):
        found = examine([view, *known], families=FAMILIES).findings
        now = {f.code for f in found if f.severity is not Severity.INFO}
        for code in now - opened.keys():
            opened[code] = share
        said += [Spoken(code, opened.pop(code), share) for code in opened.keys() - now]
    said += [Spoken(code, share, None) for code, share in opened.items()]
    return sorted(said, key=lambda one: one.opened)


# -- what is meant ---------------------------------------------------------------------------------


def register_of(run: Path, name: str) -> dict[str, Any]:
    """A register that lies beside the run or up to three folders above."""
    for folder in list(run.parents)[:3]:
        file = folder / name
        if file.is_file():
            read: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            return read
    return {}


def meant_for(run: Path) -> frozenset[str]:
    """The codes of the checks that are meant for what was planted in a run."""
    codes: set[str] = set()
    faults = set(register_of(run, "corpus.json").get(run.name, {}).get("faults", ()))
    checks = registry.load()
    codes |= {check.code for check in checks if faults & set(check.covers)}
    told = register_of(run, "causes.json")
    cause = told.get(run.name) or told.get(f"{run.parents[1].name}/{run.name}") or {}
    for known in table():
        if known.id == cause.get("cause"):
            names = {root.check for root in known.roots}
            names |= {name for name, weight in known.symptoms.items() if weight >= COMMON}
            codes |= {check.code for check in checks if check.name in names}
    declared = register_of(run, "declared.json")
    one = declared.get(run.name) or declared.get("faulty", {}).get(run.name) or {}
    expected = one.get("expected", ()) if isinstance(one, dict) else one
    return frozenset(codes | ({expected} if isinstance(expected, str) else set(expected)))


def runs_in(folder: Path) -> Iterator[tuple[str, Path]]:
    """Kind (the name of the folder that holds it) and place of every run."""
    for path in sorted(path for path in folder.iterdir() if path.is_dir()):
        if path.name in {"healthy", "undecided", "faulty", "longer"}:
            yield from runs_in(path)
        elif find_runs(path):
            yield folder.name, path


def plant(folder: Path) -> None:
    """Train each planted fault into a folder of faulty runs, with the code that is meant."""
    from tests.planted.faults import FAULTY  # noqa: PLC0415  the only part that needs the tests

    declared = {}
    for name, (code, build) in FAULTY.items():
        build().run_into(folder / "faulty" / name)
        declared[name] = {"expected": [code]}
    (folder / "declared.json").write_text(json.dumps(declared, indent=1), encoding="utf-8")


# -- what is told ----------------------------------------------------------------------------------


def percent(share: float | None) -> str:
    """A share of the planned steps, in words where there is none."""
    if share is None:
        return "never"
    return "at the end" if share > 1 else f"{100 * share:.0f} %"


def line_of(kind: str, run: Path, said: list[Spoken], meant: frozenset[str]) -> str:
    """A row of the table."""
    rest = [
        f"{one.code} {percent(one.opened)}"
        + (f", closed {percent(one.closed)}" if one.closed is not None else "")
        for one in said
    ]
    first = next((one for one in said if one.code in meant), None)
    verdict = f"{first.code} {percent(first.opened)}" if first else "never" if meant else "-"
    return f"| {kind} | {run.name} | {verdict} | {'; '.join(rest) or '-'} |"


def sums(told: list[tuple[str, list[Spoken], frozenset[str]]]) -> list[str]:
    """What all runs together show."""
    faulty = [(said, meant) for kind, said, meant in told if kind == "faulty" and meant]
    firsts = [next((o.opened for o in said if o.code in meant), None) for said, meant in faulty]
    live = [share for share in firsts if share is not None and share <= 1]
    lines = []
    if faulty:
        middle = percent(statistics.median(live)) if live else "-"
        early = sum(share <= 1 / 4 for share in live)
        lines.append(
            f"{len(faulty)} planted: {len(live)} are told while the run goes on, half of these by "
            f"{middle} of the planned steps, {early} within the first quarter; "
            f"{len([s for s in firsts if s is not None]) - len(live)} at the end alone, "
            f"{firsts.count(None)} never."
        )
    for kind in ("healthy", "undecided", "longer"):
        of_kind = [said for other, said, _ in told if other == kind]
        flapped = sum(any(one.closed is not None for one in said) for said in of_kind)
        stayed = sum(any(one.closed is None for one in said) for said in of_kind)
        if of_kind:
            lines.append(
                f"{len(of_kind)} {kind}: a warning or error opened and closed again in {flapped}, "
                f"and stayed in {stayed}."
            )
    return lines


def main() -> None:
    """Look, print and keep."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--plant", type=Path, metavar="FOLDER")
    parser.add_argument("--write", metavar="NAME")
    options = parser.parse_args()
    lines = ["| kind | run | told first | warnings and errors |", "| --- | --- | --- | --- |"]
    print("\n".join(lines), flush=True)
    told = []
    if options.plant:
        plant(options.plant)
        options.folders.append(options.plant)
    for folder in options.folders:
        for kind, run in runs_in(folder):
            said = spoken(*read_run(run))
            meant = meant_for(run) if kind == "faulty" else frozenset[str]()
            told.append((kind, said, meant))
            lines.append(line_of(kind, run, said, meant))
            print(lines[-1], flush=True)
    lines += ["", *sums(told), ""]
    print("\n".join(sums(told)))
    if options.write:
        target = RESULTS / f"early_verdict_{options.write}.md"
        target.write_text("\n".join(["# Early verdict", "", *lines]), encoding="utf-8")


if __name__ == "__main__":
    main()
