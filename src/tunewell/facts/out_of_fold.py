"""What a cheap model says of each training row when it was not trained on it: cross-validation.

Rows that say the same, exactly or nearly, are in one fold, so that copies of a wrong label do not
vouch for one another. The model is logistic regression on TF-IDF weights of words, pairs of words
and runs of characters; or on features that are given, such as embeddings.

The time is bounded by arithmetic and not by the clock, so that the same data always gets the same
model: the cost of each rung of `LADDER` is worked out first and the best one that fits is taken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewell.core.check import NotApplicableError, NotRunError
from tunewell.facts.duplicates import groups, near_pairs
from tunewell.facts.memo import fact
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.layout import Kind
from tunewell.subjects.out_of_fold import OutOfFold

Ints = NDArray[np.int64]

FEWEST_GROUPS = 5
"""Different texts that a class must have to be judged: with fewer some fold would hardly know it,
and every row of a class that is not known looks wrong."""

NEAR = 0.8
"""Similarity from which two texts share a fold; what the check of near duplicates calls near."""

INVERSE_PENALTY = 10.0
"""C of the logistic regression. Weak enough for short texts; what it overdoes is calibrated."""

ITERATIONS = 20
"""Steps of L-BFGS. On BANKING77 20 steps reach 91.2 % and 50 steps 91.5 %, in twice the time."""

MOST_WEIGHTS = 4_000_000
"""Features times classes: the optimiser keeps about 20 copies in single precision, 320 MB."""

MOST_FEATURES = 200_000
MOST_CHARACTERS = 2_000
"""Characters of a text that are looked at."""

SECONDS = 60.0
"""Estimated seconds on one usual core above which a rung is too slow."""

FLOPS_A_SECOND = 700e6
"""Multiplications with non-zero features a second and core; measured on BANKING77 and CLINC150."""

CELLS_A_SECOND = 11e6
"""Rows times classes a second and core: the softmax and its gradient; measured as above."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One way to judge the rows: how many folds, and whether runs of characters are looked at."""

    folds: int
    characters: bool


LADDER = (Rung(5, characters=True), Rung(5, characters=False), Rung(3, characters=False))
"""From the best to the cheapest."""


@fact
def out_of_fold(dataset: Dataset) -> OutOfFold:
    """Out-of-sample probabilities of the training rows, by TF-IDF and logistic regression.

    Raises:
        NotApplicableError: if the rows are not single-label classification or too few.
        NotRunError: if no rung of the ladder ends in time; the text says what to pass instead.
    """
    rows, classes, given = judged(dataset)
    fold_group = text_groups(dataset)[rows]
    texts = [dataset.train.texts[row][:MOST_CHARACTERS] for row in rows.tolist()]
    rung, features = _features(texts, len(classes))
    folds = assign_folds(fold_group, given, rung.folds)
    probabilities = cross_validated(features, given, folds, len(classes))
    kinds = "words and runs of characters" if rung.characters else "words"
    source = f"{rung.folds}-fold cross-validation of logistic regression on TF-IDF of {kinds}"
    return OutOfFold(rows, classes, given, probabilities, source)


def with_features(
    dataset: Dataset, features: NDArray[np.floating], source: str, *, folds: int = 5
) -> OutOfFold:
    """Out-of-sample probabilities by logistic regression on features of the training rows.

    Args:
        dataset: single-label classification.
        features: shape (training rows, d), such as embeddings; made without the labels.
        source: where the features come from, in words.
        folds: parts that take turns to be judged.

    Raises:
        NotApplicableError: if the rows are not single-label classification or too few.
    """
    rows, classes, given = judged(dataset)
    parts = assign_folds(text_groups(dataset)[rows], given, folds)
    kept = np.asarray(features[rows], dtype=np.float32)
    scale = float(np.sqrt((kept**2).sum(axis=1).mean()))
    probabilities = cross_validated(kept / max(scale, 1e-9), given, parts, len(classes))
    words = f"{folds}-fold cross-validation of logistic regression on {source}"
    return OutOfFold(rows, classes, given, probabilities, words)


def judged(dataset: Dataset) -> tuple[Ints, tuple[str, ...], Ints]:
    """The training rows that can be judged, the classes, and the rows' class ids.

    Raises:
        NotApplicableError: if the rows are not single-label classification or fewer than two
            classes have `FEWEST_GROUPS` different texts.
    """
    train = dataset.train
    if dataset.kind is not Kind.CLASSIFICATION:
        message = (
            f"the data is {dataset.kind}; wrong labels are looked for in {Kind.CLASSIFICATION}"
        )
        raise NotApplicableError(message)
    group = groups(dataset).group[: len(train)].tolist()
    pairs = {(label, at) for label, at in zip(train.labels, group, strict=True) if at >= 0}
    texts_of = Counter(label for label, _ in pairs if label is not None)
    classes = tuple(sorted(label for label, many in texts_of.items() if many >= FEWEST_GROUPS))
    if len(classes) < 2:  # noqa: PLR2004  a choice
        message = f"fewer than two labels have {FEWEST_GROUPS} different texts"
        raise NotApplicableError(message)
    ids = {label: number for number, label in enumerate(classes)}
    rows = [
        row
        for row, (label, at) in enumerate(zip(train.labels, group, strict=True))
        if at >= 0 and label in ids
    ]
    given = [ids[str(train.labels[row])] for row in rows]
    return np.array(rows, dtype=np.int64), classes, np.array(given, dtype=np.int64)


