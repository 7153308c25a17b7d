"""DAT119 second-text-dropped."""

from pathlib import Path

import pytest
from tests.preflight import other_tasks as tasks
from tests.preflight import tiny
from tests.preflight.looks import Live, Thing

from tunewell.checks.data.second_text_dropped import second_text_dropped
from tunewell.preflight import collate
from tunewell.testing import CheckCases, run_check

NAMES = ("premise", "hypothesis")


def pairs(
    out: Path, *read: str, names: tuple[str, str] = NAMES, length: int | None = None
) -> Thing:
    """A classifier of pairs that reads these of the two texts."""
    tokens = tiny.tokenizer()
    said = tiny.sentences(48)
    rows = []
    for at in range(24):
        texts = dict(zip(NAMES, (said[at], said[at + 24]), strict=True))
        made = tokens(
            *(texts[name] for name in read), truncation=length is not None, max_length=length
        )
        rows.append({**made, **dict(zip(names, texts.values(), strict=True)), "labels": at % 3})
    return tasks.classifier(out, rows=rows, judged=rows[:8])


@pytest.mark.reproduces("D59")
class TestSecondTextDropped(CheckCases):
    """Pairs that a real tokenizer was given in part."""

    check = second_text_dropped
    faulty = Live(
        collate.PROBE,
        first_alone=lambda out: pairs(out, "premise"),
        second_alone=lambda out: pairs(out, "hypothesis"),
    )
    nearly = Live(
        collate.PROBE,
        cut=lambda out: pairs(out, *NAMES, length=14),
        other_names=lambda out: pairs(out, "premise", names=("text", "comment")),
    )
    clean = Live(collate.PROBE, both=lambda out: pairs(out, *NAMES), one_text=tasks.classifier)

    def test_the_lost_column_is_named(self) -> None:
        """Whichever of the two it is."""
        said = run_check(second_text_dropped, self.faulty["first alone"]).findings[0]
        assert said.message.startswith("column 'hypothesis' is not among the tokens of 24 of 24")
        said = run_check(second_text_dropped, self.faulty["second alone"]).findings[0]
        assert said.message.startswith("column 'premise'")
