"""HYP005 best-model-chosen-backwards."""

from tunewell.checks.hyperparameters.best_model_chosen_backwards import best_model_chosen_backwards
from tunewell.subjects.recipe import Recipe
from tunewell.testing import CheckCases


class TestBestModelChosenBackwards(CheckCases):
    """Planted, nearly faulty and clean directions."""

    check = best_model_chosen_backwards
    faulty = {
        "an error rate without direction": (Recipe(metric_for_best_model="eval_error"),),
        "word error rate without direction": (Recipe(metric_for_best_model="wer"),),
        "loss upside down": (Recipe(metric_for_best_model="eval_loss", greater_is_better=True),),
        "accuracy upside down": (
            Recipe(metric_for_best_model="eval_accuracy", greater_is_better=False),
        ),
    }
    nearly = {
        "an unknown metric": (Recipe(metric_for_best_model="eval_cost_index"),),
        "nothing is chosen": (
            Recipe(metric_for_best_model="eval_error", load_best_model_at_end=False),
        ),
        "an error rate with its direction": (
            Recipe(metric_for_best_model="eval_error", greater_is_better=False),
        ),
    }
    clean = {
        "the default": (Recipe(),),
        "macro-F1": (Recipe(metric_for_best_model="eval_f1"),),
    }
