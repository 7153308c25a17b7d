"""How many of Alpaca's known content faults are found, and how many flagged rows a person defends.

    python benchmarks/alpaca_content.py DATA_FOLDER [--show]

Recall is counted against definitions that are written here from the words of the data set's
README, not from the checks' own patterns. Precision is counted on rows drawn at random from those
that a check flags and judged by hand: `alpaca_content_verdicts.json` holds the verdicts by row
number. `--show` prints the drawn rows, so that they can be judged again. Then the checks run over
clean sets; every finding is listed.
"""

from __future__ import annotations

import gzip
import json
import random
import re
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tunewell.core.check import Check, NotApplicableError
from tunewell.core.finding import Finding, Row
from tunewell.engine import registry
from tunewell.facts.scan import screened
from tunewell.readers.data import read_dataset

RESULTS = Path(__file__).parent / "results" / "alpaca_content.md"
VERDICTS = Path(__file__).with_name("alpaca_content_verdicts.json")
ALPACA = "alpaca_original/alpaca_data.json.gz"
CLEAN = {
    "GSM8K, train": "gsm8k/train.jsonl.gz",
    "CLINC150, small": "clinc150/data_small.json.gz",
    "BANKING77, train": "banking77/train.csv",
    "HH harmless, pairs": "hh_rlhf_harmless_test/test.jsonl.gz",
    "SMS Spam": "sms_spam/spam.csv",
    "GoEmotions, train": "goemotions/train.tsv.gz",
}
DRAWN = 50
SEED = 20261122
CODES = ("DAT004", "DAT018", "DAT019", "DAT020", "DAT021", "DAT022", "DAT023", "DAT024")
Record = Mapping[str, str]


def holds(column: str, pattern: str) -> Callable[[Record], bool]:
    """Whether a column of a record holds a pattern, whatever its case."""
    search = re.compile(pattern, re.IGNORECASE).search
    return lambda record: search(record[column]) is not None


def _repeats(record: Record) -> bool:
    given = record["input"].strip()
    return len(given) > 15 and given in record["instruction"]  # noqa: PLR2004  gives README's 283


MEDIA = r"\b(images?|pictures?|photos?|photographs?|audios?|videos?|recordings?)\b"
GROUPS: dict[str, tuple[int, tuple[str, ...], Callable[[Record], bool]]] = {
    'inputs with "noinput"': (654, ("DAT018",), holds("input", r"no ?input")),
    "N/A-type outputs": (
        41,
        ("DAT018",),
        holds("output", r"^\W*(n/a|no ?output)( required)?\W*$"),
    ),
    "outputs with a no-output or no-input mark": (
        112,
        ("DAT018", "DAT019"),
        holds("output", r"no ?output|noinput"),
    ),
    "merged rows": (37, ("DAT019",), holds("output", r"\d{1,2}\.\sInstruction:")),
    "empty outputs": (28, ("DAT004",), lambda record: not record["output"].strip()),
    "inputs with a URL": (
        264,
        ("DAT022",),
        lambda record: "http" in record["input"] and "://" in record["input"],
    ),
    "inputs that are a URL alone": (182, ("DAT022",), holds("input", r"^\s*https?://\S+\s*$")),
    "images in the input": (39, ("DAT022",), holds("input", r"!\[|<img")),
    "output equal to the input": (
        55,
        ("DAT024",),
        lambda record: (
            bool(record["input"].strip()) and record["input"].strip() == record["output"].strip()
        ),
    ),
    "input repeated in the instruction": (283, ("DAT024",), _repeats),
    "words for images, audio, video anywhere": (
        302,
        ("DAT022",),
        lambda record: (
            re.search(MEDIA, record["instruction"] + " " + record["input"], re.IGNORECASE)
            is not None
        ),
    ),
}


def main(folder: Path, *, show: bool) -> None:
    """Run the checks over Alpaca and the clean sets, print and keep the figures."""
    checks = [check for check in registry.load() if check.code in CODES]
    with gzip.open(folder / ALPACA, "rt", encoding="utf-8") as file:
        records: list[Record] = json.load(file)
    data = read_dataset(folder / ALPACA)
    screened(data.train, "the engine starts before the clock does")
    lines = ["# Content faults of Alpaca (52,002 rows)", ""]
    lines += [
        "| check | rows | CPU seconds | judged | defended | message |",
        "|---|---|---|---|---|---|",
    ]
    flagged: dict[str, set[int]] = {}
    verdicts = json.loads(VERDICTS.read_text(encoding="utf-8"))
    for check in checks:
        start = time.process_time()
        finding = first(check, data)
        seconds = time.process_time() - start
        rows = sorted({w.index for w in finding.where if isinstance(w, Row)}) if finding else []
        flagged[check.code] = set(rows)
        drawn = random.Random(SEED).sample(rows, min(DRAWN, len(rows)))  # noqa: S311
        known = verdicts.get(check.code, {})
        judged = [known[str(row)] for row in drawn if str(row) in known]
        good = f"{sum(judged)}" if judged else "-"
        said = finding.message if finding else "nothing"
        lines.append(
            f"| {check.code} {check.name} | {len(rows):,} | {seconds:.2f} | {len(judged)} of "
            f"{len(drawn)} | {good} | {said} |"
        )
        if show:
            for row in sorted(drawn):
                print(check.code, row, json.dumps(records[row], ensure_ascii=False)[:400])
    lines += [
        "",
        "| group | README | by the definition here | found | recall |",
        "|---|---|---|---|---|",
    ]
    for name, (readme, codes, belongs) in GROUPS.items():
        members = {row for row, record in enumerate(records) if belongs(record)}
        lines.append(row_of(name, readme, members, set().union(*(flagged[c] for c in codes))))
    needed = set(verdicts["rows that need an image or a sound"])
    name = "of the 302, rows that do need one (by hand)"
    lines.append(row_of(name, None, needed, flagged["DAT022"]))
    lines += ["", "# Clean sets", "", "| set | check | severity | message |", "|---|---|---|---|"]
    for name, path in CLEAN.items():
        clean = read_dataset(folder / path)
        for check in checks:
            finding = first(check, clean)
            if finding is not None:
                severity = finding.severity or check.severity
                lines.append(f"| {name} | {check.code} | {severity} | {finding.message} |")
    RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


def first(check: Check, data: object) -> Finding | None:
    """What a check says of a data set, None where it says nothing."""
    try:
        return next(iter(check.run(data)), None)
    except NotApplicableError:
        return None


def row_of(name: str, readme: int | None, members: set[int], found: set[int]) -> str:
    """A line of the table of recall."""
    hits = len(members & found)
    share = 100 * hits / max(1, len(members))
    return f"| {name} | {readme or '-'} | {len(members)} | {hits} | {share:.1f} % |"


if __name__ == "__main__":
    main(Path(sys.argv[1]), show="--show" in sys.argv)
