"""Which cause is named, in which order findings stand, and what is said of it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from types import MappingProxyType

import msgspec
import pytest

from tunewell.core.document import Cause
from tunewell.core.finding import Confidence, Finding, Fix, Key, Safety, SetKey, Severity
from tunewell.engine.causes import find_causes
from tunewell.engine.examine import HOW_TO_PASS, Outcomes, examine
from tunewell.facts.run.fact import Fact, Seen, known
from tunewell.readers.logs import read_run
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.trace import Trace
from tunewell.testing import trace

RUNS = Path(__file__).parents[1] / "fixtures" / "runs"
PLANTED = {
    name: run["cause"]
    for name, run in json.loads((RUNS / "causes.json").read_text(encoding="utf-8")).items()
    if (RUNS / "faulty" / name).is_dir()
}
NOTHING_FOUND = {
    "language-cosine", "language-cut-short", "language-often", "language-overfitted",
    "language-seldom", "sms-rate-too-high",
}  # fmt: skip
"""Runs of which no check may have said anything: tests/train/test_real_runs.py counts them."""


def finding(name: str, code: str, **fields: object) -> Finding:
    """A finding of a check by name."""
    told = {"severity": Severity.WARNING, "confidence": Confidence.MEDIUM, **fields}
    return Finding(message=name, name=name, code=code, **told)  # type: ignore[arg-type]


def rate(old: float, new: float) -> Finding:
    """HYP001 that raises or lowers the rate."""
    edit = SetKey(path="learning_rate", old=old, new=new)
    fix = Fix(title="set it", safety=Safety.UNSAFE, edits=(edit,))
    where = (Key(path="learning_rate"),)
    return finding("learning-rate-outside-range", "HYP001", fixes=(fix,), where=where)


def run(**settings: object) -> Trace:
    """A run of which nothing is known but its settings and a loss that moves a little."""
    made = trace(loss=[2.0, 1.95, 1.99, 1.93, 1.97, 1.92, 1.96, 1.9])
    return Trace(source="test", columns=made.columns, settings=MappingProxyType(settings))


UNDER = finding("underfitting", "FIT002")
DIVERGED = finding("divergence", "FIT003", severity=Severity.ERROR)
DEAD = finding("step-one-proof", "FIT005", severity=Severity.ERROR, confidence=Confidence.HIGH)
NAN = finding("hidden-non-finite", "FIT004", severity=Severity.ERROR, confidence=Confidence.HIGH)


def causes(*findings: Finding, of: Trace | None = None) -> tuple[Cause, ...]:
    """The causes of findings."""
    return find_causes(findings, [of or run()], how_to_pass=HOW_TO_PASS)[0]


@pytest.mark.parametrize("name", sorted(PLANTED))
def test_the_first_cause_of_a_real_run_is_the_one_that_was_planted(name: str) -> None:
    """Without settings and data: from the log alone."""
    outcomes = examine([part for part in read_run(RUNS / "faulty" / name) if part is not None])
    if not outcomes.causes:
        assert name in NOTHING_FOUND
        return
    first = outcomes.causes[0]
    assert first.id == PLANTED[name]
    assert outcomes.findings[0].code in first.explains


@pytest.mark.parametrize("kind", ["healthy", "longer"])
def test_no_cause_is_named_of_a_healthy_run(kind: str) -> None:
    """Where nothing is found there is nothing to explain."""
    for path in (RUNS / kind).iterdir():
        parts = [part for part in read_run(path) if part is not None]
        assert not examine(parts).causes, path.name


def test_the_finding_that_names_the_cause_comes_first() -> None:
    """Also where another one is worse; that one says what it follows from."""
    named, ordered = find_causes([DIVERGED, rate(1e-2, 2e-5)], [run(learning_rate=1e-2)])
    assert [cause.id for cause in named] == ["rate-too-high"]
    assert named[0].root == "HYP001"
    assert named[0].explains == ("HYP001", "FIT003")
    assert [(f.code, f.because_of) for f in ordered] == [("HYP001", ""), ("FIT003", "HYP001")]


def test_advice_that_would_do_harm_gives_way() -> None:
    """Loss near guessing asks for a higher rate, which a rate that is too high does not need."""
    raise_it = Fix(title="raise the learning rate", safety=Safety.MANUAL)
    under = finding("underfitting", "FIT002", fixes=(raise_it,))
    recipe = Recipe(learning_rate=1e-2)
    given = [under, rate(1e-2, 2e-5)]
    _, ordered = find_causes(given, [run(learning_rate=1e-2), recipe])
    (fix,) = ordered[1].fixes
    assert fix.title.startswith("a tenth of the learning rate")
    assert fix.edits[0].new == pytest.approx(1e-3)  # type: ignore[union-attr]
    _, without = find_causes(given, [run(learning_rate=1e-2)])
    assert without[1].fixes[0].safety is Safety.MANUAL
    assert without[0].fixes == given[1].fixes


def test_one_check_names_opposite_causes() -> None:
    """By the direction of its fix."""
    assert causes(UNDER, rate(1e-8, 2e-5))[0].id == "rate-too-low"
    assert causes(UNDER, rate(1e-1, 2e-5))[0].id == "rate-too-high"


def test_findings_of_no_cause_keep_their_severity() -> None:
    """A worse one stays before the group, an equal one comes after it."""
    other = finding("loader-bound", "HW002")
    worse = finding("broken-rows", "DAT002", severity=Severity.ERROR)
    _, ordered = find_causes([worse, UNDER, other, rate(1e-8, 2e-5)], [run(learning_rate=1e-8)])
    assert [f.code for f in ordered] == ["DAT002", "HYP001", "FIT002", "HW002"]


def test_no_finding_is_lost_or_doubled() -> None:
    """Whatever is explained by more than one cause."""
    given = [NAN, DIVERGED, DEAD, UNDER, rate(1e-2, 2e-5)]
    _, ordered = find_causes(given, [run(learning_rate=1e-2)])
    assert sorted(f.code for f in ordered) == sorted(f.code for f in given)


def test_what_brings_another_cause_about_is_named_before_it() -> None:
    """A rate that is named, and whose fact holds, before the values that it made infinite."""
    of = run(learning_rate=1e-1, task="text-classification")
    named = causes(NAN, rate(1e-1, 2e-5), of=of)
    assert [cause.id for cause in named] == ["rate-too-high"]
    assert named[0].explains == ("HYP001", "FIT004")


def test_a_cause_that_is_named_keeps_mere_possibilities_out() -> None:
    """A part that is not trained explains the loss: nothing else is supposed."""
    assert [cause.id for cause in causes(DEAD, UNDER)] == ["part-not-trained"]


def test_two_that_cannot_be_told_apart_are_both_named_with_what_would_tell() -> None:
    """With low confidence, each with its own experiment, and each other's rival."""
    first, second = causes(finding("divergence", "FIT003"), of=_spike_after_restart())[:2]
    assert {first.id, second.id} == {"rate-too-high", "resumed-wrongly"}
    assert first.rivals == (second.id,)
    assert second.rivals == (first.id,)
    assert first.confidence is second.confidence is Confidence.LOW
    assert first.would_refute != second.would_refute


