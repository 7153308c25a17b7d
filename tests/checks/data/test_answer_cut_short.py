"""DAT020 answer-cut-short."""

from tunewell.checks.data.answer_cut_short import answer_cut_short
from tunewell.core.finding import Severity
from tunewell.testing import CheckCases, dataset, rows, run_check

SENTENCE = (
    "The river rises in the hills, runs through three towns and ends in a wide and slow bay. "
)
LONG = (SENTENCE * 2).strip()
FENCE = "```"


def told(answer: str, asked: str = "Tell me about the river.") -> dict[str, str]:
    return {"instruction": asked, "input": "", "output": answer}


def filled(*answers: str) -> tuple[object, ...]:
    """These answers among a dozen that end as they should."""
    return (rows([told(LONG) for _ in range(12)] + [told(answer) for answer in answers]),)


def capped(words: int) -> tuple[object, ...]:
    """150 answers of growing length, cut after a number of words."""
    answers = [" ".join((SENTENCE * (1 + n // 10)).split()[:words]) for n in range(150)]
    return (rows([told(answer) for answer in answers]),)


class TestAnswerCutShort(CheckCases):
    """Planted, nearly faulty and clean data."""

    check = answer_cut_short
    faulty = {
        "a dangling word": filled(SENTENCE + "In spring the water comes from the snow of the"),
        "a comma": filled(SENTENCE + "In spring it carries water from the snow on the hills,"),
        "half a year": filled(SENTENCE + "The last time that it flooded the towns was in 20"),
        "half a sentence": filled(
            SENTENCE + "In spring it carries the water from the snow on the hills and it often",
        ),
        "an open code block": filled(f"{SENTENCE}\n{FENCE}python\nprint('river')\n"),
        "a common length": capped(100),
    }
    nearly = {
        "a list": filled(SENTENCE + "It has:\n- two bridges\n- a ferry that runs in the summer"),
        "a numbered list": filled(SENTENCE + "1. A bridge 2. A ferry of the old kind 3. A mill"),
        "verses": filled("The river runs, the river bends\nAnd in the bay it slowly ends\n" * 3),
        "a signed quotation": filled(
            f"{SENTENCE}“No man steps in the same river twice.” - Heraclitus"
        ),
        "hashtags": filled(SENTENCE + "Come and see how it ends in the bay #river #bay #hills"),
        "code": filled("def river(hills):\n    total = sum(hills)\n" * 4 + "    return total"),
        "a closed code block": filled(f"{SENTENCE}\n{FENCE}\nprint('river')\n{FENCE}"),
        "a short answer": filled("The Loire and the"),
        "sums": filled(SENTENCE + "The share of the towns is one in 5, which makes 4 out of 20."),
        "nobody ends a sentence": (
            rows([told("the river rises in the hills. It runs on and then it just " * 3)] * 12),
        ),
    }
    clean = {"full answers": filled(LONG)}


def test_common_length_is_named() -> None:
    (finding,) = run_check(answer_cut_short, capped(100)).findings
    assert finding.severity is Severity.WARNING
    assert "as a limit on length leaves them" in finding.message


def test_one_row_in_many_is_information() -> None:
    many = rows(
        [told(LONG) for _ in range(150)] + [told(SENTENCE + "It is one of the oldest and the")]
    )
    (finding,) = run_check(answer_cut_short, (many,)).findings
    assert finding.severity is Severity.INFO


def test_labels_are_no_answers() -> None:
    outcomes = run_check(answer_cut_short, (dataset([LONG, SENTENCE], ["a", "b"]),))
    assert not outcomes.findings
