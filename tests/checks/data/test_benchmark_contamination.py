"""DAT016 benchmark-contamination."""

from pathlib import Path

from tests.checks.stories import stories

from tunewell.checks.data.benchmark_contamination import benchmark_contamination
from tunewell.core.finding import Confidence, Severity
from tunewell.subjects.benchmark import Benchmark
from tunewell.subjects.dataset import Dataset
from tunewell.testing import CheckCases, dataset, rows, run_check

TRAIN, _ = stories(400, seed=1)
QUESTIONS, REWORDED = stories(80, seed=2)
TEMPLATE = (
    "Below is a question of an exam for pupils of the tenth grade. Think step by step and write "
    "the number of the right answer on a line of its own. "
)


def benchmark(texts: list[str], name: str = "sums") -> Benchmark:
    """A benchmark with these questions."""
    return Benchmark(name, texts, range(1, len(texts) + 1), Path(f"{name}.jsonl"))


def labelled(texts: list[str]) -> Dataset:
    """Training rows with labels that do not matter."""
    return dataset(texts, [("a", "b")[row % 2] for row in range(len(texts))])


def instructions(
    texts: list[str], answer: str = "It is not easy to say; I would guess 17."
) -> Dataset:
    """Training rows of an instruction and an answer."""
    return rows([{"instruction": text, "output": answer} for text in texts])


class TestBenchmarkContamination(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = benchmark_contamination
    faulty = {
        "one question as it stands": (
            labelled([*TRAIN, QUESTIONS[3].upper()]),
            benchmark(QUESTIONS),
        ),
        "in a prompt of its own": (
            instructions([*TRAIN, *(f"Question: {q}\nAnswer:" for q in QUESTIONS[:9])]),
            benchmark(QUESTIONS),
        ),
        "quoted in an answer": (
            rows(
                [{"instruction": text, "output": f"Easy, said {text[:9]}."} for text in TRAIN]
                + [{"instruction": "Give me an exam question.", "output": QUESTIONS[5]}]
            ),
            benchmark(QUESTIONS),
        ),
        "a short question inside a row": (
            labelled([*TRAIN, "Solve. How many red bricks does a mason lay in nine hours? Hurry."]),
            benchmark(["How many red bricks does a mason lay in nine hours?"]),
        ),
        "reworded": (labelled(TRAIN + REWORDED), benchmark(QUESTIONS)),
        "few training rows": (labelled(["x", "y", QUESTIONS[0]]), benchmark(QUESTIONS)),
        "one template, one question": (
            labelled([TEMPLATE + text for text in [*TRAIN, QUESTIONS[0]]]),
            benchmark([TEMPLATE + text for text in QUESTIONS]),
        ),
    }
    nearly = {
        "the same plots": (labelled(TRAIN), benchmark(QUESTIONS)),
        "the same template": (
            labelled([TEMPLATE + text for text in TRAIN]),
            benchmark([TEMPLATE + text for text in QUESTIONS]),
        ),
        "one long passage that holds a sentence of the question": (
            labelled([*TRAIN, "A clue is here. " + " ".join(QUESTIONS[0].split()[:15])]),
            benchmark([QUESTIONS[0] + " Bear in mind that none of it was ever seen " * 3]),
        ),
        "short questions of common words": (
            labelled([*TRAIN, "so what is it then you may ask"]),
            benchmark(["what is it then"]),
        ),
    }
    clean = {"apart": (labelled(["hi", "ho", "hm"]), benchmark(QUESTIONS))}


def test_severity_follows_the_share() -> None:
    def found(data: Dataset) -> tuple[Severity | None, Confidence | None]:
        finding = run_check(benchmark_contamination, (data, benchmark(QUESTIONS))).findings[0]
        return finding.severity, finding.confidence

    assert found(labelled(TRAIN + QUESTIONS[:1])) == (Severity.WARNING, Confidence.HIGH)
    assert found(labelled(TRAIN + QUESTIONS[:30])) == (Severity.ERROR, Confidence.HIGH)
    assert found(labelled(TRAIN + REWORDED)) == (Severity.WARNING, Confidence.MEDIUM)


def test_says_where_the_training_row_is() -> None:
    data = labelled([*TRAIN, QUESTIONS[7]])
    finding = run_check(benchmark_contamination, (data, benchmark(QUESTIONS))).findings[0]
    assert finding.where[0].line == len(TRAIN) + 2  # type: ignore[union-attr]
    assert "1 of 80 questions of sums (1.2 %)" in finding.message


def test_needs_a_benchmark() -> None:
    assert run_check(benchmark_contamination, (labelled(TRAIN),)).not_run
