"""DAT046 columns-not-read."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from tunewell.checks.data.columns_not_read import columns_not_read
from tunewell.core.finding import Confidence, Severity
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.recipe import Recipe
from tunewell.testing import CheckCases, dataset, rows, run_check

ASK = "How do I descale the kettle that stands in the office kitchen?"
SAY = "Fill it with water and citric acid, let it stand for an hour, and rinse it."
TALK = [{"role": "user", "content": ASK}, {"role": "assistant", "content": SAY}]
SHAREGPT = [{"from": "human", "value": ASK}, {"from": "gpt", "value": SAY}]


def called(label: str, labels: list[str]) -> Dataset:
    """A data set for classification whose label column has this name."""
    made = dataset([f"text {at}" for at in range(len(labels))], labels)
    source = dataclasses.replace(made.train.source, label_column=label)
    return Dataset(train=dataclasses.replace(made.train, source=source))


def one(**record: Any) -> tuple[Dataset]:  # noqa: ANN401
    """A data set of two equal rows."""
    return (rows([record] * 2),)


PROMPTED = (
    "dataset = dataset.map(lambda r: "
    """{"prompt": r['instruction'] + ("\\n\\n" + r['input'] if r['input'] else ""), """
    """"completion": r['output']}, remove_columns=dataset.column_names)"""
)
JSON_SETTINGS = Recipe(file=Path("training_args.json"), format="transformers")


class TestColumnsNotRead(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = columns_not_read
    faulty = {
        "instruction": one(instruction=ASK, input="", output=SAY),
        "question": one(question=ASK, answer=SAY),
        "system beside messages": one(system="Answer in verse.", messages=TALK),
        "system beside a prompt": one(system="Answer in verse.", prompt=ASK, completion=SAY),
        "human and gpt": one(conversations=SHAREGPT),
        "a chat by another name": one(dialog=TALK),
        "text by another name": (rows([{"content": f"{SAY} {at}"} for at in range(20)]),),
        "question beside a pair": one(question=ASK, chosen=SAY, rejected="No."),
        "kto_tag": one(prompt=ASK, completion=SAY, kto_tag=True),
        "a target": (called("target", ["0", "1"]),),
        "words as labels": (called("label", ["good", "bad"]),),
        "words, and a Trainer": (called("label", ["good", "bad"]), JSON_SETTINGS),
        "lists of numbers": (
            rows([{"text": ASK, "labels": [0, 2]}, {"text": SAY, "labels": [1]}]),
        ),
    }
    nearly = {
        "instruction with a text": one(instruction=ASK, output=SAY, text=ASK + SAY),
        "no prompt column": one(chosen=TALK, rejected=[*TALK[:1], {**TALK[1], "content": "No."}]),
        "conversations of users": one(
            conversations=[{"from": "user", "value": ASK}, {"from": "assistant", "value": SAY}]
        ),
        "label_ids": (called("label_ids", ["0", "1"]),),
        "several flags": (
            rows([{"text": ASK, "labels": [0, 1, 1]}, {"text": SAY, "labels": [1, 0, 0]}]),
        ),
        "tags": (rows([{"tokens": ["a"], "ner_tags": ["O"]}]),),
    }
    clean = {
        "messages": one(messages=TALK),
        "prompt and completion": one(prompt=ASK, completion=SAY),
        "pairs": one(prompt=ASK, chosen=SAY, rejected="No."),
        "KTO": one(prompt=ASK, completion=SAY, label=True),
        "numbers": (called("label", ["0", "1"]),),
    }


@pytest.mark.parametrize(
    ("name", "severity", "confidence"),
    [
        ("system beside messages", Severity.INFO, Confidence.MEDIUM),
        ("question beside a pair", Severity.INFO, Confidence.MEDIUM),
        ("instruction", Severity.INFO, Confidence.LOW),
        ("words as labels", Severity.INFO, Confidence.LOW),
        ("words, and a Trainer", Severity.WARNING, Confidence.MEDIUM),
    ],
)
def test_what_is_lost_in_silence_weighs_more(
    name: str, severity: Severity, confidence: Confidence
) -> None:
    (finding,) = run_check(columns_not_read, TestColumnsNotRead.faulty[name]).findings
    assert (finding.severity, finding.confidence) == (severity, confidence)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (
            "instruction",
            PROMPTED,
        ),
        (
            "question",
            "dataset = dataset.rename_columns({'question': 'prompt', 'answer': 'completion'})",
        ),
        ("kto_tag", "dataset = dataset.rename_columns({'kto_tag': 'label'})"),
        ("question beside a pair", "dataset = dataset.rename_columns({'question': 'prompt'})"),
    ],
)
def test_the_line_to_write(name: str, line: str) -> None:
    (finding,) = run_check(columns_not_read, TestColumnsNotRead.faulty[name]).findings
    assert finding.fixes[0].title == line
    compile(line, "fix", "exec")
