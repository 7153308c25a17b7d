"""DAT060 labels-spelled-several-ways."""

from tunewell.checks.data.labels_spelled_several_ways import labels_spelled_several_ways
from tunewell.core.finding import Confidence
from tunewell.subjects.dataset import Dataset
from tunewell.testing import CheckCases, dataset, rows, run_check

CARD = ("my {} card has not arrived", "the {} card is late", "when will my {} card be here")
RATE = ("which {} rate do you use", "your {} exchange rate is bad", "is the {} rate fixed")
COLOURS = ("red", "blue", "green", "gold", "black", "white", "grey", "pink", "brown", "silver")


def texts(forms: tuple[str, ...], count: int) -> list[str]:
    return [forms[at % 3].format(COLOURS[at // 3 % 10] + str(at)) for at in range(count)]


def two(second: str, *, rare: int = 2, alike: bool = True, first: str = "card_arrival") -> Dataset:
    """90 rows of a class, 60 of another, and `rare` rows under a second name for the first."""
    kept = texts(CARD, 90) + texts(RATE, 60)
    extra = texts(CARD if alike else RATE, rare)
    labels = [first] * 90 + ["exchange_rate"] * 60 + [second] * rare
    return dataset([*kept, *(f"{text} please" for text in extra)], labels)


class TestLabelsSpelledSeveralWays(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = labels_spelled_several_ways
    faulty = {
        "case": (two("Card_Arrival", rare=60),),
        "a hyphen": (two("card-arrival"),),
        "blanks": (two(" card  arrival "),),
        "camel case": (two("cardArrival"),),
        "an invisible character": (two("card_arrival\u200b"),),
        "composed and decomposed": (two("e\u0301tat", first="\u00e9tat"),),
        "full width": (two("\uff43ard_arrival"),),
        "a float": (two("1.0", first="1"),),
        "a plural": (two("card_arrivals"),),
        "a letter left out": (two("card_arival"),),
        "letters swapped": (two("card_arrvial"),),
        "three spellings": (
            dataset([f"row {at}" for at in range(9)], ["Yes", "yes", "YES", "no", "no", *"yyyy"]),
        ),
    }
    nearly = {
        "a number": (two("card_arrival_2"),),
        "numbers one apart": (two("class_2", first="class_1"),),
        "numbers with a dash": (two("12", first="1-2"),),
        "turned round": (two("not_card_arrival"),),
        "a prefix": (two("inactive_card", first="active_card"),),
        "near, and other texts": (two("card_arrivel", alike=False),),
        "near, and not rare": (two("card_arrivel", rare=40),),
        "a word that another label uses": (two("card_rate", first="card_race"),),
        "short names": (two("spam", first="ham"),),
        "signs": (two("c++", first="c"),),
        "below nought": (two("-1", first="1"),),
    }
    clean = {"two classes": (dataset(["hi", "ho"], ["card_arrival", "exchange_rate"]),)}


def test_a_slip_is_said_with_less_confidence() -> None:
    for name, confidence in (("Card_arrival", Confidence.HIGH), ("card_arival", Confidence.MEDIUM)):
        found = run_check(labels_spelled_several_ways, (two(name),)).findings
        assert found[0].confidence is confidence


def test_sets_of_labels() -> None:
    made = rows(
        [{"text": f"row {at}", "labels": ["Joy" if at % 9 else "joy", "love"]} for at in range(40)]
    )
    finding = run_check(labels_spelled_several_ways, (made,)).findings[0]
    assert "'joy' for 'Joy'" in finding.message
    assert not finding.fixes[0].edits