def text_groups(dataset: Dataset) -> Ints:
    """For each training row the number of its group of equal or nearly equal texts, -1 for none.

    A chain of near ones that holds more than a twentieth of the rows is a template, not a copy, and
    falls apart into its exactly equal texts.
    """
    exact = groups(dataset).group[: len(dataset.train)]
    near = near_pairs(dataset, NEAR).cluster
    cluster = np.where(exact >= 0, near[np.maximum(exact, 0)] if len(near) else exact, -1)
    sizes = np.bincount(cluster[cluster >= 0], minlength=1)
    template = (cluster >= 0) & (20 * sizes[np.maximum(cluster, 0)] > len(exact))
    found: Ints = np.where(template, exact, cluster)
    return found


def assign_folds(group: Ints, given: Ints, folds: int, *, seed: int = 0) -> Ints:
    """A fold for each row: groups stay together, and each class is spread over all folds."""
    _, first, at = np.unique(group, return_index=True, return_inverse=True)
    rng = np.random.default_rng(seed)
    order = np.lexsort((rng.permutation(len(first)), given[first]))
    fold = np.empty(len(first), dtype=np.int64)
    fold[order] = np.arange(len(first)) % folds
    spread: Ints = fold[at]
    return spread


def cross_validated(features: Any, given: Ints, folds: Ints, classes: int) -> NDArray[np.float32]:  # noqa: ANN401  a matrix, sparse or dense
    """Probabilities of shape (m, classes), each row's by a model of the other folds.

    A class that the other folds do not have gets the smallest probability that counts.
    """
    import warnings  # noqa: PLC0415  used once

    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415  takes 1 s to import
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  as above

    probabilities = np.zeros((len(given), classes), dtype=np.float32)
    sparse = not isinstance(features, np.ndarray)
    for fold in np.unique(folds).tolist():
        inside = folds == fold
        if len(np.unique(given[~inside])) < 2:  # noqa: PLR2004  a choice
            probabilities[np.flatnonzero(inside), given[inside]] = 1.0
            continue
        model = LogisticRegression(
            C=INVERSE_PENALTY, max_iter=ITERATIONS if sparse else 3 * ITERATIONS, tol=1e-5
        )
        with warnings.catch_warnings():
            # Stopping early is meant: it costs little accuracy and the rest is calibrated.
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(features[~inside], given[~inside])
        probabilities[np.ix_(inside, model.classes_)] = model.predict_proba(features[inside])
    return probabilities


def _features(texts: Sequence[str], classes: int) -> tuple[Rung, Any]:
    """TF-IDF weights by the best rung that ends in time."""
    from scipy.sparse import hstack  # noqa: PLC0415  slow to import

    made: dict[bool, Any] = {}
    most = min(MOST_FEATURES, MOST_WEIGHTS // classes)
    length = sum(map(len, texts))
    seconds = 0.0
    for rung in LADDER:
        # Runs of characters are not made where making them alone takes too long.
        if rung.characters and (seconds := length / 1e6) > SECONDS / 3:
            continue
        if rung.characters not in made:
            words = made.get(False)
            words = _words(texts, most) if words is None else words
            made[False] = words
            if rung.characters:
                made[True] = hstack([words, _runs(texts, most)]).tocsr()
        seconds = estimated_seconds(made[rung.characters].nnz, len(texts), classes, rung.folds)
        if seconds <= SECONDS:
            return rung, made[rung.characters]
    message = (
        f"cross-validation of {len(texts):,} rows and {classes:,} labels would take about "
        f"{seconds:.0f} s; look at a sample of the rows"
    )
    raise NotRunError(message)


def estimated_seconds(non_zeros: int, rows: int, classes: int, folds: int) -> float:
    """Seconds that `cross_validated` takes on one usual core."""
    steps = ITERATIONS * (folds - 1)
    # Two classes share one set of weights.
    columns = classes if classes > 2 else 1  # noqa: PLR2004
    return steps * columns * (non_zeros / FLOPS_A_SECOND + rows / CELLS_A_SECOND)


def _words(texts: Sequence[str], most: int) -> Any:  # noqa: ANN401  a sparse matrix
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415  see above

    vectors = TfidfVectorizer(
        ngram_range=(1, 2),
        token_pattern=r"(?u)\b\w+\b",  # noqa: S106  words, not a password
        sublinear_tf=True,
        min_df=2 if len(texts) >= 1000 else 1,  # noqa: PLR2004  few texts share few words
        max_features=most // 2,
        dtype=np.float32,
    )
    return _fitted(vectors, texts)


def _runs(texts: Sequence[str], most: int) -> Any:  # noqa: ANN401  a sparse matrix
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415  see above

    vectors = TfidfVectorizer(
        analyzer="char_wb",
        ngram_range=(2, 4),
        sublinear_tf=True,
        min_df=3 if len(texts) >= 1000 else 1,  # noqa: PLR2004  few texts share few runs
        max_features=most // 2,
        dtype=np.float32,
    )
    return _fitted(vectors, texts)


def _fitted(vectors: Any, texts: Sequence[str]) -> Any:  # noqa: ANN401  scikit-learn has no types
    from scipy.sparse import csr_array  # noqa: PLC0415  slow to import

    try:
        return vectors.fit_transform(texts)
    except ValueError:
        # No text has a word: the other kind of feature, or the sizes of the classes, must do.
        return csr_array((len(texts), 1), dtype=np.float32)
