"""DAT055 one-side-never-varies."""

from tunewell.checks.data.one_side_never_varies import one_side_never_varies
from tunewell.subjects.dataset import Dataset
from tunewell.testing import CheckCases, rows


def made(number: int, chosen: str, rejected: str, *, templated: int | None = None) -> Dataset:
    """Pairs in which `{}` is filled with the row's number; the first `templated` rejected ones."""
    templated = number if templated is None else templated
    return rows(
        [
            {
                "prompt": f"question {at}",
                "chosen": chosen.format(at),
                "rejected": rejected.format(at) if at < templated else f"{at} is an answer {at}",
            }
            for at in range(number)
        ]
    )


class TestOneSideNeverVaries(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = one_side_never_varies
    faulty = {
        "one text": (made(60, "{} is good, number {}".replace("{}", "{0}"), "I do not know."),),
        "one beginning": (made(60, "{0} is good {0}", "I am sorry, but {0} is too much {0}"),),
        "one end on the chosen side": (
            made(60, "{0} is good. Hope this helps!", "{0} and then {0}"),
        ),
        "most of them": (made(100, "{0} is good {0}", "I cannot help with that.", templated=70),),
    }
    nearly = {
        "the same form on both sides": (made(60, "The answer is {0}", "The answer is not {0}"),),
        "four of ten": (made(100, "{0} is good {0}", "I cannot help with that.", templated=40),),
        "few pairs": (made(10, "{0} is good {0}", "I do not know."),),
        "yes and no": (
            rows(
                [
                    {
                        "prompt": f"{at}?",
                        "chosen": ("Yes", "No")[at % 2],
                        "rejected": ("No", "Yes")[at % 2],
                    }
                    for at in range(60)
                ]
            ),
        ),
    }
    clean = {"varied": (made(60, "{0} is good {0}", "{0} is bad {0}"),)}
