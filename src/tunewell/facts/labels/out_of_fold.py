"""What a cheap model says of each training row when it was not trained on it: cross-validation.

Rows that say the same, exactly or nearly, are in one fold, so that copies of a wrong label do not
vouch for one another. The model is naive Bayes on TF-IDF weights of words, pairs of words and runs
of characters; or logistic regression on features that are given, such as embeddings.

Naive Bayes ranks wrong labels as well here as logistic regression on the same weights and takes a
fortieth of its time (figures in docs/design/0004-label-errors.md). That its probabilities are too
sure is mended where they are used, by calibration on the given labels.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewell.core.check import NotApplicableError, NotRunError
from tunewell.facts.memo import fact
from tunewell.facts.near.duplicates import groups, near_pairs
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

ITERATIONS = 60
"""Steps of L-BFGS; embeddings have converged by then."""

SMOOTHING = 0.05
"""Added to the weight of each feature in each class; 0.01 to 0.2 were tried and differ little."""

FOLDS = 5
MOST_FEATURES = 100_000
MOST_CHARACTERS = 2_000
"""Characters of a text that are looked at."""

MOST_FOR_RUNS = 20_000_000
"""Characters of all texts above which runs of characters are left out: with them 5.9 million took
11 s of one core, without them 45.6 million took 31 s (77 labels)."""

MOST_IN_ALL = 100_000_000
"""Characters of all texts above which nothing is judged: by the figure above about a minute."""

MOST_CELLS = 500_000_000
"""Rows times classes above which nothing is judged: probabilities of 2 GB."""


@fact
def out_of_fold(dataset: Dataset) -> OutOfFold:
    """Out-of-sample probabilities of the training rows, by TF-IDF and naive Bayes.

    Raises:
        NotApplicableError: if the rows are not single-label classification or too few.
        NotRunError: if there is too much to judge; the text says what to pass instead.
    """
    rows, classes, given = judged(dataset)
    texts = [dataset.train.texts[row][:MOST_CHARACTERS] for row in rows.tolist()]
    length = sum(map(len, texts))
    if length > MOST_IN_ALL or len(rows) * len(classes) > MOST_CELLS:
        message = (
            f"{len(rows):,} rows of {len(classes):,} labels are too many to be judged by "
            "cross-validation; pass probabilities, or a sample of the rows"
        )
        raise NotRunError(message)
    folds = assign_folds(text_groups(dataset)[rows], given, FOLDS)
    features = _features(texts, runs=length <= MOST_FOR_RUNS)
    probabilities = cross_validated(features, given, folds, len(classes))
    kinds = "words and runs of characters" if length <= MOST_FOR_RUNS else "words"
    source = f"{FOLDS}-fold cross-validation of naive Bayes on TF-IDF of {kinds}"
    return OutOfFold(rows, classes, given, probabilities, source)


def with_features(
    dataset: Dataset, features: NDArray[np.floating], source: str, *, folds: int = FOLDS
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

    Sparse features (TF-IDF) are judged by naive Bayes, dense ones by logistic regression. A class
    that the other folds do not have gets probability 0.
    """
    probabilities = np.zeros((len(given), classes), dtype=np.float32)
    for fold in np.unique(folds).tolist():
        inside = folds == fold
        if len(np.unique(given[~inside])) < 2:  # noqa: PLR2004  a choice
            probabilities[np.flatnonzero(inside), given[inside]] = 1.0
            continue
        model = _model(dense=isinstance(features, np.ndarray))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it has not converged is calibrated away
            model.fit(features[~inside], given[~inside])
        probabilities[np.ix_(inside, model.classes_)] = model.predict_proba(features[inside])
    return probabilities


def _model(*, dense: bool) -> Any:  # noqa: ANN401  scikit-learn has no types
    if dense:
        from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  takes 1 s to import

        return LogisticRegression(C=INVERSE_PENALTY, max_iter=ITERATIONS, tol=1e-5)
    from sklearn.naive_bayes import MultinomialNB  # noqa: PLC0415  as above

    return MultinomialNB(alpha=SMOOTHING)


def _features(texts: Sequence[str], *, runs: bool) -> Any:  # noqa: ANN401  a sparse matrix
    from scipy.sparse import hstack  # noqa: PLC0415  slow to import

    words = _words(texts, MOST_FEATURES)
    return hstack([words, _runs(texts, MOST_FEATURES)]).tocsr() if runs else words


def _words(texts: Sequence[str], most: int) -> Any:  # noqa: ANN401  a sparse matrix
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415  see above

    vectors = TfidfVectorizer(
        ngram_range=(1, 2),
        token_pattern=r"(?u)\b\w+\b",  # noqa: S106  words, not a password
        sublinear_tf=True,
        min_df=2 if len(texts) >= 1000 else 1,  # noqa: PLR2004  few texts share few words
        max_features=most,
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
        max_features=most,
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
