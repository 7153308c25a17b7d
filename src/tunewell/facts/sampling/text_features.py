"""Texts as rows of numbers, for tests that compare two sets of texts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

NGRAM_BUCKETS = 2**14
DIMENSIONS = 64


def ngram_features(texts: Sequence[str], *, seed: int = 0) -> NDArray[np.float32]:
    """Unit vectors of at most 64 dimensions from hashed character 3- to 5-grams, shape (n, d).

    Weights and directions come from all the texts together, so that neither side is favoured and
    the permutation test stays exact.
    """
    from sklearn.decomposition import TruncatedSVD  # noqa: PLC0415  takes 1.7 s to import
    from sklearn.feature_extraction.text import (  # noqa: PLC0415  as above
        HashingVectorizer,
        TfidfTransformer,
    )

    counts = HashingVectorizer(
        analyzer="char_wb", ngram_range=(3, 5), n_features=NGRAM_BUCKETS, alternate_sign=False
    ).transform(texts)
    weighted = TfidfTransformer(sublinear_tf=True).fit_transform(counts)
    dimensions = min(DIMENSIONS, len(texts) - 1)
    found = TruncatedSVD(dimensions, random_state=seed).fit_transform(weighted)
    length = np.linalg.norm(found, axis=1, keepdims=True)
    return np.asarray(found / np.where(length > 0, length, 1.0), dtype=np.float32)


def style_features(texts: Sequence[str]) -> NDArray[np.float64]:
    """How texts are written whatever they say, shape (n, 7).

    The logarithm of the length; the shares of upper-case letters, digits, white space and other
    marks; whether the first character is upper case and the last one a letter or digit.
    """
    rows = np.empty((len(texts), 7))
    for row, text in enumerate(texts):
        size = max(len(text), 1)
        upper = sum(map(str.isupper, text))
        digits = sum(map(str.isdigit, text))
        blanks = sum(map(str.isspace, text))
        marks = size - blanks - sum(map(str.isalnum, text))
        rows[row] = (
            np.log(size),
            upper / size,
            digits / size,
            blanks / size,
            marks / size,
            text[:1].isupper(),
            text[-1:].isalnum(),
        )
    return rows
