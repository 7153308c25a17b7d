"""ERR003 known-exception."""

from tunewell.checks.errors.known_exception import known_exception
from tunewell.subjects.log_text import LogText
from tunewell.testing import CheckCases, run_check

HEALTHY = LogText(
    (
        "{'loss': 0.6931, 'grad_norm': 1.2, 'learning_rate': 5e-05, 'epoch': 0.1}",
        "{'eval_loss': 0.41, 'eval_nan_rows': 0, 'epoch': 1.0}",
        "training loss: 0.5, no nan values found in 300 rows",
        "Using CUDA; memory in use 3.1 of 15.8 GB, out of which 2 GB reserved",
        (
            "Some weights of BertForSequenceClassification were not initialized from the model "
            "checkpoint at bert-base-uncased and are newly initialized: ['classifier.weight']"
        ),
        "Loading model with tokenizer='bert' and evaluation_strategy=epoch",
        "UserWarning: 'pin_memory' argument is set as true but no accelerator is found",
        "Target modules: all-linear",
    )
)


def log(*lines: str) -> tuple[LogText]:
    """A log of these lines after a healthy one."""
    return (LogText((*HEALTHY.lines, *lines)),)


class TestKnownException(CheckCases):
    """Texts as the libraries print them, and ordinary logs that come near."""

    check = known_exception
    faulty = {
        "out of memory": log(
            "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a "
            "total capacity of 15.77 GiB of which 1.2 GiB is free."
        ),
        "unscale": log("ValueError: Attempting to unscale FP16 gradients."),
        "nan": log("{'loss': nan, 'grad_norm': nan, 'epoch': 0.2}"),
        "device-side assert": log("RuntimeError: CUDA error: device-side assert triggered"),
    }
    nearly = {
        "a script that talks of memory and targets": log(
            "if this says CUDA out of memory, lower the batch", "target 3 is out of reach"
        )
    }
    clean = {"a healthy log": (HEALTHY,)}


def test_the_fatal_one_is_reported_and_the_others_listed() -> None:
    """A warning before the exception is evidence, not the message."""
    finding = run_check(
        known_exception,
        log(
            "This DataLoader will create 8 worker processes in total. Our suggested max number of "
            "worker in current system is 2",
            "IndexError: Target 5 is out of bounds.",
            "Exception ignored in: <function>",
        ),
    ).findings[0]
    assert "label outside the head" in finding.message
    assert finding.message.startswith("line 10:")
    assert "more loader workers" in finding.evidence[1].name
    assert "num_labels" in finding.fixes[0].title
