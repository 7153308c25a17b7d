"""DAT089: an end of turn at which generation does not stop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Finding, Fix, Number, Safety, Severity
from tunewell.facts.answer_ends import End, answer_ends
from tunewell.facts.targets import (
    around,
    at,
    require_own_labels,
    require_task,
    require_vocabulary,
    stream,
    texts,
)
from tunewell.facts.turns.irregular import percent
from tunewell.subjects.batch import Batch


@check(
    "DAT089",
    category=Category.CORRECTNESS,
    severity=Severity.WARNING,
    covers=("S15",),
)
def end_not_in_generation(batch: Batch, *, min_share: float = 0.5) -> Iterator[Finding]:
    """Answers are trained to end with a token at which the model's generation does not stop.

    ## What it finds
    The end token that is trained at the end of most answers is neither in `eos_token_id` of the
    model's generation configuration nor the tokenizer's end token.

    ## Why it matters
    Training is right: the model ends its answer. `generate` and the servers that read
    `generation_config.json` go on behind it, and the model writes the user's next turn and answers
    it, up to the limit.

    ## How it is measured
    By the token at the end of each trained answer, pieces of a stream of text left out; at least
    `min_share` of them (half) must end with that one token. The tokenizer's end token counts as one
    at which generation stops, because transformers 5 adds it to the generation configuration when
    training starts.

    ## Example
    The template ends turns with `<|im_end|>`, and `generation_config.eos_token_id` is that of
    `<|endoftext|>`.

    ## Fix
    `model.generation_config.eos_token_id = [end of text, end of turn]` before saving; in TRL,
    `SFTConfig(eos_token="<|im_end|>")` does it.

    ## When it is wrong
    When the ids are given wherever the model is served.

    ## Sources
    Fault S15 of the catalogue. TRL 1.16 adds the id where `eos_token` is set, and only then.
    """
    require_task(batch, "causal")
    vocabulary = require_vocabulary(batch)
    found = texts(batch.train)
    require_own_labels(found)
    ends = [
        end
        for document in ([] if stream(found) else found)
        for end in answer_ends(document, vocabulary)
        if end.state == "trained"
    ]
    if not ends:
        reason = "no answer ends with a trained end token"
        raise NotApplicableError(reason)
    known = vocabulary.generation_ends | {vocabulary.eos}
    counts = Counter(_token(end) for end in ends)
    token, count = counts.most_common(1)[0]
    if token in known or count < min_share * len(ends):
        return
    end = next(end for end in ends if _token(end) == token)
    stops = ", ".join(str(number) for number in sorted(vocabulary.generation_ends)) or "none"
    yield Finding(
        message=(
            f"{percent(count / len(ends))} of the answers are trained to end with {end.piece!r} "
            f"(token {token}), and generation does not stop there (eos_token_id: {stops})"
        ),
        where=at(batch.train, [end.document]),
        evidence=(
            Number(name="answers that end with it", value=count, unit="answers"),
            around("the end of an answer", end.document.row, end.place + 1),
        ),
        impact="the model goes on behind its answer and writes the next turns itself",
        fixes=(
            Fix(
                title=f"add {token} to model.generation_config.eos_token_id, or make {end.piece!r} "
                "the tokenizer's end token (in TRL: eos_token)",
                safety=Safety.MANUAL,
            ),
        ),
    )


def _token(end: End) -> int:
    return int(end.document.row.ids[end.place])
