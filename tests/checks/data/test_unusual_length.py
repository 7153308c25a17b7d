"""DAT023 unusual-length."""

from tunewell.checks.data.unusual_length import unusual_length
from tunewell.core.finding import Severity
from tunewell.testing import CheckCases, dataset, rows, run_check

SENTENCE = "The river rises in the hills and ends in a wide and slow bay. "


def told(answer: str) -> dict[str, str]:
    return {"instruction": "Tell me about the river.", "input": "", "output": answer}


USUAL = [told(SENTENCE * (2 + n % 4)) for n in range(200)]
LABELS = ["a", "b"] * 100


class TestUnusualLength(CheckCases):
    """Planted, nearly faulty and clean data."""

    check = unusual_length
    faulty = {
        "a whole book": (rows([*USUAL, told(SENTENCE * 5000)]),),
        "a page in the evaluation": (rows(USUAL, evaluation=[told("ok"), told(SENTENCE * 90)]),),
        "a letter among answers": (rows([*USUAL, told("A")]),),
        "a long message": (
            dataset([*[SENTENCE[: 20 + n % 30] for n in range(199)], "x" * 9000], LABELS),
        ),
    }
    nearly = {
        "three times as long": (rows([*USUAL, told(SENTENCE * 15)]),),
        "long among long ones": (
            rows([*USUAL, *[told(SENTENCE * 2**n) for n in range(8) for _ in range(9)]]),
        ),
        "short labels": (rows([*USUAL, *[told("Yes")] * 120, told("A")]),),
        "a handful of rows": (rows([*USUAL[:20], told(SENTENCE * 500)]),),
        "a long text of short ones": (
            dataset([*[SENTENCE[: 20 + n % 30] for n in range(199)], SENTENCE * 9], LABELS),
        ),
    }
    clean = {"usual rows": (rows(USUAL),)}


def test_severity_grows_with_the_length() -> None:
    for factor, severity in ((6, Severity.INFO), (60, Severity.WARNING)):
        subjects = (rows([*USUAL, told(SENTENCE * 5 * factor)]),)
        (finding,) = run_check(unusual_length, subjects, min_characters=1000).findings
        assert finding.severity is severity
