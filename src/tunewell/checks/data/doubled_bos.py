"""DAT087: two tokens in front of a text where one begins it."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Finding, Fix, Number, Safety, Severity
from tunewell.facts.targets import Document, at, beginning, documents, require_vocabulary
from tunewell.facts.turns.irregular import percent
from tunewell.subjects.batch import Batch


@check(
    "DAT087",
    category=Category.CORRECTNESS,
    severity=Severity.WARNING,
    covers=("D04",),
)
def doubled_bos(batch: Batch, *, max_share: float = 0.0) -> Iterator[Finding]:
    """Texts that begin with the beginning-of-text token twice.

    ## What it finds
    Rows, and texts packed into rows, whose first two tokens are both the tokenizer's BOS.

    ## Why it matters
    A model was never trained on two, and does not see two when it is served. Generations get
    slightly worse and now and then odd, and nothing warns of it.

    ## How it is measured
    By the first two tokens that reach the model, of more than `max_share` of the texts (0: one text
    with two is one too many, for they all come the same way).

    ## Example
    A column "text" that was rendered with a chat template, `"<s>[INST] ..."`, is tokenised with
    `add_special_tokens=True`: the tokenizer puts another `<s>` in front.

    ## Fix
    Train from the messages themselves, take the token out of the rendered text, or tokenise it with
    `add_special_tokens=False`.

    ## When it is wrong
    When BOS and end token are the same and an empty text comes first.

    ## Sources
    Fault D04 of the catalogue, reproduced with TRL 1.16 and a rendered text: ids [0, 0, ...] and no
    warning.
    """
    vocabulary = require_vocabulary(batch)
    if vocabulary.bos is None:
        reason = "the tokenizer has no BOS token"
        raise NotApplicableError(reason)
    found = [document for row in batch.train.rows for document in documents(row)]
    twice = [d for d in found if _begins_twice(d, vocabulary.bos)]
    share = len(twice) / max(1, len(found))
    if share <= max_share:
        return
    yield Finding(
        message=(
            f"{percent(share)} of the {len(found):,} texts looked at begin with "
            f"{twice[0].row.pieces[twice[0].low]!r} twice: once in the text, and once from the "
            "tokenizer"
        ),
        where=at(batch.train, twice),
        evidence=(
            Number(
                name="texts that begin with BOS twice",
                value=100 * share,
                unit="%",
                bound=f"at most {100 * max_share:g} %",
            ),
            beginning("the beginning of such a row", twice[0].row),
        ),
        impact="every text begins otherwise than where the model is served",
        fixes=(
            Fix(
                title="train from the messages, or take the BOS token out of the rendered text",
                safety=Safety.MANUAL,
            ),
        ),
    )


def _begins_twice(document: Document, bos: int) -> bool:
    return bool((document.ids[:2] == bos).all())
