"""Standard values: the table is whole and ordered, and look-ups find the right row."""

from __future__ import annotations

import pytest

from tunewell.knowledge.standard_values import (
    StandardValue,
    lookup,
    settings_of,
    table,
    tinker_rate,
)


@pytest.mark.parametrize(
    "value",
    table(),
    ids=lambda v: f"{v.task}-{v.method}-{v.setting}-{v.max_parameters}-{v.families}",
)
def test_every_value_is_ordered_and_has_sources(value: StandardValue) -> None:
    """Lowest to highest, with two sources or more."""
    assert value.lowest <= value.low <= value.typical <= value.high <= value.highest
    assert len(value.sources) >= 2
    assert all(s.url.startswith("https://") and s.name and s.says for s in value.sources)


def test_sizes_of_a_setting_leave_no_gap() -> None:
    """Every size of model has a rate."""
    for parameters in (1, 49_999_999, 50_000_000, 109_000_000, 250_000_000, 7_000_000_000):
        assert lookup("text-classification", "full", "learning_rate", parameters=parameters)


def test_size_decides_where_sources_differ() -> None:
    """The unknown size spans the known ones."""
    small = lookup("text-classification", "full", "learning_rate", parameters=22_700_000)
    base = lookup("text-classification", "full", "learning_rate", parameters=110_000_000)
    unknown = lookup("text-classification", "full", "learning_rate")
    assert small is not None
    assert base is not None
    assert unknown is not None
    assert small.typical > base.typical
    assert unknown.lowest <= base.lowest
    assert unknown.highest >= small.highest


def test_lora_learns_at_about_ten_times_the_full_rate() -> None:
    """As its source says."""
    full, lora = lookup("sft", "full", "learning_rate"), lookup("sft", "lora", "learning_rate")
    assert full is not None
    assert lora is not None
    assert lora.typical == pytest.approx(10 * full.typical)


def test_what_nobody_published_is_none() -> None:
    """No value is made up."""
    assert lookup("text-classification", "full", "seed") is None
    assert lookup("image-generation", "full", "learning_rate") is None


def test_settings_are_listed_once() -> None:
    """Sizes of one setting are one setting."""
    names = settings_of("text-classification", "full")
    assert names[0] == "learning_rate"
    assert len(names) == len(set(names))


def test_times_outside() -> None:
    """The factor is relative to the consensus range."""
    value = lookup("sft", "lora", "learning_rate")
    assert value is not None
    assert value.times_outside(2e-4) == 1.0
    assert value.times_outside(1e-5) == pytest.approx(10)
    assert value.times_outside(5e-3) == pytest.approx(10)
    assert value.times_outside(0.0) == float("inf")
    assert value.published(2e-5)
    assert not value.published(1.9e-5)


def test_the_family_goes_before_the_size() -> None:
    """Mistral's rates are lower than Llama's in the sources that give both."""
    sizes = {"parameters": 7_000_000_000}
    mistral = lookup("sft", "lora", "learning_rate", family="mistral", **sizes)
    llama = lookup("sft", "lora", "learning_rate", family="llama", **sizes)
    other = lookup("sft", "lora", "learning_rate", family="bloom", **sizes)
    assert mistral is not None
    assert llama is not None
    assert other == lookup("sft", "lora", "learning_rate")
    assert mistral.low < llama.low


def test_a_large_model_is_not_trained_fully_at_a_lora_rate() -> None:
    """2e-4 is a rate for LoRA: no source but a few examples that are mistaken has it at 27B."""
    value = lookup("sft", "full", "learning_rate", parameters=27_000_000_000, family="qwen")
    assert value is not None
    assert value.times_outside(2e-4) == pytest.approx(10)
    assert not value.published(2e-4)


def test_every_setting_has_a_value_for_a_model_of_unknown_size_and_family() -> None:
    """`tunewell plan` shows a row for each."""
    for task, method in {(v.task, v.method) for v in table()}:
        for setting in settings_of(task, method):
            assert lookup(task, method, setting) is not None, (task, method, setting)


def test_taggers_have_the_values_of_classifiers() -> None:
    """BERT's are one list for both."""
    assert lookup("token-classification", "full", "learning_rate") == lookup(
        "text-classification", "full", "learning_rate"
    )
    assert settings_of("token-classification", "full")


@pytest.mark.parametrize(
    ("family", "width", "lora", "rate"),
    [
        ("llama", 4096, True, 2.9e-4),  # Llama 3.1 8B, as its authors give it
        ("llama", 2048, True, 4.9e-4),  # Llama 3.2 1B
        ("llama", 8192, True, 1.7e-4),  # Llama 3 70B
        ("qwen", 4096, True, 4.7e-4),  # Qwen3 8B
        ("llama", 4096, False, 2.9e-5),
    ],
)
def test_the_published_formula(family: str, width: int, lora: bool, rate: float) -> None:
    """It gives the values that its source names."""
    assert tinker_rate(family, width, lora=lora) == pytest.approx(rate, rel=0.03)


def test_the_formula_is_silent_elsewhere() -> None:
    """It was made for two families."""
    assert tinker_rate("gemma", 4096, lora=True) is None
    assert tinker_rate("llama", 0, lora=True) is None
