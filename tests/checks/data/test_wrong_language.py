"""DAT026 wrong-language."""

# ruff: noqa: RUF001  unusual letters are what this is about

import pytest

from tunewell.checks.data.wrong_language import wrong_language
from tunewell.core.finding import Severity
from tunewell.facts.writing.language import told
from tunewell.subjects.dataset import Dataset
from tunewell.testing import CheckCases, dataset, rows, run_check

QUESTIONS = [
    "How do I boil an egg so that the yolk is still soft?",
    "What can I do when the car does not start in the morning?",
    "Why is the sky blue, and why are the clouds white?",
    "Which of these books should I read to my children first?",
    "Can you tell me how the post office works in your town?",
]
ANSWER = "You can do that when you have the time, and it is not hard with a bit of help."
GERMAN = "Das ist nicht schwer, wenn man ein wenig Zeit hat und sich mit dem Gerät auskennt."
RUSSIAN = "Это совсем не трудно, если у вас есть немного времени."
FRENCH = "Je ne sais pas ce que vous voulez dire avec cette question, mais c'est une bonne idée."


def asked(*pairs: tuple[str, str]) -> tuple[Dataset]:
    """Forty English rows, then these."""
    records = [{"prompt": QUESTIONS[at % 5], "completion": ANSWER} for at in range(40)]
    records += [{"prompt": prompt, "completion": answer} for prompt, answer in pairs]
    return (rows(records),)


def labelled(*texts: str) -> tuple[Dataset]:
    every = [QUESTIONS[at % 5] for at in range(40)] + list(texts)
    return (dataset(every, ["a", "b"] * (len(every) // 2) + ["a"] * (len(every) % 2)),)


class TestWrongLanguage(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = wrong_language
    faulty = {
        "a German answer": asked((QUESTIONS[0], GERMAN)),
        "a Russian answer": asked((QUESTIONS[0], RUSSIAN)),
        "a French row": asked(("Où est la gare, et comment est-ce que je peux y aller ?", FRENCH)),
        "a Chinese text": labelled("这个问题我不太明白，请再说一遍好吗"),
        "a French text": labelled(FRENCH),
    }
    nearly = {
        "a translation": asked(("Translate this to German: it is not hard.", GERMAN)),
        "a language that is named": asked(("What would you say in Russian?", RUSSIAN)),
        "a few foreign words": asked((QUESTIONS[0], "She said: das ist gut, and then she left.")),
        "a list of names": asked((QUESTIONS[0], "Müller, Schröder, de la Cruz, van der Berg")),
        "a program": asked((QUESTIONS[0], "for i in range(10):\n    print(i, end='')")),
        "short answers": asked((QUESTIONS[0], "Ja, das"), (QUESTIONS[1], "Da")),
        "a formula in Greek letters": asked((QUESTIONS[0], "α + β = γ, so that β is what is left")),
    }
    clean = {"English alone": asked(), "numbers alone": (dataset(["1", "2"], ["a", "b"]),)}


def test_an_answer_weighs_more_than_a_row() -> None:
    answer = run_check(wrong_language, asked((QUESTIONS[0], GERMAN))).findings[0]
    row = run_check(wrong_language, labelled(FRENCH)).findings[0]
    assert answer.severity is Severity.WARNING
    assert "in 1 of them the answer alone" in answer.message
    assert row.severity is Severity.INFO


def test_many_rows_are_taken_for_wanted() -> None:
    finding = run_check(wrong_language, asked(*[(QUESTIONS[0], GERMAN)] * 10)).findings[0]
    assert finding.severity is Severity.INFO
    assert not finding.fixes[0].edits


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (ANSWER, "English"),
        (GERMAN, "German"),
        (FRENCH, "French"),
        (RUSSIAN, "Cyrillic"),
        ("No sé lo que quiere decir con esta pregunta, pero es una buena idea.", "Spanish"),
        ("Non so che cosa vuole dire con questa domanda, ma è una buona idea.", "Italian"),
        ("Não sei o que você quer dizer com isso, mas é uma boa ideia para nós.", "Portuguese"),
        ("Ik weet niet wat je met deze vraag wilt zeggen, maar het is een goed idee.", "Dutch"),
        ("Jag vet inte vad du menar med den frågan, men det är en bra idé.", "Swedish"),
        ("Jeg ved ikke, hvad du mener med det, men det er en god idé.", "Danish or Norwegian"),
        ("Nie wiem, co masz na myśli, ale to jest bardzo dobry pomysł.", "Polish"),
        ("Bu soruyla ne demek istediğini bilmiyorum ama çok iyi bir fikir.", "Turkish"),
        ("この質問の意味がよくわかりませんが、いい考えだと思います。", "Japanese"),
        ("이 질문의 뜻을 잘 모르겠지만 좋은 생각입니다.", "Hangul"),
        ("I did 3 + 4.", ""),
    ],
)
def test_languages_that_are_told(text: str, language: str) -> None:
    assert told(text) == language
