"""Make the sample in this folder from the published files of BANKING77.

    python examples/banking77/make_sample.py FOLDER_WITH_train.csv_AND_test.csv

Nothing is planted in the rows: leaked, duplicated and conflicting rows are the data set's own.
The intents were chosen so that those rows are in; within an intent rows are drawn at random, but a
row that also stands in the other file, or twice in its own, is always taken.
"""

from __future__ import annotations

import csv
import random
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path

INTENTS = (
    "apple_pay_or_google_pay",
    "atm_support",
    "automatic_top_up",
    "card_acceptance",
    "card_not_working",
    "change_pin",
    "compromised_card",
    "country_support",
    "declined_cash_withdrawal",
    "declined_transfer",
    "edit_personal_details",
    "extra_charge_on_statement",
    "failed_transfer",
    "get_disposable_virtual_card",
    "passcode_forgotten",
    "pending_top_up",
    "pin_blocked",
    "reverted_card_payment?",
    "top_up_by_cash_or_cheque",
    "top_up_failed",
    "top_up_limits",
    "top_up_reverted",
    "transfer_fee_charged",
    "verify_top_up",
)
TRAIN_ROWS, EVAL_ROWS, TEST_ROWS = 50, 15, 25

Row = tuple[str, str]


def main(folder: Path) -> None:
    """Draw the three files with a fixed seed."""
    generator = random.Random(0)  # noqa: S311  a reproducible draw, not a secret
    train, test = read(folder / "train.csv"), read(folder / "test.csv")
    seen = Counter(folded(text) for text, _ in train)
    judged = {folded(text) for text, _ in test}
    here = Path(__file__).parent
    taken = draw(train, TRAIN_ROWS, generator, lambda text: seen[text] > 1 or text in judged)
    write(here / "train.csv", taken, generator)
    by_intent = grouped(test)
    for rows in by_intent.values():
        generator.shuffle(rows)
    for name, first, last in (("eval", 0, EVAL_ROWS), ("test", EVAL_ROWS, EVAL_ROWS + TEST_ROWS)):
        rows = [row for intent in INTENTS for row in by_intent[intent][first:last]]
        write(here / f"{name}.csv", rows, generator)


def read(path: Path) -> list[Row]:
    """Rows of the chosen intents."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [(row["text"], row["category"]) for row in csv.DictReader(file)]
    return [row for row in rows if row[1] in INTENTS]


def grouped(rows: list[Row]) -> dict[str, list[Row]]:
    """Rows by intent, in file order."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row[1]].append(row)
    return groups


def draw(rows: list[Row], count: int, generator: random.Random, keep) -> list[Row]:  # noqa: ANN001
    """`count` rows of each intent, those that `keep` names first."""
    drawn: list[Row] = []
    for group in grouped(rows).values():
        wanted = [row for row in group if keep(folded(row[0]))]
        others = [row for row in group if not keep(folded(row[0]))]
        generator.shuffle(others)
        drawn += (wanted + others)[:count]
    return drawn


def folded(text: str) -> str:
    """The text without case and punctuation."""
    return re.sub(r"\W+", " ", text.lower()).strip()


def write(path: Path, rows: list[Row], generator: random.Random) -> None:
    """Write rows in random order."""
    rows = list(rows)
    generator.shuffle(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("text", "category"))
        writer.writerows(rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
