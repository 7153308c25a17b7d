"""How many tokens a model's own tokenizer makes of each training text."""

from __future__ import annotations

import numpy as np

from tunewell.core.errors import InputError
from tunewell.readers.checkpoint import position_limit
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.tokenization import Tokenization


def read_tokenization(
    dataset: Dataset, checkpoint: Checkpoint, max_length: int | None
) -> Tokenization:
    """Count the tokens of the training texts, special tokens included.

    Args:
        dataset: its training split is counted.
        checkpoint: a model folder with tokenizer.json.
        max_length: where the recipe cuts; None where it names no length.

    Raises:
        InputError: if the model has no tokenizer.json or it cannot be read.
    """
    from tokenizers import Tokenizer  # noqa: PLC0415  only where a model was passed

    file = checkpoint.tokenizer_file
    if file is None:
        message = f"{checkpoint.path}: has no tokenizer.json"
        raise InputError(message)
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # noqa: BLE001  the library raises bare Exception
        reason = str(error).partition("\n")[0]
        message = f"{file}: is no tokenizer that can be read: {reason}"
        raise InputError(message) from None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    encoded = tokenizer.encode_batch_fast(list(dataset.train.texts))
    return Tokenization(
        split=dataset.train.name,
        lengths=np.array([len(tokens) for tokens in encoded], dtype=np.int64),
        max_length=max_length,
        model_limit=position_limit(checkpoint.config),
    )
