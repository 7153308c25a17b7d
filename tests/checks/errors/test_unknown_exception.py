"""ERR004 unknown-exception."""

from tests.checks.errors.test_known_exception import HEALTHY

from tunewell.checks.errors.unknown_exception import unknown_exception
from tunewell.subjects.log_text import LogText
from tunewell.testing import CheckCases, run_check

TRACE = (
    "Traceback (most recent call last):",
    '  File "train.py", line 40, in <module>',
    "    trainer.train()",
    '  File "/env/lib/python3.11/site-packages/transformers/trainer.py", line 2325, in train',
    "    return inner_training_loop(",
    '  File "rows.py", line 3, in label_of',
    '    return row["labelz"]',
    "KeyError: 'labelz'",
)
CHILD = (
    "torch.distributed.elastic.multiprocessing.errors.ChildFailedError:",
    "============================================================",
    *(f"  rank: {rank} (local_rank: {rank})" for rank in range(30)),
)


def log(*lines: str) -> tuple[LogText]:
    """A log of these lines after a healthy one."""
    return (LogText((*HEALTHY.lines, *lines)),)


class TestUnknownException(CheckCases):
    """A traceback at the end, against ones that are known, overcome or meant."""

    check = unknown_exception
    faulty = {
        "a traceback": log(*TRACE),
        "with a bar behind it": log(*TRACE, " 51%|#####     | 37/72 [00:04<00:03,  9.11it/s]"),
        "the line alone": log("ValueError: too many values to unpack (expected 2)"),
        "of one of several processes": log(*(f"[rank1]: {line}" for line in TRACE), *CHILD),
    }
    nearly = {
        "the run went on": log(*TRACE, *(f"step {step}: loss 0.5" for step in range(30))),
        "a line without a traceback, and the run went on": log(
            "ImportError: flash_attn is not installed, taking the slow way", "step 1: loss 0.5"
        ),
        "known": log("ValueError: Attempting to unscale FP16 gradients."),
        "stopped by hand": log(*TRACE[:-1], "KeyboardInterrupt"),
        "a sentence with an error in it": log("an Error: this was no exception, it was a talk"),
    }
    clean = {"a healthy log": (HEALTHY,)}


def test_it_names_the_line_of_the_users_own_file() -> None:
    """Not the one of a library, and not the one at the top."""
    (finding,) = run_check(unknown_exception, log(*TRACE)).findings
    assert finding.message == (
        "the log ends with KeyError: 'labelz', raised from rows.py, line 3 in label_of; "
        "its cause is not known here"
    )
