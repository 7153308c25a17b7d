"""Chat templates of well-known models as TRL ships them, and a plain one."""

import importlib.util
from pathlib import Path


def published(name: str) -> str:
    """A template of TRL's collection; those that end in "_training" are patched for training."""
    found = importlib.util.find_spec("trl")
    assert found is not None
    assert found.origin is not None
    return (Path(found.origin).parent / "chat_templates" / f"{name}.jinja").read_text("utf-8")


QWEN_3 = published("qwen3")
"""Leaves thoughts out of past turns; the last answer gets an empty one where it has none."""

QWEN_3_TRAINING = published("qwen3_training")

R1 = published("deepseek_r1_distill")
"""Opens a thought where it generates, and takes every thought out of what it is given."""

LLAMA_3_1 = published("llama3_1")
"""Writes arguments as JSON, whatever they are."""

PLAIN_CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}"
    "{% for call in message.tool_calls or [] %}{{ call.function.arguments }}{% endfor %}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""No place for tools; arguments are written as they are."""
