"""What the page says of a run, event by event."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.serve.conftest import RUNS, Log, Page

from tunewell.core.finding import Finding, Severity
from tunewell.readers.logs.run_folder import read_events
from tunewell.serve.live_run import LiveRun
from tunewell.serve.names import drawn

FIXTURES = sorted(RUNS.glob("*/*/events.jsonl"))


class Clock:
    """A clock that a test sets."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """What it shows."""
        return self.now


def events(path: Path) -> list[dict[str, Any]]:
    """The events of a log."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def live(log: Log, clock: Clock | None = None) -> LiveRun:
    """The run that a log tells of."""
    run = LiveRun("run", clock=clock or Clock(log.at + 1))
    run.take(events(log.path))
    return run


def page(run: LiveRun) -> Page:
    """All that is told of it."""
    told = Page()
    told.take(json.loads(run.encoded(None)[1]))
    return told


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.parent.name)
def test_holds_what_the_reader_of_the_log_reads(path: Path) -> None:
    """Point for point, for every recorded run, resumed ones among them."""
    run = LiveRun("run")
    run.take(events(path))
    trace, _ = read_events(path)
    shown = {name: column for name, column in trace.columns.items() if drawn(name)}
    assert run._series.keys() == shown.keys()
    for name, column in shown.items():
        np.testing.assert_array_equal(np.array(run._series[name].steps), column.steps)
        np.testing.assert_array_equal(np.array(run._series[name].values), column.values)
    state = run.since(None)["state"]
    assert state["max_steps"] == trace.max_steps
    assert (state["phase"] == "finished") == trace.finished
    assert state["step"] == trace.last_step


def test_columns_of_single_steps(tmp_path: Path) -> None:
    """The watcher's `steps` events, with a value that is no number and one that is not finite."""
    log = Log(tmp_path)
    log.start()
    log.write("steps", step=[1, 2, 3], step_loss=[3.0, float("nan"), 1.0], skipped=[0, 1, None])
    log.write("steps", step=[4], step_loss=[0.5], short=[1, 2])
    told = page(live(log))
    assert told.columns["step_loss"] == {"s": [1, 2, 3, 4], "v": [3.0, None, 1.0, 0.5]}
    assert told.columns["skipped"] == {"s": [1, 2], "v": [0, 1]}
    assert "short" not in told.columns
    assert told.state["step"] == 4


