"""How many reworded rows are found, at how many false alarms, and what is said on clean data.

    python benchmarks/paraphrase.py DATA_FOLDER

DATA_FOLDER has gsm8k/, decontaminator_rephrased/ and, where they are there, banking77/, clinc150/
and alpaca_original/. The 1,319 GSM8K test questions that a language model reworded (LLM
decontaminator, 2023) are hidden in the 7,473 training questions. The constants of the method
were chosen on these very rows, so the recall is that of the set they were made on; thresholds come
from the training rows alone. A false alarm is a
test row that is named against the training rows without the reworded ones.
"""

from __future__ import annotations

import csv
import gzip
import json
import platform
import re
import resource
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from tunewell.facts.leakage.judged import distinct, reworded
from tunewell.facts.leakage.paraphrase import partners
from tunewell.facts.leakage.wording import NUMBER_WORDS
from tunewell.facts.near.folding import fold

RESULTS = Path(__file__).parent / "results" / "paraphrase.md"
RATE = 0.01
SHARES = (13, 30, 66, 130, 400)
Floats = NDArray[np.float64]


def main(folder: Path) -> None:
    """Measure, print and keep the figures."""
    train = [row["question"] for row in rows(folder / "gsm8k" / "train.jsonl.gz")]
    test = [row["question"] for row in rows(folder / "gsm8k" / "test.jsonl.gz")]
    copies = [
        row["text"].partition("\nAnswer:")[0].removeprefix("Question:").strip()
        for row in rows(folder / "decontaminator_rephrased" / "rephrase_gsm8k.jsonl")
    ]
    lines = [
        "# Reworded rows",
        "",
        (
            "`python benchmarks/paraphrase.py DATA_FOLDER`, one thread, "
            f"{platform.machine()}, Python {platform.python_version()}."
        ),
        "",
        "## GSM8K test rows, reworded and hidden in its training rows",
        "",
        "The constants were chosen on these rows; thresholds come from the training rows alone.",
        (
            "Recall at 1 % false alarms with the threshold set on the truth, by half of the rows; "
            "then with the threshold that the method sets itself (p at most 0.01)."
        ),
        "",
        "| method | even rows | odd rows | own threshold, odd rows | its false alarms | CPU |",
        "|---|---|---|---|---|---|",
    ]
    texts = [[fold(text) for text in part] for part in (train, test, copies)]
    for name, score in {
        "TF-IDF of words 1-2, nearest": lambda t, k: nearest(t, k, "word", (1, 2)),
        "TF-IDF of characters 3-5, nearest": lambda t, k: nearest(t, k, "char_wb", (3, 5)),
        "any shared run of 10 words": shared_ten,
        "this": standing,
    }.items():
        lines.append(compared(name, score, *texts))
    bare = [[fold(without_numbers(text)) for text in part] for part in (train, test, copies)]
    lines.append(compared("this, numbers taken out of every text", standing, *bare))
    lines += [
        "",
        "## The check itself: p at most 0.01, at most 5 % false among the named, at least 3",
        "",
        "| hidden rows | found | others named |",
        "|---|---|---|",
    ]
    for hidden in (0, *SHARES, len(copies)):
        found = reworded(distinct(test), distinct(train + copies[:hidden])).row
        lines.append(f"| {hidden:,} | {(found < hidden).sum():,} | {(found >= hidden).sum():,} |")
    lines += ["", "## Sets without planted copies", "", "| set | rows | named |", "|---|---|---|"]
    for name, (known, judged) in clean(folder).items():
        named = len(reworded(distinct(judged), distinct(known)).row)
        lines.append(f"| {name} | {len(known):,} / {len(judged):,} | {named:,} |")
    lines += ["", f"Peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB."]
    text = "\n".join(lines) + "\n"
    print(text)
    RESULTS.write_text(text, encoding="utf-8")


