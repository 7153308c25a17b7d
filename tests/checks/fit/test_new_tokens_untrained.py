"""FIT013 new-tokens-untrained, on real models and tokenizers."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.preflight import tiny

from tunewell.checks.fit.new_tokens_untrained import new_tokens_untrained
from tunewell.preflight.collate import collate
from tunewell.preflight.rehearse import stage_of
from tunewell.subjects.batch import Batch, BatchRow, Collated
from tunewell.subjects.setup import NewTokens
from tunewell.testing import CheckCases, run_check
from tunewell.train.quiet import quiet

TOKENS = ("<tool>", "</tool>")


@functools.cache
def folder(*, tied: bool = False, tokenizer: bool = True) -> Path:
    """A saved base model, with or without its tokenizer."""
    made = tiny.folder()
    with quiet(1):
        tiny.causal(len(tiny.tokenizer()), tie_word_embeddings=tied).save_pretrained(made)
        if tokenizer:
            tiny.tokenizer().save_pretrained(made)
    return made


def subjects(
    out: Path,
    *,
    tied: bool = False,
    tokenizer: bool = True,
    used: bool = True,
    **adapter: Any,  # noqa: ANN401
) -> tuple[object, object]:
    """A trainer over rows with two new tokens."""
    from transformers import AutoModelForCausalLM

    tokens = tiny.tokenizer()
    tokens.add_tokens(list(TOKENS))
    with quiet(1):
        model = AutoModelForCausalLM.from_pretrained(folder(tied=tied, tokenizer=tokenizer))
        model.resize_token_embeddings(len(tokens))
    rows = tiny.chats()
    for row in rows if used else ():
        row["messages"][1]["content"] = f"<tool>{row['messages'][1]['content']}</tool>"
    adapted = tiny.lora(model, **adapter) if adapter else model
    trainer = tiny.sft(out, model=adapted, tokens=tokens, rows=rows)
    with quiet(1):
        stage = stage_of(trainer)
        assert stage is not None
        return tiny.looked(trainer), collate(stage)


FAULTY: dict[str, Callable[[Path], Any]] = {
    "LoRA on attention": lambda out: subjects(out, r=4),
    "only the config tells": lambda out: subjects(out, r=4, tokenizer=False),
    "tied embeddings": lambda out: subjects(out, r=4, tied=True),
    "only the input is trained": lambda out: subjects(out, modules_to_save=["embed_tokens"]),
}
IDS = [len(tiny.tokenizer()), len(tiny.tokenizer()) + 1]
HEALTHY: dict[str, Callable[[Path], Any]] = {
    "full": subjects,
    "both saved": lambda out: subjects(out, modules_to_save=["embed_tokens", "lm_head"]),
    "chosen rows, tied": lambda out: subjects(out, tied=True, trainable_token_indices=IDS),
    "chosen rows": lambda out: subjects(
        out, trainable_token_indices={"embed_tokens": IDS, "lm_head": IDS}
    ),
    "never used": lambda out: subjects(out, used=False, r=4),
}


@pytest.mark.reproduces("O22")
@pytest.mark.parametrize("build", FAULTY.values(), ids=FAULTY)
def test_real_models_are_found(build: Callable[[Path], Any], tmp_path: Path) -> None:
    found = run_check(new_tokens_untrained, build(tmp_path)).findings
    assert len(found) == 1
    assert "<tool>" in found[0].message


@pytest.mark.parametrize("build", HEALTHY.values(), ids=HEALTHY)
def test_healthy_models_are_quiet(build: Callable[[Path], Any], tmp_path: Path) -> None:
    assert not run_check(new_tokens_untrained, build(tmp_path)).findings


def rows(*ids: int) -> Batch:
    row = BatchRow(
        index=0,
        role="row",
        ids=np.array(ids),
        attended=np.ones(len(ids), dtype=bool),
        pieces=tuple(map(str, ids)),
    )
    return Batch(task="causal", train=Collated("train", (row,), 1, 1), vocabulary=None)


def tokens(*, embedded: bool, predicted: bool | None) -> Any:  # noqa: ANN401
    new = NewTokens(frozenset(IDS), TOKENS, embedded=embedded, predicted=predicted)
    return tiny.setup(new_tokens=new)


class TestNewTokensUntrained(CheckCases):
    """Setups written down."""

    check = new_tokens_untrained
    faulty = {
        "both frozen": (tokens(embedded=False, predicted=False), rows(1, IDS[0])),
        "output frozen": (tokens(embedded=True, predicted=False), rows(1, IDS[0])),
    }
    nearly = {"not in the rows": (tokens(embedded=False, predicted=False), rows(1, 2))}
    clean = {"trained": (tokens(embedded=True, predicted=True), rows(1, IDS[0]))}
