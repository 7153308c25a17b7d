"""DAT043 message-key-not-read."""

from typing import Any

from tests.facts.templates import CHATML, GEMMA, MISTRAL, model

from tunewell.checks.data.message_key_not_read import message_key_not_read
from tunewell.core.finding import Severity
from tunewell.testing import CheckCases, rows, run_check

LAST_ONLY = """
{%- for message in messages %}
    {%- if loop.last and message.thinking %}{{ message.thinking }}{% endif %}
    {{- message.role + message.content }}
{%- endfor %}
"""


def thinking(key: str, value: object = "Six times seven is forty-two.") -> dict[str, Any]:
    """A row whose assistant has something under this key."""
    asks = {"role": "user", "content": "What is six times seven?"}
    return {"messages": [asks, {"role": "assistant", "content": "42", key: value}]}


class TestMessageKeyNotRead(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = message_key_not_read
    faulty = {
        "a word of its own": (rows([thinking("rationale")]),),
        "thinking": (rows([thinking("thinking")] * 3),),
        "not read by Gemma": (rows([thinking("reasoning_content")]), model(GEMMA)),
        "not read by ChatML": (rows([thinking("thought")]), model(CHATML)),
        "not read by Mistral": (rows([thinking("thinking")]), model(MISTRAL)),
    }
    nearly = {
        "the usual key": (rows([thinking("reasoning_content")]),),
        "read by the template": (rows([thinking("reasoning_content")]), model(CHATML)),
        "copied by transformers": (rows([thinking("thinking")]), model(CHATML)),
        "read in the last turn": (rows([thinking("thinking")]), model(LAST_ONLY)),
        "about the message": (rows([thinking("timestamp", "2026-01-01")]),),
        "a weight": (rows([thinking("weight", 0)]),),
        "empty": (rows([thinking("thinking", "")]),),
        "a template that is none": (rows([thinking("thinking")]), model("{% for %}")),
    }
    clean = {"no further key": (rows([thinking("name", "Ann")]), model(GEMMA))}


def test_the_fix_names_the_key_that_is_read() -> None:
    subjects = TestMessageKeyNotRead.faulty["not read by ChatML"]
    (finding,) = run_check(message_key_not_read, subjects).findings
    assert finding.severity is Severity.WARNING
    assert finding.fixes[0].title.startswith("rename 'thought' to 'reasoning_content'")
