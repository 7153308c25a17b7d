"""HYP004 early-stopping-never-acts."""

from tunewell.checks.hyperparameters.early_stopping_never_acts import early_stopping_never_acts
from tunewell.subjects.recipe import Recipe, Saving
from tunewell.testing import CheckCases


class TestEarlyStoppingNeverActs(CheckCases):
    """Planted, nearly faulty and clean patience."""

    check = early_stopping_never_acts
    faulty = {
        "as many as evaluations": (Recipe(num_train_epochs=3.0, early_stopping_patience=3),),
        "one evaluation": (Recipe(num_train_epochs=1.0, early_stopping_patience=1),),
        "one evaluation and more patience": (
            Recipe(num_train_epochs=1.0, early_stopping_patience=3),
        ),
    }
    faulty["by epochs elsewhere"] = (
        Recipe(
            format="transformers",
            num_train_epochs=2.0,
            early_stopping_patience=3,
            saving=Saving(eval_strategy="epoch"),
        ),
    )
    nearly = {"one spare": (Recipe(num_train_epochs=3.0, early_stopping_patience=2),)}
    clean = {
        "long run": (Recipe(num_train_epochs=20.0, early_stopping_patience=3),),
        "many evaluations": (
            Recipe(num_train_epochs=1.0, evals_per_epoch=4, early_stopping_patience=3),
        ),
        "none": (Recipe(),),
        "evaluated by steps elsewhere": (
            Recipe(
                format="axolotl",
                num_train_epochs=1.0,
                early_stopping_patience=3,
                saving=Saving(eval_strategy="steps", eval_steps=1000),
            ),
        ),
        "given in steps": (Recipe(max_steps=500, early_stopping_patience=9),),
    }
