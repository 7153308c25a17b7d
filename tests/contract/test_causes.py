"""The table of causes: it names checks, facts, subjects and causes that there are."""

import inspect
import re
from pathlib import Path

import pytest

from tunewell.engine import registry
from tunewell.engine.examine import HOW_TO_PASS
from tunewell.facts.run.fact import known
from tunewell.knowledge.causes import KnownCause, table
from tunewell.subjects.recipe import Recipe

PENDING: frozenset[str] = frozenset()
"""Names of checks that are being written on other branches. Empty on main."""

NAMES = {name for check in registry.load() for name in (check.code, check.name)}

every_cause = pytest.mark.parametrize("cause", table(), ids=lambda cause: cause.id)


@every_cause
def test_names_checks_that_there_are(cause: KnownCause) -> None:
    named = {root.check for root in cause.roots} | cause.symptoms.keys()
    assert named - NAMES <= PENDING


def test_nothing_is_pending_that_is_there() -> None:
    assert not PENDING & NAMES


@every_cause
def test_names_facts_subjects_and_causes_that_there_are(cause: KnownCause) -> None:
    assert {*cause.speaks_for, *cause.speaks_against} <= known().keys()
    assert {need.subject for need in cause.needs} <= HOW_TO_PASS.keys()
    assert set(cause.precedes) <= {other.id for other in table()} - {cause.id}


@every_cause
def test_says_what_would_refute_it_in_a_clause(cause: KnownCause) -> None:
    for text in (cause.title, cause.refutes, cause.fix, *(need.why for need in cause.needs)):
        assert text[0].islower()
        assert text[-1].isalnum()
    assert all(0 < weight <= 3 for weight in cause.symptoms.values())
    assert all(0 < weight <= 3 for weight in cause.speaks_for.values())
    assert all(0 < weight <= 3 for weight in cause.speaks_against.values())


def test_ids_are_unique_and_every_fact_has_a_use() -> None:
    assert len({cause.id for cause in table()}) == len(table())
    used = {name for cause in table() for name in (*cause.speaks_for, *cause.speaks_against)}
    assert used == known().keys()


def test_a_check_is_not_root_and_symptom_of_one_cause() -> None:
    for cause in table():
        assert not {root.check for root in cause.roots} & cause.symptoms.keys()


@every_cause
def test_misled_checks_are_symptoms_of_the_cause(cause: KnownCause) -> None:
    assert set(cause.misled) <= cause.symptoms.keys()
    if cause.change is not None:
        assert isinstance(getattr(Recipe(), cause.change.setting), float)


def test_forerunners_do_not_run_in_circles() -> None:
    before = {cause.id: set(cause.precedes) for cause in table()}
    for _ in before:
        before = {a: bs.union(*(before[b] for b in bs)) for a, bs in before.items()}
    assert all(cause not in later for cause, later in before.items())


def test_every_fact_says_what_it_is_about() -> None:
    for fact in known().values():
        assert fact.about.startswith(("whether ", "how "))
        assert inspect.getdoc(fact.tell)


def test_the_register_of_planted_causes_names_causes_that_there_are() -> None:
    text = (Path(__file__).parents[1] / "fixtures" / "runs" / "causes.json").read_text("utf-8")
    assert set(re.findall(r'"cause": "([^"]+)"', text)) <= {cause.id for cause in table()}
