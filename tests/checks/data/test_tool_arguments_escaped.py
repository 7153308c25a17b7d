"""DAT098 tool-arguments-escaped."""

import json

from tests.facts.conversations import calling, turns
from tests.facts.reasoning_templates import LLAMA_3_1, PLAIN_CHATML, QWEN_3
from tests.facts.templates import CHATML, model

from tunewell.checks.data.tool_arguments_escaped import tool_arguments_escaped
from tunewell.core.finding import Text
from tunewell.testing import CheckCases, rows, run_check

OBJECT = calling({"city": "Tromsø"})
AS_TEXT = calling(json.dumps({"city": "Tromsø"}))


class TestToolArgumentsEscaped(CheckCases):
    """Arguments as an object and as a text, in templates that want the one or the other."""

    check = tool_arguments_escaped
    faulty = {
        "a text, written as JSON": (rows([AS_TEXT] * 3), model(LLAMA_3_1)),
        "a text, within a whole call": (rows([AS_TEXT]), model(CHATML)),
        "an object, written as it is": (rows([OBJECT]), model(PLAIN_CHATML)),
    }
    nearly = {
        "a text, written as it is": (rows([AS_TEXT]), model(PLAIN_CHATML)),
        "a template that takes both, a text": (rows([AS_TEXT]), model(QWEN_3)),
        "a template that takes both, an object": (rows([OBJECT]), model(QWEN_3)),
    }
    clean = {
        "an object, written as JSON": (rows([OBJECT]), model(LLAMA_3_1)),
        "no calls": (rows([turns("Hi", "Hello.")]), model(LLAMA_3_1)),
    }


def test_what_is_written_is_shown() -> None:
    subjects = TestToolArgumentsEscaped.faulty["a text, written as JSON"]
    (finding,) = run_check(tool_arguments_escaped, subjects).findings
    assert isinstance(finding.evidence[0], Text)
    assert '{\\"city\\":' in finding.evidence[0].text
    assert "json.loads" in finding.fixes[0].title
