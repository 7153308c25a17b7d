"""The facts in benchmarks/data that predictions are held against."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tunewell.plan.step import Step

DATA = Path(__file__).parents[2] / "benchmarks" / "data"
MEASURED = json.loads((DATA / "t4_measured.json").read_text())
PUBLISHED = json.loads((DATA / "public_measured.json").read_text())


def _step(document: dict[str, Any], row: dict[str, Any]) -> Step:
    config = document["models"][row["model"]]["config"]
    return msgspec.convert({"config": config, **row["step"]}, Step, strict=True)


@pytest.mark.parametrize("document", [MEASURED, PUBLISHED], ids=["measured", "published"])
def test_every_row_is_a_step_of_a_known_model_and_source(document: dict[str, Any]) -> None:
    names = [row["name"] for row in document["rows"]]
    assert len(set(names)) == len(names)
    for row in document["rows"]:
        assert _step(document, row).batch == row["step"]["batch"]
        assert row["source"] in document["sources"]


def test_every_setting_is_a_field_of_the_step() -> None:
    fields = set(Step.__struct_fields__)
    for document in (MEASURED, PUBLISHED):
        for row in document["rows"]:
            assert set(row["step"]) <= fields


def test_there_are_as_many_rows_as_the_archives_have() -> None:
    roles = [row["role"] for row in MEASURED["rows"]]
    assert (roles.count("calibration"), roles.count("holdout")) == (47, 12)
    assert (roles.count("edge"), roles.count("measured")) == (11, 8)
    outcomes = [row["measured"]["outcome"] for row in MEASURED["rows"]]
    assert outcomes.count("oom") == 4


def test_the_process_is_what_is_reserved_and_the_context() -> None:
    for row in MEASURED["rows"]:
        measured = row["measured"]
        if "reserved" in measured:
            context = _step(MEASURED, row).device.context_bytes
            assert measured["process"] == measured["reserved"] + context
            assert measured["allocated"] <= measured["reserved"] <= MEASURED["card"]["bytes"]


def test_the_peak_is_that_of_the_largest_phase() -> None:
    """The phases were measured in a step of their own, after the peak."""
    for row in MEASURED["rows"]:
        measured = row["measured"]
        if "forward" in measured:
            phases = max(measured[name] for name in ("forward", "backward", "optimizer"))
            assert phases == pytest.approx(measured["allocated"], rel=0.01)


def test_the_source_of_a_figure_is_an_address_and_a_day() -> None:
    for document in (MEASURED, PUBLISHED):
        for source in document["sources"].values():
            assert source["address"].startswith("https://")
            assert source["taken"] == "2026-11-27"


@pytest.mark.parametrize("name", sorted(MEASURED["models"]))
def test_the_config_gives_the_measured_number_of_parameters(name: str) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    model = MEASURED["models"][name]
    config = transformers.AutoConfig.for_model(**model["config"])
    with torch.device("meta"):
        built = getattr(transformers, model["config"]["architectures"][0])(config)
    assert sum(weight.numel() for weight in built.parameters()) == model["parameters"]
