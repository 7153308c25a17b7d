"""Mojibake, personal data and clean sets: what is found, what is missed, what is flagged wrongly.

    python benchmarks/text_hygiene.py DATA_FOLDER

DATA_FOLDER holds ftfy_mojibake/ (the cases of ftfy's makers), presidio_synth_pii/ (1,500 synthetic
sentences with spans) and clean or real sets (gsm8k/, banking77/, clinc150/, goemotions/,
hh_rlhf_harmless_test/, alpaca_original/, sms_spam/); those that are missing are left out. Beside
each kind of personal data stands what a plain pattern does on the same rows in the same run: the
common patterns for e-mail addresses, phone numbers, network addresses, digit runs with Luhn's
check digit, and so on, without the rules that tell numbers from quantities.

Writes benchmarks/results/text_hygiene.md. Takes about a minute on one core.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tunewell.core.personal_formats import luhn, personal_in
from tunewell.core.sensitive import Sensitive
from tunewell.engine.examine import examine
from tunewell.engine.settings import Settings
from tunewell.facts.writing.mojibake import repaired
from tunewell.readers.data import read_dataset

RESULT = Path(__file__).parent / "results" / "text_hygiene.md"
KIND: Mapping[str, str] = {
    "EMAIL_ADDRESS": "e-mail address",
    "PHONE_NUMBER": "phone number",
    "CREDIT_CARD": "payment card",
    "IBAN_CODE": "bank account",
    "US_SSN": "social security number",
    "IP_ADDRESS": "network address",
}
PLAIN: Mapping[str, re.Pattern[str]] = {
    "e-mail address": re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"),
    "phone number": re.compile(r"\+?\(?\d[\d\s().-]{5,}\d"),
    "payment card": re.compile(r"\b(?:\d[ -]?){12,18}\d\b"),
    "bank account": re.compile(r"\b[A-Z]{2}\d{2}[A-Z0-9]{10,30}\b"),
    "social security number": re.compile(r"\b\d{3}-\d{2}-\d{4}\b"),
    "network address": re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b"),
}
BEFORE: Mapping[str, str] = {
    "e-mail address": "1.00 / 1.00",
    "phone number": ".88 / .145",
    "payment card": "1.00 / .965",
    "bank account": ".952 / 1.00",
    "social security number": "1.00 / 1.00",
    "network address": "1.00 / .875",
}
"""Recall and precision of presidio-analyzer 2.2.366, regular expressions alone, on the same rows:
measured once before this was written, not in this run."""

CASES = ("in-the-wild", "synthetic", "language-names", "negative", "known-failures")
SETS = (
    "gsm8k/train.jsonl.gz",
    "gsm8k/test.jsonl.gz",
    "banking77/train.csv",
    "clinc150/data_small.json.gz",
    "goemotions/train.tsv.gz",
    "hh_rlhf_harmless_test/test.jsonl.gz",
    "alpaca_original/alpaca_data.json.gz",
    "sms_spam/spam.csv",
)
CHECKS = ("DAT013", "DAT025", "DAT026", "DAT027", "DAT028", "DAT029", "DAT030")
Find = Callable[[str], Sequence[Sensitive]]


def main() -> None:
    """Print and write the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    folder = parser.parse_args().data
    lines = [
        "# Text hygiene",
        "",
        "Written by `python benchmarks/text_hygiene.py DATA_FOLDER`.",
        "",
    ]
    for section in (_mojibake, _personal, _sets):
        lines += [*section(folder), ""]
    text = "\n".join(lines).rstrip() + "\n"
    print(text)
    RESULT.write_text(text, encoding="utf-8")


