"""The raw rows of a trainer's data sets."""

from typing import Any

import pytest
from tests.facts.conversations import turns
from tests.facts.reasoning_templates import QWEN_3
from tests.preflight import live, tiny

import tunewell
from tunewell.core.check import NotRunError
from tunewell.preflight.live_dataset import MOST_ROWS, live_dataset
from tunewell.preflight.rehearse import stage_of
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.layout import Kind

THINKS = "<think>\nI count the {} ones.\n</think>\n\nThere are {}."


def read(trainer: object) -> Dataset:
    stage = stage_of(trainer)
    assert stage is not None
    return live_dataset(stage)


def test_messages_and_completions_are_kept_by_trl() -> None:
    assert read(tiny.sft(live.OUT)).kind is Kind.CHAT
    rows = [{"prompt": q, "completion": a} for q, a in live.question_answer(end="")]
    found = read(tiny.sft(live.OUT, rows=rows, assistant_only_loss=False))
    assert found.kind is Kind.COMPLETION
    assert str(found.train.source.path) == "trainer.train_dataset"
    assert len(found.train) == len(rows)
    assert not any("</s>" in text for text in found.train.texts)  # TRL writes it there itself


def test_tokens_alone_are_not_read() -> None:
    with pytest.raises(NotRunError, match="tokens alone"):
        read(live.trainer(live.masked_rows(live.question_answer())))


def test_labels_by_number_have_names() -> None:
    from datasets import ClassLabel, Dataset, Features, Value

    texts = tiny.sentences(24)
    features = Features({"text": Value("string"), "labels": ClassLabel(names=["good", "bad"])})
    rows = Dataset.from_dict({"text": texts, "labels": [0, 1] * 12}, features=features)
    trainer = tiny.classifier(live.OUT)
    trainer.train_dataset = rows
    assert read(trainer).label_names == ("bad", "good")


def test_a_large_set_is_read_in_part() -> None:
    count = MOST_ROWS + 500
    rows: list[dict[str, Any]] = [
        {"text": f"{text} {at}", "input_ids": [5, 6]}
        for at, text in enumerate(tiny.sentences(count))
    ]
    trainer = live.trainer(rows)
    found = read(trainer).train
    assert len(found) == MOST_ROWS
    assert found.texts[-1].endswith(str(count - 1))
    assert found.lines[-1] == count


def test_what_a_template_does_to_live_rows_is_found() -> None:
    rows = [turns("How many?", THINKS.format("red", 3), "And now?", THINKS.format("green", 4))] * 4
    tokens = tiny.tokenizer(template=QWEN_3)
    document = tunewell.check(
        tiny.sft(live.OUT, rows=rows, tokens=tokens, assistant_only_loss=False)
    )
    assert "DAT096" in {finding.code for finding in document.findings}
