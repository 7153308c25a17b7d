"""Logs that grow, end, go and begin again while they are read."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from tests.serve.conftest import RUNS, Log, Page, follow

from tunewell.readers.logs import find_runs
from tunewell.serve.follow import Follower


def look(follower: Follower, told: Page) -> Page:
    """Read, and take what is new."""
    follower.read()
    told.take(json.loads(follower.run.encoded(told.id)[1]))
    return told


def test_only_what_is_new_is_told(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.start()
    log.loss(1, 3.0)
    follower = follow(tmp_path)
    told = look(follower, Page())
    log.loss(2, 2.0)
    follower.read()
    delta = json.loads(follower.run.encoded(told.id)[1])
    assert delta["columns"]["loss"] == {"from": 1, "w": 1, "s": [2], "v": [2.0]}
    assert "settings" not in delta


def test_nothing_new_is_no_change(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.start()
    follower = follow(tmp_path)
    follower.read()
    follower.read()  # examines
    told = follower.run.told
    follower.read()
    assert follower.run.told == told


def test_half_a_line_waits_for_its_end(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.start()
    log.loss(1, 3.0)
    text = log.path.read_text()
    log.path.write_text(text[:-20])
    follower = follow(tmp_path)
    told = look(follower, Page())
    assert "loss" not in told.columns
    with log.path.open("a") as file:
        file.write(text[-20:])
    assert look(follower, told).columns["loss"]["v"] == [3.0]


def test_a_run_that_begins_after_the_server(tmp_path: Path) -> None:
    folder = tmp_path / "later"
    follower = follow(folder)
    told = look(follower, Page())
    assert told.state["phase"] == "waiting"
    log = Log(folder / "tunewell")
    log.start()
    log.loss(1, 3.0)
    assert look(follower, told).columns["loss"]["v"] == [3.0]


@pytest.mark.parametrize("way", ["deleted", "renamed", "rewritten in place", "rewritten longer"])
def test_a_run_begun_again(tmp_path: Path, way: str) -> None:
    """Whatever happens to the old file, the page shows the new run and nothing of the old."""
    log = Log(tmp_path / "run", at=1_000_000.0)
    log.start(seed=1)
    for step in range(1, 5):
        log.loss(step, 9.0)
    log.find(4, "FIT001", "old")
    follower = follow(tmp_path / "run")
    told = look(follower, Page())
    assert told.open == ["FIT001"]
    if way == "deleted":
        shutil.rmtree(tmp_path / "run")
        assert "not there any more" in look(follower, told).state["trouble"]
        assert told.columns["loss"]["v"] == [9.0] * 4
    elif way == "renamed":
        log.path.rename(log.path.with_name("events.1.jsonl"))
    else:
        log.path.write_bytes(b"")
        if way == "rewritten in place":
            look(follower, told)
    again = Log(tmp_path / "run", at=2_000_000.0)
    again.start(seed=2)
    for step in range(1, 20 if way == "rewritten longer" else 3):
        again.loss(step, 1.0)
    told = look(follower, told)
    assert set(told.columns["loss"]["v"]) == {1.0}
    assert told.settings == {"seed": "2"}
    assert told.state["trouble"] == ""
    if way != "rewritten longer":
        assert len(told.columns["loss"]["v"]) == 2


def test_a_run_that_goes_on_is_examined_too(tmp_path: Path) -> None:
    """The watcher of a short run may not have looked yet; its loss is not finite all the same."""
    source = (RUNS / "faulty" / "nan-at-step-40" / "events.jsonl").read_text().splitlines()
    log = Log(tmp_path)
    for line in source:
        event = json.loads(line)
        if event["event"] in {"start", "log"} and event.get("step", 0) < 70:
            del event["time"]
            log.write(event.pop("event"), **event)
    follower = follow(tmp_path)
    told = look(follower, Page())
    assert (told.state["phase"], told.state["examined"]) == ("running", False)
    assert look(follower, told).open == ["FIT004"]
    log.loss(75, 0.0)
    follower.read()
    assert follower.run.since(told.id).get("findings") is None  # not due again so soon


def test_a_killed_run_says_what_diagnose_says(tmp_path: Path) -> None:
    """Its log ends in the middle of a line, long ago; the checks look at what is there."""
    events = (RUNS / "faulty" / "nan-at-step-40" / "events.jsonl").read_text().splitlines()
    kept = [line for line in events if '"finding_opened"' not in line and '"end"' not in line]
    (tmp_path / "events.jsonl").write_text("\n".join(kept)[:-30])
    follower = follow(tmp_path)
    told = look(follower, Page())
    assert told.state["phase"] == "silent"
    assert "looking" in told.state["verdict"]
    assert look(follower, told).open == ["FIT004"]
    assert "not finite" in told.state["verdict"]


@pytest.mark.parametrize(
    "path", sorted(RUNS.glob("*/*/events.jsonl"))[::5], ids=lambda path: path.parent.name
)
def test_an_ended_run_says_what_diagnose_says(path: Path) -> None:
    from tunewell.engine.examine import examine

    follower = follow(path)
    look(follower, Page())
    told = look(follower, Page())
    parts = find_runs(path)[0].read()
    found = examine([part for part in parts if part is not None]).findings
    assert sorted(told.open) == sorted(finding.code for finding in found)


def test_a_trainer_state_that_grows(tmp_path: Path) -> None:
    """A run that nobody watched: read as a whole, examined here, told as a delta."""
    source = RUNS / "faulty" / "nan-at-step-40" / "trainer_state.json"
    state = json.loads(source.read_text())
    history = state["log_history"]
    early = [entry for entry in history if entry["step"] <= 30]
    follower = follow(tmp_path)

    def write(entries: list[dict[str, object]], step: int) -> None:
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        file = folder / "trainer_state.json"
        file.write_text(json.dumps(state | {"log_history": entries, "global_step": step}))
        os.utime(file, (1_700_000_000 + step, 1_700_000_000 + step))

    write(early, 30)
    told = look(follower, Page())
    assert told.state["source"] == "Hugging Face trainer_state.json"
    points = len(told.columns["loss"]["s"])
    assert look(follower, told).open == []
    write(history, 80)
    follower.read()
    delta = json.loads(follower.run.encoded(told.id)[1])
    assert delta["columns"]["loss"]["from"] == points
    told.take(delta)
    assert "FIT004" in look(follower, told).open


def test_a_log_that_cannot_be_read_is_said_and_borne(tmp_path: Path) -> None:
    file = tmp_path / "trainer_state.json"
    file.write_text("{")
    follower = follow(tmp_path)
    told = look(follower, Page())
    assert "not JSON" in told.state["trouble"]
    file.write_text((RUNS / "healthy/frozen-encoder/trainer_state.json").read_text())
    os.utime(file, (1_700_000_000, 1_700_000_000))
    assert look(follower, told).state["trouble"] == ""
    assert told.columns["loss"]["s"]
