"""What the trainer's tokenizer says of its special tokens and of how an answer ends."""

from __future__ import annotations

from typing import Any

from tunewell.preflight.stage import Stage
from tunewell.subjects.batch import Vocabulary

QUESTION, ANSWER = "tunewell asks", "tunewell answers"


def vocabulary_of(stage: Stage) -> Vocabulary | None:
    """The tokenizer's special tokens; None where the trainer has no tokenizer."""
    tokenizer = stage.tokenizer
    if tokenizer is None or not hasattr(tokenizer, "all_special_ids"):
        return None
    ends = {tokenizer.eos_token_id, *_turn_ends(tokenizer)} - {None}
    generation = getattr(stage.core, "generation_config", None)
    return Vocabulary(
        name=str(getattr(tokenizer, "name_or_path", "")),
        size=len(tokenizer),
        bos=tokenizer.bos_token_id,
        eos=tokenizer.eos_token_id,
        pad=tokenizer.pad_token_id,
        unknown=tokenizer.unk_token_id,
        mask=tokenizer.mask_token_id,
        special=_special(tokenizer),
        terminators=frozenset(ends),
        generation_ends=_ids(getattr(generation, "eos_token_id", None)),
        adds_bos=_adds_bos(tokenizer),
        padding_side=str(tokenizer.padding_side),
        template=_template(tokenizer),
    )


def _ids(value: Any) -> frozenset[int]:
    if value is None:
        return frozenset()
    return frozenset(value) if isinstance(value, list | tuple) else frozenset({int(value)})


def _special(tokenizer: Any) -> frozenset[int]:
    added = getattr(tokenizer, "added_tokens_decoder", {})
    return frozenset(tokenizer.all_special_ids) | {
        number for number, token in added.items() if getattr(token, "special", False)
    }


def _adds_bos(tokenizer: Any) -> bool:
    if tokenizer.bos_token_id is None:
        return False
    ids = tokenizer("a")["input_ids"]
    return bool(ids) and ids[0] == tokenizer.bos_token_id


def _template(tokenizer: Any) -> str | None:
    template = getattr(tokenizer, "chat_template", None)
    return template if isinstance(template, str) else None


def _turn_ends(tokenizer: Any) -> set[int]:
    """Special tokens that the chat template puts right after an answer."""
    if _template(tokenizer) is None:
        return set()
    try:
        text = tokenizer.apply_chat_template(
            [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": ANSWER}],
            tokenize=False,
        )
    except Exception:  # noqa: BLE001  a template may refuse; then it tells nothing
        return set()
    _, _, after = str(text).rpartition(ANSWER)
    ids = tokenizer(after, add_special_tokens=False)["input_ids"]
    special = _special(tokenizer) | set(tokenizer.get_added_vocab().values())
    return {ids[0]} & special if ids else set()