def test_a_resumed_run(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.start()
    for step in (10, 20, 30):
        log.loss(step, 1.0)
    run = live(log)
    told = page(run)
    log.start(step=20)
    log.loss(30, 0.5)
    run.take(events(log.path)[-2:])
    told.take(json.loads(run.encoded(told.id)[1]))
    assert told.columns["loss"] == {"s": [10, 20, 30], "v": [1.0, 1.0, 0.5]}
    assert [(one["step"], one["kind"]) for one in told.happened] == [(20, "restart")]
    assert "10 steps" in told.happened[0]["text"]


def test_a_new_run_in_the_same_log(tmp_path: Path) -> None:
    """Nothing of the earlier one is left on a page that saw it."""
    log = Log(tmp_path)
    log.start()
    log.loss(50, 1.0)
    log.find(50, "FIT001", "old")
    run = live(log)
    told = page(run)
    log.start(learning_rate=1e-3)
    log.loss(5, 2.0)
    run.take(events(log.path)[-2:])
    told.take(json.loads(run.encoded(told.id)[1]))
    assert told.columns["loss"] == {"s": [5], "v": [2.0]}
    assert told.findings == {}
    assert told.settings == {"learning_rate": "0.001"}


def test_findings_come_and_go(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.start()
    log.find(10, "FIT001", "training loss is flat")
    log.find(12, "FIT009", "memory is full", "error")
    run = live(log)
    told = page(run)
    assert told.open == ["FIT001", "FIT009"]
    assert told.state["verdict"] == "Memory is full"
    log.write("finding_closed", step=20, code="FIT009")
    run.take(events(log.path)[-1:])
    delta = json.loads(run.encoded(told.id)[1])
    assert [one["code"] for one in delta["findings"]] == ["FIT009"]
    told.take(delta)
    assert told.open == ["FIT001"]
    assert told.state["verdict"] == "Training loss is flat"
    log.find(30, "FIT009", "memory is full again", "error")
    run.take(events(log.path)[-1:])
    told.take(json.loads(run.encoded(told.id)[1]))
    assert told.open == ["FIT001", "FIT009"]
    assert len(told.findings) == 3


def test_nothing_is_called_healthy_before_it_was_examined(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.start()
    log.write("end", step=100, reason="finished")
    run = live(log)
    assert "looking" in page(run).state["verdict"]
    run.judge([])
    assert page(run).state["verdict"] == "Nothing was found wrong with this run."
    run.judge([Finding(message="it is wrong", code="FIT001", severity=Severity.ERROR)])
    assert page(run).state["verdict"] == "It is wrong"
    run.judge([])
    assert page(run).open == []


def test_what_the_watcher_found_stands_while_the_run_goes_on(tmp_path: Path) -> None:
    """The page looks more often; it adds, and takes back only what it found itself."""
    log = Log(tmp_path)
    log.start()
    log.loss(10, 1.0)
    run = live(log)
    assert "looking" in page(run).state["verdict"]
    run.judge([Finding(message="of the page", code="FIT003", severity=Severity.ERROR)])
    assert page(run).open == ["FIT003"]
    log.find(10, "FIT001", "of the watcher")
    run.take(events(log.path)[-1:])
    run.judge([])
    assert page(run).open == ["FIT001"]
    log.write("end", step=100, reason="finished")
    run.take(events(log.path)[-1:])
    assert "of the watcher" in page(run).state["verdict"].lower()
    run.judge([])
    assert page(run).open == []


def test_phases(tmp_path: Path) -> None:
    """Waiting, running, silent after a while that its own gaps make long, running, failed."""
    clock = Clock()
    run = LiveRun("run", clock=clock)
    assert page(run).state["phase"] == "waiting"
    log = Log(tmp_path, at=clock.now)
    log.start()
    log.loss(10, 1.0)
    run.take(events(log.path))
    assert page(run).state["phase"] == "running"
    clock.now = log.at + 119
    assert page(run).state["phase"] == "running"
    clock.now = log.at + 121
    told = page(run)
    assert told.state["phase"] == "silent"
    before = run.told
    log.at = clock.now  # it had only evaluated for two minutes
    log.loss(20, 1.0)
    run.take(events(log.path)[-1:])
    assert run.told != before
    clock.now = log.at + 500
    assert page(run).state["phase"] == "running"
    clock.now = log.at + 700
    assert page(run).state["phase"] == "silent"
    log.at = clock.now
    log.write("end", step=20, reason="OutOfMemoryError")
    run.take(events(log.path)[-1:])
    assert page(run).state["phase"] == "failed"
    assert page(run).state["reason"] == "OutOfMemoryError"


def test_silence_is_told_to_a_page_that_knows_all_else(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.start()
    clock = Clock(log.at)
    run = live(log, clock)
    run.tick()
    told = run.told
    run.tick()
    assert run.told == told
    clock.now += 1000
    run.tick()
    assert run.told != told


def test_time_left(tmp_path: Path) -> None:
    """Half a second an event, 10 steps an event: 50 ms a step and 40 steps to go."""
    log = Log(tmp_path)
    log.start()
    for step in range(10, 70, 10):
        log.loss(step, 1.0)
    state = page(live(log, Clock(log.at))).state
    assert state["left"] == pytest.approx(2.0)
    assert page(live(log, Clock(log.at + 1.5))).state["left"] == pytest.approx(0.5)
    assert page(live(log, Clock(log.at + 9))).state["left"] == 0


def test_where_the_time_goes(tmp_path: Path) -> None:
    """A logged mean counts for the steps that it stands for; what is left over is named so."""
    log = Log(tmp_path, at=0.0)
    log.start()
    log.at = 8.5
    values = {"step_seconds": 0.5, "data_seconds": 0.1, "watch_seconds": 0.01}
    log.write("log", step=10, values=values)
    log.write("log", step=10, values={"eval_loss": 1.0, "eval_runtime": 2.0})
    assert page(live(log, Clock(9.5))).state["split"] == pytest.approx(
        {"loading": 1.0, "computing": 5.0, "evaluating": 2.0, "watching": 0.1, "other": 0.9}
    )


def test_secrets_and_junk_in_settings(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.start(
        hub_token="hunter-two-hunter-two",
        pad_token="<pad>",
        max_tokens=512,
        wandb={"api_key": "9f8a7c6b5d4e3f2a1b0c9d8e7f6a5b4c", "project": "mine"},
        note="key AKIAQ3EGRXK7WJ5TZ2LM\x1b[31m",
        nothing=None,
    )
    log.write(
        "intervention", step=3, kind="stop", text="token hf_Zk3vQ9sLwT7yXb2NcR8dUe5GhJ1pMaFo0i"
    )
    run = live(log)
    told = page(run)
    assert told.settings["pad_token"] == "<pad>"  # noqa: S105  a token of a tokenizer
    assert told.settings["max_tokens"] == "512"
    assert told.settings["wandb.project"] == "mine"
    assert "nothing" not in told.settings
    said = run.encoded(None)[1].decode()
    for secret in ("hunter-two-hunter", "9f8a7c6b5d4e", "QWEJ5TZ2LM", "yXb2NcR8dUe5", "\x1b"):
        assert secret not in said


def test_a_finding_of_another_version(tmp_path: Path) -> None:
    """It is shown with what can be understood of it."""
    log = Log(tmp_path)
    log.start()
    finding = {
        "message": "new <b>kind</b>",
        "severity": "error",
        "evidence": [{"kind": "hologram"}],
    }
    log.write("finding_opened", step=3, code="NEW001", finding={**finding, "code": "NEW001"})
    told = page(live(log))
    assert told.open == ["NEW001"]
    assert told.state["verdict"] == "New <b>kind</b>"
    assert "new &lt;b&gt;kind&lt;/b&gt;" in told.findings[0]["html"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=8,
)
KINDS = st.sampled_from(
    ["start", "steps", "log", "layers", "finding_opened", "finding_closed", "intervention", "end"]
)
FIELDS = st.sampled_from(
    ["step", "time", "values", "settings", "max_steps", "code", "finding", "kind", "text", "loss"]
)


@given(st.lists(st.tuples(KINDS, st.dictionaries(FIELDS, JSON, max_size=6)), max_size=8))
def test_any_event_is_borne(said: list[tuple[str, dict[str, Any]]]) -> None:
    """A log of junk gives a page, and deltas still add up to the whole."""
    run = LiveRun("run")
    told = Page()
    for kind, values in said:
        run.take([{"event": kind, **values}])
        told.take(json.loads(run.encoded(told.id)[1]))
    whole = page(run)
    assert told.columns == whole.columns
    assert told.findings == whole.findings
    assert told.settings == whole.settings
