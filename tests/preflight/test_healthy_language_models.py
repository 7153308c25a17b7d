"""Nothing is said of healthy fine-tunes of language models, however they are set up."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.preflight import live, tiny

import tunewell
from tunewell.core.finding import Severity

BOS_CHATML = "{{ bos_token }}" + tiny.CHATML
TURNS = 3


def texts(count: int = 40) -> list[dict[str, Any]]:
    return [{"text": text} for text in tiny.sentences(count)]


def pairs() -> list[dict[str, Any]]:
    return [{"prompt": q, "completion": a} for q, a in live.question_answer(end="")]


def asked_and_answered() -> list[dict[str, Any]]:
    """Prompt-completion rows as messages."""
    return [
        {"prompt": row["messages"][:1], "completion": row["messages"][1:]} for row in tiny.chats()
    ]


def several_turns() -> list[dict[str, Any]]:
    rows = tiny.chats(24)
    return [
        {"messages": [turn for row in rows[at : at + TURNS] for turn in row["messages"]]}
        for at in range(len(rows) - TURNS)
    ]


def pieces(bos: bool = False) -> list[dict[str, Any]]:
    """Equally long pieces of a stream of texts with an end token between them."""
    stream = "</s>".join(("<s>" if bos else "") + text for text in tiny.sentences(150))
    ids = tiny.tokenizer()(stream)["input_ids"]
    return [
        {"input_ids": ids[at : at + 32], "labels": ids[at : at + 32]}
        for at in range(0, len(ids) - 32, 32)
    ]


def sft(rows: Any, **settings: Any) -> Any:
    return tiny.sft(live.OUT, rows=rows, **{"assistant_only_loss": False, **settings})


def ended(tokens: Any) -> list[dict[str, Any]]:
    return live.plain_rows([row["text"] + "</s>" for row in texts()], tokens)


def own_pad() -> Any:
    tokens = tiny.tokenizer()
    return live.trainer(ended(tokens), tokens=tokens, collator=live.masking_by_token(tokens))


HEALTHY: dict[str, Callable[[], Any]] = {
    "SFT on texts": lambda: sft(texts()),
    "SFT on texts, padding is the end token": lambda: sft(texts(), tokens=tiny.tokenizer(pad=None)),
    "SFT on texts with BOS": lambda: sft(texts(), tokens=tiny.tokenizer(bos=True)),
    "SFT on prompts and completions": lambda: sft(pairs()),
    "SFT on prompts by choice": lambda: sft(pairs(), completion_only_loss=False),
    "SFT on messages of prompts and completions": lambda: sft(asked_and_answered()),
    "SFT on assistant turns": lambda: tiny.sft(live.OUT),
    "SFT on every turn": lambda: sft(tiny.chats()),
    "SFT on several turns": lambda: tiny.sft(live.OUT, rows=several_turns()),
    "SFT on several turns in full": lambda: sft(several_turns()),
    "SFT with BOS in the template": lambda: tiny.sft(
        live.OUT, tokens=tiny.tokenizer(template=BOS_CHATML, bos=True)
    ),
    "SFT, packed": lambda: sft(texts(), packing=True, max_length=64),
    "SFT on assistant turns, packed": lambda: tiny.sft(live.OUT, packing=True, max_length=96),
    "SFT without padding": lambda: sft(texts(), padding_free=True, max_length=None),
    "SFT with LoRA": lambda: tiny.sft(live.OUT, model=tiny.lora(tiny.causal())),
    "SFT with evaluation": lambda: sft(texts(), eval_strategy="no"),
    "continued pretraining in TRL": lambda: sft(
        texts(60), packing=True, packing_strategy="wrapped", max_length=32
    ),
    "continued pretraining": lambda: live.trainer(pieces()),
    "continued pretraining with BOS between texts": lambda: live.trainer(
        pieces(bos=True), tokens=tiny.tokenizer(bos=True)
    ),
    "continued pretraining on pieces, masked by token": lambda: live.trainer(
        [{"input_ids": row["input_ids"]} for row in pieces()],
        collator=live.masking_by_token(tiny.tokenizer()),
    ),
    "lines of text without an end": lambda: live.trainer(
        live.plain_rows([row["text"] for row in texts()]),
        collator=live.masking_by_token(tiny.tokenizer()),
    ),
    "a plain Trainer with padding of its own": own_pad,
    "rows masked by hand": lambda: live.trainer(live.masked_rows(live.question_answer())),
    "rows masked by hand, padded to the left": lambda: live.trainer(
        live.masked_rows(live.question_answer()), tokens=tiny.tokenizer(padding_side="left")
    ),
}


@pytest.mark.parametrize("build", HEALTHY.values(), ids=HEALTHY)
def test_nothing_is_said(build: Callable[[], Any], tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    document = tunewell.check(build())
    said = [
        f"{finding.code} {finding.message}"
        for finding in document.findings
        if finding.severity is not Severity.INFO
    ]
    assert not said
    assert not document.broken
    assert not [o for o in document.not_run if "rehearsal failed" in o.reason]
