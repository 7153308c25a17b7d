"""The user's metric function on a few rows: what it gets, what it gives, what it raises."""

from __future__ import annotations

import contextlib
import copy
import io
import types
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tunewell.preflight.raised import raised
from tunewell.subjects.first_step import Raised
from tunewell.subjects.rehearsed_evaluation import Judged

MOST_VALUES = 20_000_000
"""Values of the repeated predictions at most: 80 MB of single precision."""


class MetricWitness:
    """Stands for `compute_metrics` of a copied trainer, and never raises."""

    def __init__(
        self, twin: Any, model: Any, *, total: int | None, generates: bool, causal: bool = False
    ) -> None:
        self._run = own(twin, model)
        self._total = total
        self._generates = generates
        self.causal = causal
        self._by_batch = bool(twin.args.batch_eval_metrics)
        self.judged: Judged | None = None

    def __call__(self, prediction: Any, **settings: Any) -> dict[str, Any]:
        """The user's metrics; none where the function raises."""
        answer, problem = self._try(prediction, **settings)
        whole, tried, padded = None, False, None
        if not self._by_batch:
            if problem is not None:
                whole, tried = self._on_whole(prediction)
            elif self._generates:
                padded = self._on_padded(prediction)
        perfect: tuple[tuple[str, float, float], ...] = ()
        if self.causal and problem is None and not self._by_batch and not self._generates:
            perfect = self._on_perfect(prediction)
        before = self.judged.raised if self.judged is not None else None
        self.judged = Judged(
            predictions=_shapes(prediction.predictions),
            labels=_shapes(prediction.label_ids),
            ignored=(_ignored(prediction.predictions), _ignored(prediction.label_ids)),
            raised=before or problem,
            raised_whole=whole,
            tried_whole=tried,
            raised_padded=padded,
            keys=tuple(map(str, answer)) if isinstance(answer, Mapping) else None,
            perfect=perfect,
        )
        return dict(answer) if isinstance(answer, Mapping) else {}

    def _try(self, prediction: Any, **settings: Any) -> tuple[Any, Raised | None]:
        try:
            # What a metric function prints would stand in the middle of the report.
            with contextlib.redirect_stdout(io.StringIO()):
                return self._run(copy.deepcopy(prediction), **settings), None
        except Exception as error:  # noqa: BLE001  the user's own code; what it raises is the finding
            return None, raised(error)

    def _on_whole(self, prediction: Any) -> tuple[Raised | None, bool]:
        """The same rows again and again, up to the length of the whole set, and whether it was run.

        A function that counts on every row being there fails on a sample alone.
        """
        if self._total is None or self._total <= _rows(prediction.predictions):
            return None, False
        parts = [_repeated(p, self._total) for p in (prediction.predictions, prediction.label_ids)]
        if any(part is None for part in parts):
            return None, False
        grown = copy.copy(prediction)
        grown.predictions, grown.label_ids = parts
        grown.elements = tuple(parts)
        return self._try(grown)[1], True

    def _on_padded(self, prediction: Any) -> Raised | None:
        """One more column of -100, as between batches of different length."""
        made = prediction.predictions
        if not isinstance(made, np.ndarray) or made.ndim != 2 or made.dtype.kind != "i":  # noqa: PLR2004
            return None
        grown = copy.copy(prediction)
        grown.predictions = np.pad(made, ((0, 0), (0, 1)), constant_values=-100)
        grown.elements = (grown.predictions, prediction.label_ids)
        return self._try(grown)[1]

    def _on_perfect(self, prediction: Any) -> tuple[tuple[str, float, float], ...]:
        """Each metric of predictions without a mistake: of the next token, and of the same one.

        The model's answer at a place is about the next token. A metric that compares it with the
        label of the same place gives its best value to a model that repeats its input.
        """
        next_one, same = (_flawless(prediction, ahead) for ahead in (1, 0))
        if next_one is None or same is None:
            return ()
        answers = [self._try(made)[0] for made in (next_one, same)]
        if not all(isinstance(answer, Mapping) for answer in answers):
            return ()
        first, second = answers
        return tuple(
            (str(name), float(first[name]), float(second[name]))
            for name in first
            if name in second and _is_number(first[name]) and _is_number(second[name])
        )


def own(twin: Any, model: Any) -> Callable[..., Any]:
    """The metric function with a state of its own, as far as it can be copied."""
    function = twin.compute_metrics
    bound = getattr(function, "__self__", None)
    if isinstance(function, types.MethodType) and hasattr(bound, "train_dataset"):
        made: Callable[..., Any] = types.MethodType(function.__func__, twin)
        return made
    try:
        made = copy.deepcopy(function, {id(model): twin.model})
    except Exception:  # noqa: BLE001  what cannot be copied is used as it is
        return function  # type: ignore[no-any-return]
    return made


def _arrays(value: Any) -> list[Any]:
    if isinstance(value, tuple | list):
        return [array for part in value for array in _arrays(part)]
    return [] if value is None else [value]


def _rows(value: Any) -> int:
    return max((len(array) for array in _arrays(value) if hasattr(array, "__len__")), default=0)


def _shapes(value: Any) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(getattr(array, "shape", ())) for array in _arrays(value))


def _ignored(value: Any) -> int:
    return sum(int((np.asarray(a) == -100).sum()) for a in _arrays(value) if hasattr(a, "shape"))  # noqa: PLR2004


def _repeated(value: Any, total: int) -> Any:
    if value is None:
        return None
    if isinstance(value, tuple):
        parts = [_repeated(part, total) for part in value]
        return None if any(part is None for part in parts) else tuple(parts)
    if not isinstance(value, np.ndarray) or not len(value):
        return None
    if value.size / len(value) * total > MOST_VALUES:
        return None
    return value[np.arange(total) % len(value)]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _flawless(prediction: Any, ahead: int) -> Any:
    """The prediction with the right token everywhere, of the place so many ahead; None if odd.

    It has the shape and kind of the one at hand: a number for each word, or the words themselves.
    """
    made, labels = prediction.predictions, prediction.label_ids
    if not isinstance(made, np.ndarray) or not isinstance(labels, np.ndarray):
        return None
    if labels.ndim != 2 or made.shape[:2] != labels.shape:  # noqa: PLR2004  rows of tokens
        return None
    right = np.zeros_like(labels)
    width = labels.shape[1] - ahead
    if width < 1:
        return None
    right[:, :width] = np.maximum(labels[:, ahead:], 0)
    if made.ndim == 3 and made.dtype.kind == "f" and right.max() < made.shape[2]:  # noqa: PLR2004
        answer = np.zeros_like(made)
        np.put_along_axis(answer, right[..., None], 1, axis=2)
    elif made.ndim == 2 and made.dtype.kind == "i":  # noqa: PLR2004
        answer = right.astype(made.dtype)
    else:
        return None
    grown = copy.copy(prediction)
    grown.predictions = answer
    grown.elements = (answer, labels)
    return grown
