"""FIT081 on kept answers."""

from pathlib import Path

from tests.checks.runs_of_trl import run

from tunewell.checks.fit.repeating_completions import repeating_completions
from tunewell.core.finding import Severity
from tunewell.subjects.completions import Completions, Written
from tunewell.testing import CheckCases, run_check

WORDS = [f"word-{at}" for at in range(14)]


def plain(at: int) -> str:
    """Fourteen words, each once."""
    return " ".join(WORDS[at % 14 :] + WORDS[: at % 14])


def loop(at: int) -> str:
    """One word said forty times."""
    return f"well {WORDS[at % 14]} " + "again " * 40


def kept(*shares: float, count: int = 16) -> Completions:
    """Steps with that share of loops each, every answer to a question of its own."""
    batches = tuple(
        Written(
            step=10 * (place + 1),
            prompts=tuple(f"question {at}" for at in range(count)),
            texts=tuple(loop(at) if at < share * count else plain(at) for at in range(count)),
        )
        for place, share in enumerate(shares)
    )
    return Completions(Path("out/completions"), batches, steps_kept=len(batches))


HACKED = kept(0, 0, 0, 0.1, 0.4, 0.8, 1, 1)


class TestRepeatingCompletions(CheckCases):
    """Loops that come up in a run against a few that do not."""

    check = repeating_completions
    faulty = {
        "more and more": (HACKED,),
        "with the log": (HACKED, run("faulty/grpo-hacked")),
        "from the start": (kept(1, 1, 1, 1),),
    }
    nearly = {
        "one in eight": (kept(0, 0, 0, 0, 0, 0, 0.125, 0.125),),
        "a few in few": (kept(0, 0.25, count=16),),
        "fewer and fewer": (kept(1, 0.8, 0.4, 0.1, 0, 0, 0, 0),),
    }
    clean = {"no loops": (kept(0, 0, 0, 0),)}


def test_what_was_so_from_the_start_is_information() -> None:
    assert run_check(repeating_completions, (kept(1, 1, 1, 1),)).findings[0].severity is (
        Severity.INFO
    )


def test_the_log_tells_how_many_never_ended() -> None:
    found = run_check(repeating_completions, (HACKED, run("faulty/grpo-hacked"))).findings[0]
    assert "98 % of answers never ended" in found.message


def test_answers_to_one_question_count_once() -> None:
    """Sixteen alike answers to one question are no sixteen observations."""
    alike = Completions(
        Path("out/completions"),
        tuple(
            Written(step, prompts=("the same",) * 16, texts=((make(0),) * 16))
            for step, make in ((1, plain), (2, loop))
        ),
    )
    assert not run_check(repeating_completions, (alike,)).findings


def test_it_takes_early_and_late_answers() -> None:
    assert run_check(repeating_completions, (kept(0),)).not_applicable
    assert run_check(repeating_completions, (kept(0, 1, count=8),)).not_applicable
