"""DAT029 uneven-characters."""

# ruff: noqa: RUF001  unusual characters are what this is about

from tunewell.checks.data.uneven_characters import uneven_characters
from tunewell.subjects.dataset import Dataset
from tunewell.testing import CheckCases, dataset, rows, run_check


def labelled(*groups: tuple[str, int]) -> tuple[Dataset]:
    texts = [f"{text}{number}x" for text, count in groups for number in range(count)]
    return (dataset(texts, ["a", "b"] * (len(texts) // 2) + ["a"] * (len(texts) % 2)),)


class TestUnevenCharacters(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = uneven_characters
    faulty = {
        "quotation marks": labelled(("don't go ", 20), ("don’t go ", 6)),
        "accents": labelled(("café ", 20), ("cafe\u0301 ", 6)),
        "unbreakable blanks": labelled(("5 kg ", 20), ("5\u00a0kg ", 6)),
        "full-width letters": labelled(("call me ", 20), ("ｃａｌｌ me ", 6)),
        "ligatures": labelled(("the first ", 20), ("the \ufb01rst ", 6)),
        "blanks at the start": labelled(("go ", 20), (" go ", 6)),
        "doubled blanks": labelled(("go home ", 20), ("go  home ", 6)),
        "in answers": (
            rows(
                [{"prompt": "Go?", "completion": "don't"}] * 20
                + [{"prompt": "Go?", "completion": "don’t"}] * 6
            ),
        ),
        "between the splits": (
            dataset(["don't"] * 20, ["a", "b"] * 10, evaluation=(["don’t"] * 10, ["a", "b"] * 5)),
        ),
    }
    nearly = {
        "one form in all rows": labelled(("don’t go ", 20)),
        "a few rows": labelled(("don't go ", 20), ("don’t go ", 4)),
        "indented lines": labelled(("def f():\n    return ", 20), ("go home ", 20)),
        "two blanks after a full stop": labelled(("Go.  Now ", 20), ("Go. Now ", 20)),
    }
    clean = {"plain": labelled(("go ", 30))}


def test_it_is_silent_below_a_hundredth() -> None:
    few = labelled(("don't go ", 900), ("don’t go ", 8))
    assert not run_check(uneven_characters, few).findings
    assert run_check(uneven_characters, few, min_share=0.005).findings
