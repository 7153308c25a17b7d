"""The settings of Tunewell with their lines, and settings written back with comments kept."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from tunewell.core.errors import SettingsError
from tunewell.core.finding import SetKey
from tunewell.readers.recipes import read_recipe, write_recipe

TOML = """# mine
[data]
learning_rate = "not this one"

[recipe]  # settings
model = "minilm"
learning_rate = 1e-6  # too small
max_length = 12
num_train_epochs = 3
"""


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    path = tmp_path / "tunewell.toml"
    path.write_text(TOML)
    return path


def test_values_and_lines(toml: Path) -> None:
    recipe = read_recipe(tomllib.loads(TOML)["recipe"], toml)
    assert recipe.learning_rate == 1e-6
    assert recipe.num_train_epochs == 3.0
    assert recipe.weight_decay == 0.01
    assert recipe.given == {"model", "learning_rate", "max_length", "num_train_epochs"}
    assert recipe.places["learning_rate"].line == 7


def test_no_table_gives_the_standard_values() -> None:
    assert read_recipe({}).given == frozenset()


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "unknown": ({"learning_rat": 1e-5}, "did you mean 'learning_rate'"),
    "a text": (
        {"learning_rate": "1e-5"},
        "7: recipe.learning_rate: must be a number.*quotes",
    ),
    "a truth": ({"seed": True}, "must be a whole number, not true or false"),
    "negative": ({"learning_rate": -1.0}, "above 0"),
    "infinite": ({"learning_rate": float("inf")}, "above 0"),
    "not one of": ({"precision": "int8"}, "fp32, bf16, fp16"),
    "too short": ({"max_length": 1}, "3 or more"),
    "no share": ({"warmup_ratio": 1.5}, "from 0 to 1"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_settings_say_what_to_write(toml: Path, case: str) -> None:
    table, said = BAD[case]
    with pytest.raises(SettingsError, match=said):
        read_recipe(table, toml)


def test_written_settings_keep_comments_and_read_back(toml: Path) -> None:
    edits = [
        SetKey(path="learning_rate", old=1e-6, new=5e-5),
        SetKey(path="recipe.max_length", old=12, new=None),
        SetKey(path="class_weights", old=None, new="balanced"),
    ]
    text = write_recipe(toml, edits)
    assert "# mine" in text
    assert "# too small" in text
    table = tomllib.loads(text)
    assert table["data"] == {"learning_rate": "not this one"}
    recipe = read_recipe(table["recipe"])
    assert (recipe.learning_rate, recipe.max_length) == (5e-5, None)
    assert recipe.class_weights == "balanced"
    assert toml.read_text() == TOML
