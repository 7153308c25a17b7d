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


def assistant(rows: Any = None, **settings: Any) -> Any:
    """TRL on the assistant's turns alone, over as many steps as a real run takes."""
    return tiny.sft(live.OUT, rows=rows, **{"max_steps": 200, **settings})


def sft(rows: Any, **settings: Any) -> Any:
    return assistant(rows, **{"assistant_only_loss": False, **settings})


def plain(rows: Any, **settings: Any) -> Any:
    return live.trainer(rows, **{"max_steps": 200, **settings})


def ended(tokens: Any) -> list[dict[str, Any]]:
    return live.plain_rows([row["text"] + "</s>" for row in texts()], tokens)


def own_pad() -> Any:
    tokens = tiny.tokenizer()
    return plain(ended(tokens), tokens=tokens, collator=live.masking_by_token(tokens))


HEALTHY: dict[str, Callable[[], Any]] = {
    "SFT on texts": lambda: sft(texts()),
    "SFT on texts, padding is the end token": lambda: sft(texts(), tokens=tiny.tokenizer(pad=None)),
    "SFT on texts with BOS": lambda: sft(texts(), tokens=tiny.tokenizer(bos=True)),
    "SFT on prompts and completions": lambda: sft(pairs()),
    "SFT on prompts by choice": lambda: sft(pairs(), completion_only_loss=False),
    "SFT on messages of prompts and completions": lambda: sft(asked_and_answered()),
    "SFT on assistant turns": assistant,
    "SFT on every turn": lambda: sft(tiny.chats()),
    "SFT on several turns": lambda: assistant(several_turns()),
    "SFT on several turns in full": lambda: sft(several_turns()),
    "SFT with BOS in the template": lambda: assistant(
        tokens=tiny.tokenizer(template=BOS_CHATML, bos=True)
    ),
    "SFT, packed": lambda: sft(texts(), packing=True, max_length=64),
    "SFT on assistant turns, packed": lambda: assistant(packing=True, max_length=96),
    "SFT without padding": lambda: sft(texts(), padding_free=True, max_length=None),
    "SFT with LoRA": lambda: assistant(model=tiny.lora(tiny.causal()), learning_rate=2e-4),
    "SFT with evaluation": lambda: sft(texts(), eval_strategy="no"),
    "continued pretraining in TRL": lambda: sft(
        texts(60), packing=True, packing_strategy="wrapped", max_length=32
    ),
    "continued pretraining": lambda: plain(pieces()),
    "continued pretraining with BOS between texts": lambda: plain(
        pieces(bos=True), tokens=tiny.tokenizer(bos=True)
    ),
    "continued pretraining on pieces, masked by token": lambda: plain(
        [{"input_ids": row["input_ids"]} for row in pieces()],
        collator=live.masking_by_token(tiny.tokenizer()),
    ),
    "lines of text without an end": lambda: plain(
        live.plain_rows([row["text"] for row in texts()]),
        collator=live.masking_by_token(tiny.tokenizer()),
    ),
    "a plain Trainer with padding of its own": own_pad,
    "rows masked by hand": lambda: plain(live.masked_rows(live.question_answer())),
    "rows masked by hand, padded to the left": lambda: plain(
        live.masked_rows(live.question_answer()), tokens=tiny.tokenizer(padding_side="left")
    ),
}


WORTH_KNOWING = {
    "continued pretraining in TRL": {"DAT091"},  # packed texts see each other, as is usual there
    "lines of text without an end": {"DAT083"},  # right for text that may be read on
}
"""Information that is given all the same."""


@pytest.mark.parametrize("name", HEALTHY)
def test_nothing_is_said(name: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    document = tunewell.check(HEALTHY[name]())
    said = [
        f"{finding.code} {finding.message}"
        for finding in document.findings
        if finding.severity is not Severity.INFO or finding.family == "data"
        if finding.code not in WORTH_KNOWING.get(name, ())
    ]
    assert not said
    assert not document.broken
    assert not [o for o in document.not_run if "rehearsal failed" in o.reason]
