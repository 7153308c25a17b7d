"""Printed logs with what surrounds their lines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.readers.logs.fixture_logs import LOGS

from tunewell.readers.log_text import read_log_text
from tunewell.readers.logs import find_runs, is_log_file, read_run, read_trace
from tunewell.readers.logs.text_lines import dict_in, rounding, step_line_in
from tunewell.readers.logs.text_log import pasted_trace
from tunewell.readers.logs.text_runs import TextLog

BEFORE_5 = "{'loss': 1.2, 'grad_norm': nan, 'learning_rate': 5e-05, 'epoch': 0.5}"


def trace_of(tmp_path: Path, text: str) -> object:
    path = tmp_path / "train.log"
    path.write_text(text, encoding="utf-8")
    return read_trace(path)


def test_lines_of_transformers_4() -> None:
    """Numbers without quotes, NaN bare."""
    logged = dict_in(BEFORE_5.encode())
    assert logged is not None
    values = dict(logged.values)
    assert values["loss"] == 1.2
    assert np.isnan(values["grad_norm"])
    assert (logged.epoch, logged.half) == (0.5, 0.005)


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("{'eval_loss': 0.5, 'eval_f1': np.float64(0.75), 'epoch': 1.0}", {"eval_f1": 0.75}),
        ('{"loss": 0.5, "step": 3}', {"loss": 0.5}),
        ("{'loss': inf, 'epoch': 1.0}", {"loss": float("inf")}),
        ("{'loss': '1.5', 'name': 'a b', 'epoch': '0.1'}", {"loss": 1.5}),
    ],
)
def test_dicts(line: str, values: dict[str, float]) -> None:
    """Quoted, bare, of numpy."""
    logged = dict_in(line.encode())
    assert logged is not None
    assert values.items() <= dict(logged.values).items()


@pytest.mark.parametrize(
    "line",
    ["{'learning_rate': 5e-05, 'epochs': 3}", "{'loss': 'cross_entropy'}", "{}", "{'loss':"],
)
def test_other_dicts_are_no_logs(line: str) -> None:
    """Settings that a script prints."""
    assert dict_in(line.encode()) is None


@pytest.mark.parametrize(
    ("line", "step", "values"),
    [
        (
            "Step 12 | loss:1.23 lr:2e-5 tokens_per_second_per_gpu:812.4",
            12,
            {"loss": 1.23, "lr": 2e-5},
        ),
        ("step 250: train loss 1.25, val loss 1.5", 250, {"train/loss": 1.25, "val/loss": 1.5}),
        ("iter 40: loss 2.5, time 12.25ms", 40, {"loss": 2.5}),
        ("Epoch: 1, Step: 20/100, Loss: nan", 20, {"Loss": float("nan")}),
        ("[INFO] global_step=7 loss=0.5 grad_norm=1e+02", 7, {"loss": 0.5, "grad_norm": 100.0}),
    ],
)
def test_lines_that_show_their_step(line: str, step: int, values: dict[str, float]) -> None:
    """torchtune, nanoGPT and hand-written loops."""
    logged = step_line_in(line.encode())
    assert logged is not None
    assert logged.step == step
    got = dict(logged.values)
    for name, value in values.items():
        assert np.isclose(got[name], value, equal_nan=True)


@pytest.mark.parametrize("line", ["step by step we reduce the loss", "a loss of 3 in 2 steps"])
def test_prose_is_no_log(line: str) -> None:
    """Words that happen to stand together."""
    assert step_line_in(line.encode()) is None


@pytest.mark.parametrize(
    ("text", "quoted", "half"),
    [("0.2083", True, 5e-5), ("12.34", True, 5e-3), ("3", True, 5e-4), ("0.5", False, 5e-3)],
)
def test_rounding_of_epochs(text: str, quoted: bool, half: float) -> None:
    """Half a unit of the last place."""
    assert np.isclose(rounding(text, quoted), half)


def test_ranks_are_kept_apart(tmp_path: Path) -> None:
    """Lines with a prefix of rank: the first one's columns, the others by rank."""
    lines = [
        f"[rank{rank}]: {{'loss': {1.0 + rank}, 'epoch': {at / 4}}}"
        for at in range(1, 9)
        for rank in (0, 1)
    ]
    path = tmp_path / "train.log"
    path.write_text("\n".join(lines), encoding="utf-8")
    trace = read_trace(path)
    assert set(trace.column("loss").values.tolist()) == {1.0}
    assert set(trace.ranks[1]["loss"].values.tolist()) == {2.0}


def test_utf_16_as_powershell_writes(tmp_path: Path) -> None:
    """The same points, and the same lines."""
    text = (LOGS / "transformers_text" / "terminal.txt").read_text(encoding="utf-8")
    path = tmp_path / "train.log"
    path.write_bytes(text.encode("utf-16"))
    trace = read_trace(path)
    assert len(trace.column("loss")) == 14
    assert any("train_runtime" in line for line in read_log_text(path).lines)


def test_runs_are_named_by_their_number() -> None:
    """The last one is the newest."""
    path = LOGS / "transformers_text" / "pasted.txt"
    assert [run.name for run in find_runs(path)] == ["pasted.txt:2", "pasted.txt:1"]
    assert read_run(path, ":1")[0].max_steps == 72
    assert read_trace(path).max_steps == 48


def test_pasted_text() -> None:
    """Without a file."""
    content = (LOGS / "transformers_text" / "pasted.txt").read_bytes()
    last, first = pasted_trace(content), pasted_trace(content, "1")
    assert last is not None
    assert first is not None
    assert (last.max_steps, first.max_steps) == (48, 72)
    assert pasted_trace(b"Traceback (most recent call last):\n  KeyError: 'x'\n") is None


def test_a_dict_into_whose_middle_a_bar_was_written() -> None:
    """Standard output is a buffer that ends anywhere, standard error has none."""
    text = (
        b"{'loss': '1.5', 'grad_\r 50%|#####     | 5/10 [00:01<00:01, 5.00it/s]norm': '2.5', "
        b"'epoch': '0.5'}\n{'loss': '1.25', 'epoch': '1'}\n"
    )
    (run,) = TextLog().read([text]).runs()
    assert run.run.columns["grad_norm"].values.tolist() == [2.5]
    assert len(run.run.columns["loss"]) == 2


def test_pieces_do_not_depend_on_how_a_file_is_read() -> None:
    """Chunks of any size give the same runs."""
    content = (LOGS / "transformers_text" / "resumed.txt").read_bytes()
    whole = TextLog().read([content]).runs()
    parts = TextLog().read(content[at : at + 7] for at in range(0, len(content), 7)).runs()
    assert len(whole) == len(parts)
    for one, other in zip(whole, parts, strict=True):
        assert {k: v.values.tolist() for k, v in one.run.columns.items()} == {
            k: v.values.tolist() for k, v in other.run.columns.items()
        }


def test_bars_of_data_and_evaluation_are_not_the_run(tmp_path: Path) -> None:
    """The total of the bar that is drawn after lines of training counts."""
    trace = read_trace(LOGS / "trl_text" / "dpo.txt")
    assert trace.max_steps == 24
    assert is_log_file(LOGS / "trl_text" / "dpo.txt") is not None
    notes = tmp_path / "notes.txt"
    notes.write_text("buy milk\nlower the loss\n", encoding="utf-8")
    assert is_log_file(notes) is None
