"""Answers that TRL keeps."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunewell.api.check import check
from tunewell.api.diagnose import diagnose
from tunewell.api.given import Given
from tunewell.core.errors import InputError
from tunewell.engine.settings import Settings
from tunewell.readers.completions import MOST_FILES, find_completions, read_completions
from tunewell.readers.recognise import recognise

TEXTS = st.lists(st.tuples(st.text(max_size=40), st.text(max_size=80)), min_size=1, max_size=8)


def write(folder: Path, step: int, rows: list[dict[str, Any]]) -> Path:
    """A file as `GRPOTrainer.log` writes it."""
    kept = folder / "completions"
    kept.mkdir(parents=True, exist_ok=True)
    path = kept / f"completions_{step:05d}.parquet"
    pq.write_table(
        pa.Table.from_pylist([{"step": step, **row, "advantage": 0.0} for row in rows]), path
    )
    return kept


def said(*texts: str) -> list[dict[str, Any]]:
    return [
        {"prompt": f"q{at}", "completion": text, "reward": 1.0} for at, text in enumerate(texts)
    ]


@given(steps=st.lists(TEXTS, min_size=1, max_size=4))
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, steps: list[list[tuple[str, str]]]
) -> None:
    out = tmp_path_factory.mktemp("out")
    for at, pairs in enumerate(steps, start=1):
        write(out, 10 * at, [{"prompt": asked, "completion": text} for asked, text in pairs])
    read = read_completions(out / "completions")
    assert [batch.step for batch in read.batches] == [10 * at for at in range(1, len(steps) + 1)]
    assert [list(zip(b.prompts, b.texts, strict=True)) for b in read.batches] == steps


def test_conversations_are_joined(tmp_path: Path) -> None:
    messages = [{"role": "assistant", "content": "one"}, {"role": "tool", "content": "two"}]
    kept = write(tmp_path, 1, [{"prompt": messages[:1], "completion": messages}])
    assert read_completions(kept).batches[0].texts == ("one\ntwo",)


def test_a_long_run_is_read_at_its_first_and_last_step_and_between(tmp_path: Path) -> None:
    for step in range(1, 151):
        kept = write(tmp_path, step, said("a"))
    read = read_completions(kept)
    steps = [batch.step for batch in read.batches]
    assert (steps[0], steps[-1], len(steps), read.steps_kept) == (1, 150, MOST_FILES, 150)


def test_a_half_written_file_is_passed_over_and_counted(tmp_path: Path) -> None:
    write(tmp_path, 1, said("a", "b"))
    kept = write(tmp_path, 2, said("c"))
    whole = (kept / "completions_00002.parquet").read_bytes()
    (kept / "completions_00002.parquet").write_bytes(whole[: len(whole) // 2])
    read = read_completions(kept)
    assert (len(read.batches), read.unreadable) == (1, 1)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no parquet at all"])
def test_nothing_readable_is_one_clear_sentence(tmp_path: Path, content: bytes) -> None:
    kept = write(tmp_path, 1, said("a"))
    (kept / "completions_00001.parquet").write_bytes(content)
    with pytest.raises(InputError, match="none of 1 files holds answers"):
        read_completions(kept)


def test_other_columns_are_no_answers(tmp_path: Path) -> None:
    kept = tmp_path / "completions"
    kept.mkdir()
    pq.write_table(pa.table({"text": ["a"]}), kept / "completions_00001.parquet")
    with pytest.raises(InputError, match="none of 1 files"):
        read_completions(kept)


def test_it_is_found_from_the_folder_the_log_and_a_checkpoint(tmp_path: Path) -> None:
    kept = write(tmp_path, 1, said("a"))
    (tmp_path / "checkpoint-1").mkdir()
    log = tmp_path / "trainer_state.json"
    for start in (tmp_path, log, tmp_path / "checkpoint-1"):
        assert find_completions(start) == kept
    (tmp_path / "empty" / "completions").mkdir(parents=True)
    assert find_completions(tmp_path / "empty" / "completions") is None
    with pytest.raises(InputError, match=r"holds no completions_N\.parquet"):
        read_completions(tmp_path / "empty" / "completions")


def run_with_answers(folder: Path) -> Path:
    """An output folder with a log and kept answers that end in a loop."""
    state = Path(__file__).parents[1] / "fixtures/runs/trl/faulty/grpo-hacked/trainer_state.json"
    folder.mkdir()
    (folder / "trainer_state.json").write_bytes(state.read_bytes())
    for step in range(2, 42, 2):
        loops = ["again " * 40] * 16
        different = [" ".join(f"{word}{at}" for word in range(20)) for at in range(16)]
        write(folder, step, said(*(loops if step > 20 else different)))
    return folder


def test_diagnose_reads_them_and_takes_them_for_no_data(tmp_path: Path) -> None:
    out = run_with_answers(tmp_path / "out")
    document = diagnose(Given(paths=(out,)), Settings())
    assert "FIT081" in {finding.code for finding in document.findings}
    assert "answers" in {examined.what for examined in document.examined}
    assert {found.role for found in recognise((out,))} == {"log"}
    assert not [f for f in check(Given(paths=(out,)), Settings())[0].findings if f.family == "data"]


def test_broken_answers_do_not_stop_a_diagnosis(tmp_path: Path) -> None:
    out = run_with_answers(tmp_path / "out")
    for path in (out / "completions").iterdir():
        path.write_bytes(b"broken")
    document = diagnose(Given(paths=(out,)), Settings())
    reasons = [outcome.reason for outcome in document.not_run if outcome.check == "FIT081"]
    assert reasons
    assert "none of 20 files" in reasons[0]