def _spike_after_restart() -> Trace:
    from tunewell.subjects.trace import Restart

    losses = [2.0, 1.8, 1.6, 1.5, 1.4, 1.3, 1.25, 1.2, *[2.35] * 8]
    made = trace(loss=losses)
    return Trace(source="test", columns=made.columns, restarts=(Restart(step=8, reached=8),))


def test_what_the_log_lacks_is_said() -> None:
    """A column that is not there, and a subject that was not passed, with how to pass it."""
    (cause,) = causes(NAN)
    assert (
        "whether the gradient norm was ordinary until the loss went wrong: the log has no grad_norm"
        in cause.not_checked
    )
    assert any("pass training data" in line for line in cause.not_checked)


@pytest.mark.parametrize(
    ("name", "columns", "settings", "asked"),
    [
        ("kl-high", {"loss": [1.0]}, {}, False),
        ("kl-high", {"reward": [1.0]}, {"beta": 0.0}, False),
        ("kl-high", {"reward": [1.0]}, {"beta": 0.04}, True),
        ("steps-skipped", {"loss": [1.0]}, {"fp16": False}, False),
        ("steps-skipped", {"loss": [1.0]}, {"fp16": True}, True),
    ],
)
def test_nothing_is_asked_of_a_run_that_could_not_log_it(
    name: str, columns: dict[str, list[float]], settings: dict[str, object], *, asked: bool
) -> None:
    """A classifier has no reference to move from; without fp16 no update is left out."""
    logged = trace(**columns).columns  # type: ignore[arg-type]
    made = Trace(source="test", columns=logged, settings=settings)
    assert known()[name].asks_of(made) is asked


def test_information_is_no_trouble() -> None:
    """It has no cause, and is in none."""
    told = finding("overfitting", "FIT001", severity=Severity.INFO)
    assert not causes(told)


def test_before_a_training_a_cause_takes_two_findings() -> None:
    """One that names it and one that follows; the order within a severity stays."""
    raises = finding("first-step-raises", "FIT015", severity=Severity.ERROR)
    labels = finding("label-outside-head", "DAT013", severity=Severity.ERROR)
    named, ordered = find_causes([labels, raises], [])
    assert [cause.id for cause in named] == ["labels-unlike-head"]
    assert ordered[1].because_of == "DAT013"
    assert not find_causes([labels], [])[0]
    assert not find_causes([raises], [])[0]


def test_a_fact_that_fails_costs_the_causes_and_not_the_findings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is said to be broken, like a check."""

    def broken(_: object) -> None:
        message = "a fault"
        raise RuntimeError(message)

    facts = dict(known())
    facts["loss-flat"] = Fact("loss-flat", "whether it fails", (), state=False, tell=broken)
    monkeypatch.setattr("tunewell.engine.causes.known", lambda: facts)
    outcomes = Outcomes(findings=[UNDER])
    outcomes.explain([run()])
    assert outcomes.findings == [UNDER]
    assert "RuntimeError: a fault" in outcomes.broken[0].reason


def test_what_is_answered_after_the_loss_was_lost_tells_nothing() -> None:
    """A model whose weights are NaN answers one class: no fact of its own."""
    for value, holds in ((0.3, True), (float("nan"), False)):
        run = trace(
            raw_loss=[0.7, 0.6, 0.5, 0.4, 0.3, value, value, value],
            predicted_top_share=[0.6, 0.6, 0.6, 0.6, 0.6, 1.0, 1.0, 1.0],
        )
        run = dataclasses.replace(run, classes=2)
        assert (known()["one-class-answered"].tell(Seen(run)) is not None) == holds


def test_every_strength_lies_between_none_and_full() -> None:
    """Of every fact on every run of the fixtures."""
    from tunewell.facts.run.fact import Seen

    for path in RUNS.glob("*/*/events.jsonl"):
        of, state = read_run(path)
        for fact in known().values():
            seen = Seen(of, state=state)
            told = None if fact.missing(seen) else fact.tell(seen)
            if told is not None:
                assert 0 < told.strength <= 1, fact.name
                assert "nan" not in told.text, fact.name


def test_causes_survive_the_document() -> None:
    """They are data."""
    (cause,) = causes(NAN)
    assert msgspec.json.decode(msgspec.json.encode(cause), type=Cause) == cause
