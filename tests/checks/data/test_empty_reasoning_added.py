"""DAT097 empty-reasoning-added."""

from tests.facts.conversations import turns
from tests.facts.reasoning_templates import QWEN_3
from tests.facts.templates import CHATML, model

from tunewell.checks.data.empty_reasoning_added import empty_reasoning_added
from tunewell.core.finding import Severity
from tunewell.testing import CheckCases, rows, run_check

PLAIN = [turns("Hi", "Hello.")]
THINKS = [turns("Hi", "<think>\nThey greet me.\n</think>\n\nHello.")]


class TestEmptyReasoningAdded(CheckCases):
    """Answers with and without thoughts in templates that write one and that do not."""

    check = empty_reasoning_added
    faulty = {
        "no thoughts": (rows(PLAIN * 3), model(QWEN_3)),
        "some without": (rows(PLAIN + THINKS), model(QWEN_3)),
    }
    nearly = {
        "empty thoughts of the rows themselves": (
            rows([turns("Hi", "<think>\n\n</think>\n\nHello.")]),
            model(CHATML),
        ),
        "thoughts": (rows(THINKS), model(QWEN_3)),
    }
    clean = {"a template without thoughts": (rows(PLAIN), model(CHATML))}


def test_it_is_information() -> None:
    (finding,) = run_check(
        empty_reasoning_added, TestEmptyReasoningAdded.faulty["no thoughts"]
    ).findings
    assert finding.severity is Severity.INFO
    assert "<think>" in finding.message