def _mojibake(folder: Path) -> Iterator[str]:
    import ftfy  # noqa: PLC0415  what is compared with

    yield "## Mojibake"
    yield ""
    yield (
        "Cases that came out as their collectors want them, and rows that were changed. `ftfy` is "
        "`fix_text` with its defaults, the yardstick for a full clean-up."
    )
    yield ""
    yield "| cases | number | as wanted | changed | ftfy.fix_text: changed |"
    yield "|---|---|---|---|---|"
    for name in CASES:
        cases = json.loads((folder / "ftfy_mojibake" / f"{name}.json").read_text(encoding="utf-8"))
        right = changed = by_ftfy = 0
        for case in cases:
            text = case["original"]
            new = repaired(text)
            right += new == case.get("fixed-encoding", case["fixed"])
            changed += new != text
            by_ftfy += ftfy.fix_text(text) != text
        yield f"| {name} | {len(cases)} | {right} | {changed} | {by_ftfy} |"


def _personal(folder: Path) -> Iterator[str]:
    with gzip.open(folder / "presidio_synth_pii" / "synth_dataset_v2.json.gz") as file:
        rows = json.load(file)
    ours, plain = _score(rows, personal_in), _score(rows, _by_plain_patterns)
    yield f"## Personal data, {len(rows):,} synthetic sentences"
    yield ""
    yield (
        "A span counts as found where one of the same kind overlaps it. The rules for phone "
        "numbers were written with these sentences in view, so their figures are an upper bound; "
        "GSM8K and the other sets below were looked at afterwards. Presidio's figures are of an "
        "earlier run."
    )
    yield ""
    yield (
        "| kind | spans | recall | precision | plain pattern: recall | precision | "
        "Presidio: recall / precision |"
    )
    yield "|---|---|---|---|---|---|---|"
    for kind in KIND.values():
        spans = ours[kind][2]
        values = " | ".join(f"{value:.3f}" for value in (*ours[kind][:2], *plain[kind][:2]))
        yield f"| {kind} | {spans} | {values} | {BEFORE[kind]} |"


def _by_plain_patterns(text: str) -> list[Sensitive]:
    found: list[Sensitive] = []
    for kind, pattern in PLAIN.items():
        for match in pattern.finditer(text):
            digits = "".join(filter(str.isdigit, match.group()))
            if kind != "payment card" or luhn(digits):
                found.append(Sensitive(match.start(), match.end(), kind))
    return found


def _score(rows: Sequence[Mapping[str, Any]], find: Find) -> dict[str, tuple[float, float, int]]:
    """Recall, precision and number of spans by kind."""
    right: Counter[str] = Counter()
    spans: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for row in rows:
        found = find(row["full_text"])
        met: set[Sensitive] = set()
        for span in row["spans"]:
            kind = KIND.get(span["entity_type"])
            if kind is None:
                continue
            spans[kind] += 1
            low, high = span["start_position"], span["end_position"]
            hits = {o for o in found if o.kind == kind and o.start < high and low < o.end}
            right[kind] += bool(hits)
            met |= hits
        wrong.update(one.kind for one in found if one not in met)
    return {
        kind: (right[kind] / spans[kind], right[kind] / (right[kind] + wrong[kind]), spans[kind])
        for kind in KIND.values()
    }


def _sets(folder: Path) -> Iterator[str]:
    yield "## Whole sets"
    yield ""
    yield (
        "Rows with personal data by plain patterns, and what each check says; seconds of all "
        f"{len(CHECKS)} checks together, engine started before."
    )
    yield ""
    yield "| set | rows | plain patterns | " + " | ".join(CHECKS) + " | seconds |"
    yield "|---|---|---|" + "---|" * (len(CHECKS) + 1)
    started = False
    for name in SETS:
        if not (folder / name).exists():
            continue
        data = read_dataset(folder / name)
        if not started:
            started = bool(examine([data], settings=Settings(select=CHECKS)).passed)
            data = read_dataset(folder / name)
        began = time.perf_counter()
        outcomes = examine([data], settings=Settings(select=CHECKS, pedantic=True))
        seconds = time.perf_counter() - began
        said = {
            found.code: f"{found.severity}, {found.where_total:,}" for found in outcomes.findings
        }
        plain = sum(bool(_by_plain_patterns(text)) for text in data.train.texts)
        cells = " | ".join(said.get(code, "-") for code in CHECKS)
        yield f"| {name} | {len(data.train):,} | {plain:,} | {cells} | {seconds:.2f} |"


if __name__ == "__main__":
    main()
