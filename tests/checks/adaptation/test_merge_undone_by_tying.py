"""ADA021 merge-undone-by-tying, on real adapters."""

from pathlib import Path
from typing import Any

import pytest
from tests.preflight import tiny

from tunewell.checks.adaptation.merge_undone_by_tying import merge_undone_by_tying
from tunewell.core.check import NotRunError
from tunewell.testing import CheckCases, run_check


def language_model(out: Path, model: Any) -> Any:  # noqa: ANN401
    """A plain Trainer: TRL's takes no adapter on the output layer."""
    from transformers import DataCollatorForTokenClassification

    tokens = tiny.tokenizer()
    ids = [tokens(text)["input_ids"] for text in tiny.sentences(24)]
    rows = [{"input_ids": i, "attention_mask": [1] * len(i), "labels": i} for i in ids]
    collator = DataCollatorForTokenClassification(tokens)
    return tiny.classifier(out, model=model, rows=rows, collator=collator)


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({"target_modules": ["q_proj", "embed_tokens"]}, 1),
        ({"modules_to_save": ["embed_tokens"]}, 0),
        ({"modules_to_save": ["embed_tokens", "lm_head"]}, 0),
        ({}, 0),
    ],
    ids=["a target", "saved", "both saved", "attention"],
)
def test_adapters_of_a_tied_model(settings: dict[str, Any], found: int, tmp_path: Path) -> None:
    model = tiny.lora(tiny.causal(tie_word_embeddings=True), **settings)
    trip = tiny.travelled(language_model(tmp_path, model))
    assert len(run_check(merge_undone_by_tying, (trip,)).findings) == found


class TestMergeUndoneByTying(CheckCases):
    """Round trips written down."""

    check = merge_undone_by_tying
    faulty = {"another model": (tiny.round_trip(adapter=True, merged=2.6),)}
    nearly = {"rounding in 16 bits": (tiny.round_trip(adapter=True, merged=0.04, coarse=True),)}
    clean = {"the same": (tiny.round_trip(adapter=True, merged=1e-6),)}


def test_adapters_that_are_tied_themselves_are_not_run(tmp_path: Path) -> None:
    settings = {"target_modules": ["q_proj", "embed_tokens"], "ensure_weight_tying": True}
    model = tiny.lora(tiny.causal(tie_word_embeddings=True), **settings)
    with pytest.raises(NotRunError, match="computed from others"):
        tiny.travelled(language_model(tmp_path, model))