def rows(path: Path) -> list[dict[str, str]]:
    """The records of a JSON Lines file."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def compared(name: str, score, train: list[str], test: list[str], copies: list[str]) -> str:  # noqa: ANN001  a function of two lists
    """One line of the table."""
    started = time.process_time()
    leaked, leaked_p = score(test, train + copies)
    seconds = time.process_time() - started
    healthy, healthy_p = score(test, train)
    cells = []
    for half in (0, 1):
        bound = np.sort(healthy[half::2])[::-1][int(RATE * len(healthy[half::2]))]
        cells.append(f"{(leaked[half::2] > bound).mean():.3f}")
    if leaked_p is None or healthy_p is None:
        cells += ["", ""]
    else:
        cells.append(f"{(leaked_p[1::2] <= RATE).mean():.3f}")
        cells.append(f"{100 * (healthy_p <= RATE).mean():.1f} %")
    return f"| {name} | {' | '.join(cells)} | {seconds:.1f} s |"


def standing(judged: list[str], known: list[str]) -> tuple[Floats, Floats | None]:
    """How far each row stands out, and its p value."""
    unique = list(dict.fromkeys(known))
    found = partners(judged, unique)
    return found.standing, found.p


def nearest(
    judged: list[str], known: list[str], analyzer: str, runs: tuple[int, int]
) -> tuple[Floats, None]:
    """The largest cosine to a known row."""
    vectors = TfidfVectorizer(analyzer=analyzer, ngram_range=runs, sublinear_tf=True)
    vectors.fit(judged + known)
    cosine = vectors.transform(judged) @ vectors.transform(known).T
    return np.asarray(cosine.max(axis=1).todense()).ravel(), None


def shared_ten(judged: list[str], known: list[str]) -> tuple[Floats, None]:
    """The number of known runs of 10 words that a row holds."""
    runs = {run for text in known for run in tens(text)}
    return np.array([float(len(tens(text) & runs)) for text in judged]), None


def tens(text: str) -> set[tuple[str, ...]]:
    """Its runs of 10 words."""
    words = text.split()
    return {tuple(words[at : at + 10]) for at in range(len(words) - 9)}


def without_numbers(text: str) -> str:
    """The text without digits and words for numbers."""
    words = re.sub(r"[\d.,/%$]+", " ", text).split()
    return " ".join(word for word in words if word.lower().strip("?!") not in NUMBER_WORDS)


def clean(folder: Path) -> dict[str, tuple[list[str], list[str]]]:
    """Sets in which nothing was planted: training rows and rows that are judged."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    train = [row["question"] for row in rows(folder / "gsm8k" / "train.jsonl.gz")]
    found["GSM8K training rows, split at random"] = halves(train)
    if (folder / "banking77").is_dir():
        files = [folder / "banking77" / f"{part}.csv" for part in ("train", "test")]
        parts = [
            [row["text"] for row in csv.DictReader(file.read_text(encoding="utf-8").splitlines())]
            for file in files
        ]
        found["BANKING77"] = (parts[0], parts[1])
        found["BANKING77, split at random"] = halves(parts[0] + parts[1])
    if (folder / "clinc150").is_dir():
        for name in ("full", "small", "imbalanced"):
            with gzip.open(folder / "clinc150" / f"data_{name}.json.gz", "rt") as file:
                data = json.load(file)
            part = {key: [text for text, _ in data[key]] for key in ("train", "val", "test")}
            found[f"CLINC150 {name}"] = (part["train"], part["val"] + part["test"])
    if (folder / "alpaca_original").is_dir():
        with gzip.open(folder / "alpaca_original" / "alpaca_data.json.gz", "rt") as file:
            asked = [f"{row['instruction']}\n{row['input']}" for row in json.load(file)]
        test = [row["question"] for row in rows(folder / "gsm8k" / "test.jsonl.gz")]
        found["Alpaca, GSM8K test"] = (asked, test)
        found["Alpaca, split at random"] = halves(asked)
    return found


def halves(texts: list[str]) -> tuple[list[str], list[str]]:
    """Nine rows in ten, and the tenth."""
    order = np.random.default_rng(0).permutation(len(texts))
    cut = len(texts) // 10
    return [texts[at] for at in order[cut:]], [texts[at] for at in order[:cut]]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
