"""DAT116: the tag that begins a span repeated on every piece of its word."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Finding, Fix, Number, Row, Safety, Severity, Table
from tunewell.core.words import counted
from tunewell.subjects.batch import IGNORED
from tunewell.subjects.tagged_words import TaggedRow, TaggedWords

BEGINS = ("B-", "B_")
SHOWN = 12


@check("DAT116", category=Category.SUSPICIOUS, severity=Severity.WARNING, covers=("D44",))
def begin_tags_on_word_pieces(tagged: TaggedWords, *, max_words: int = 0) -> Iterator[Finding]:
    """Words cut into pieces of which each begins a span of its own: B-PER, B-PER, B-PER.

    ## What it finds
    Pieces of one word that are all trained as the beginning of a span, because the label of the
    word was copied to each of them.

    ## Why it matters
    Each piece then is a span of its own. The model learns to cut names into fragments, and a scorer
    that works on tokens counts several spans where there is one.

    ## How it is measured
    The words of sampled rows are cut into tokens again to know which piece belongs to which word,
    and the labels beside them are read by `id2label`. More than `max_words` words with a second
    piece that begins a span, 0 by default because it is the work of a program, are a warning.

    ## Example
    `Oslo` as `Os`, `##lo` with `B-LOC`, `B-LOC`.

    ## Fix
    Label the first piece alone and give the others -100, or give them `I-LOC`.

    ## When it is wrong
    When predictions are read off the first piece of each word alone; then it costs little.

    ## Sources
    Fault D44 of the catalogue; the token classification example of transformers turns B into I for
    such pieces (`b_to_i_label`).
    """
    if tagged.names is None:
        reason = "the model's tags have no names"
        raise NotApplicableError(reason)
    found = [(row, word) for row in tagged.rows for word in _words(row, tagged.names)]
    if len(found) <= max_words:
        return
    row, word = found[0]
    pieces = [
        (piece, _name(label, tagged.names))
        for piece, at, label in zip(row.pieces, row.word_of, row.labels, strict=True)
        if at == word
    ]
    yield Finding(
        message=(
            f"{counted(len(found), 'word')} in {counted(len(tagged.rows), 'sampled row')} "
            f"have a tag that begins a span on several pieces, such as {row.words[word]!r}: "
            f"{', '.join(name for _, name in pieces[:SHOWN])}"
        ),
        where=tuple(
            Row(split="train", index=at) for at in dict.fromkeys(r.index for r, _ in found)
        ),
        evidence=(
            Number(
                name="words that begin several times",
                value=len(found),
                unit="words",
                bound=f"at most {max_words:,}",
            ),
            Table(
                name=f"{row.words[word]} in row {row.index}",
                columns=("piece", "label"),
                rows=tuple(pieces[:SHOWN]),
                total=len(pieces),
            ),
        ),
        impact="one name is learned as several",
        fixes=(
            Fix(
                title="give -100 to every piece but the first of a word, or I- for B-",
                safety=Safety.MANUAL,
            ),
        ),
    )


def _words(row: TaggedRow, names: tuple[str, ...]) -> list[int]:
    """Words with a piece after the first that begins a span."""
    started: set[int] = set()
    found: dict[int, None] = {}
    for word, label in zip(row.word_of, row.labels, strict=True):
        if word is None or not _name(label, names).startswith(BEGINS):
            continue
        if word in started:
            found[word] = None
        started.add(word)
    return list(found)


def _name(label: int, names: tuple[str, ...]) -> str:
    if label == IGNORED:
        return "not trained"
    return names[label] if 0 <= label < len(names) else str(label)
