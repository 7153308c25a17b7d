"""DAT050 identical-pair."""

import numpy as np

from tunewell.checks.data.identical_pair import identical_pair
from tunewell.core.finding import Severity
from tunewell.facts.near.folding import fold
from tunewell.testing import CheckCases, dataset, rows, run_check

GOOD = {"prompt": "What is two and two?", "chosen": "Four.", "rejected": "Five."}
SAME = {"prompt": "Name a colour.", "chosen": "Red.", "rejected": "Red."}
NEARLY_SAME = {"prompt": "Name a colour.", "chosen": "Red.", "rejected": "red "}


class TestIdenticalPair(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = identical_pair
    faulty = {
        "equal to the letter": (rows([GOOD, SAME]),),
        "equal after folding": (rows([GOOD, NEARLY_SAME]),),
        "in messages": (
            rows(
                [
                    {
                        "chosen": [
                            {"role": "user", "content": "Hello"},
                            {"role": "assistant", "content": "Good day"},
                        ],
                        "rejected": [
                            {"role": "user", "content": "Hello"},
                            {"role": "assistant", "content": "Good day"},
                        ],
                    }
                ]
            ),
        ),
    }
    nearly = {
        "one number differs": (rows([{**GOOD, "chosen": "It is 1.5", "rejected": "It is 15"}]),),
        "both empty, which is another check's": (rows([{**GOOD, "chosen": "", "rejected": ""}]),),
        "a symbol differs": (rows([{**GOOD, "chosen": "a < b", "rejected": "a > b"}]),),
    }
    clean = {"different": (rows([GOOD]),)}

    def test_folded_alone_is_a_warning(self) -> None:
        """A preference for upper case may be meant."""
        assert self._outcomes(self.faulty["equal after folding"]).findings[0].severity is (
            Severity.WARNING
        )

    def test_other_kinds_have_no_pairs(self) -> None:
        """Classification is told to be not applicable."""
        outcomes = run_check(identical_pair, (dataset(["a", "b"], ["x", "y"]),))
        assert outcomes.not_applicable

    def test_the_screen_loses_nothing(self) -> None:
        """Pairs made of blanks, marks and few letters: as many as folding them whole finds."""
        rng = np.random.default_rng(0)
        signs = list("aB1 .,-\u00a0ﬁé")
        records = []
        for _ in range(400):
            text = "".join(rng.choice(signs, size=rng.integers(1, 90)).tolist())
            other = "".join(rng.choice([c.upper(), c.lower() + "!", c, c + " "]) for c in text)
            records.append({"prompt": "q", "chosen": "x" + text, "rejected": "x" + other})
        wanted = sum(fold(r["chosen"]) == fold(r["rejected"]) for r in records)
        found = self._outcomes((rows(records),)).findings
        assert wanted > 0
        assert found[0].where_total == wanted
