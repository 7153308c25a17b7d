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

    def __init__(self, twin: Any, model: Any, *, total: int | None, generates: bool) -> None:
        self._run = own(twin, model)
        self._total = total
        self._generates = generates
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
