"""DAT046: columns that the usual trainer of this kind of data does not read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    File,
    Finding,
    Fix,
    Safety,
    Severity,
    Table,
)
from tunewell.knowledge.trainer_columns import (
    CLASSIFIER,
    INDEX_LISTS,
    READS,
    SHAREGPT_WORDS,
    STRING_LABELS,
    VERSIONS,
    Reads,
)
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.layout import Kind
from tunewell.subjects.recipe import Recipe

LABELS = READS[Kind.CLASSIFICATION].slots["label"]
CLASSIFIED = frozenset({Kind.CLASSIFICATION, Kind.MULTI_LABEL})


@dataclass(frozen=True, slots=True)
class Unread:
    """A column, what the trainer reads in its place, and what happens. `silent`: no error."""

    slot: str
    column: str
    wanted: str
    happens: str
    silent: bool = False


@check(
    "DAT046",
    category=Category.SUSPICIOUS,
    severity=Severity.INFO,
    confidence=Confidence.MEDIUM,
    covers=("D21", "D22", "D24", "D28"),
)
def columns_not_read(dataset: Dataset, recipe: Recipe | None) -> Iterator[Finding]:
    """Columns that the usual trainer of this kind of data does not find under their names.

    ## What it finds
    - columns whose content a trainer leaves out without a word: a `system` column beside messages
      or prompts, a question beside `chosen` and `rejected` that is not called `prompt`, a
      `history`;
    - roles called `human` and `gpt`, which TRL hands to the template as they are;
    - with `--pedantic` also names at which a trainer stops: `instruction` and `output`, `question`
      and `answer`, `kto_tag`, a label column called `target`, labels as words, several labels as
      lists of numbers.

    ## Why it matters
    Trainers match columns by name. Those that they do not know are removed; if a needed one is
    missing the error speaks of a key or of a missing loss, not of the column. What is removed in
    silence is worse: the model is trained without the question or without the rules.

    ## How it is measured
    By the names of the columns against those that the trainer reads. The table was made by running
    SFTTrainer, DPOTrainer, RewardTrainer and KTOTrainer of TRL 1.16.0, and the Trainer of
    transformers 5.23.0, for one step on rows of each shape. Other tools map columns by their own
    settings, so this is information; what stops a trainer at once has low confidence and shows with
    `--pedantic` only. Where the configuration is one of the Hugging Face Trainer (a JSON file of
    TrainingArguments), labels that it cannot take are a warning.

    ## Example
    `{"system": "Answer in verse.", "prompt": "...", "completion": "..."}`

    ## Fix
    The line to put before the trainer is in the finding.

    ## When it is wrong
    When your trainer maps the columns itself, as axolotl and LLaMA-Factory do.

    ## Sources
    Faults D21, D22, D24 and D28 of the catalogue; TRL, "Dataset formats and types".
    """
    train = dataset.train
    reads = READS.get(train.kind)
    if reads is None:
        reason = f"which trainer reads {train.kind} is not settled"
        raise NotApplicableError(reason)
    if reads.trainer != CLASSIFIER and "text" in train.source.columns:
        return  # SFTTrainer trains on a column of this name and looks at no other
    found = _classified(train, reads) if train.kind in CLASSIFIED else _generated(train, reads)
    silent = [unread for unread in found if unread.silent]
    shown = silent or found
    if not shown:
        return
    configured = recipe is not None and recipe.format == "transformers"
    certain = configured and reads.trainer == CLASSIFIER
    listed = ", ".join(dict.fromkeys(repr(unread.column) for unread in shown))
    yield Finding(
        message=(
            f"{reads.trainer} of {VERSIONS} "
            + (f"would leave out {listed} in silence" if silent else f"would stop at {listed}")
        ),
        where=(File(path=str(train.source.path)),),
        evidence=(
            Table(
                name="columns",
                columns=("holds", "column", "the trainer reads", "what happens"),
                rows=tuple((u.slot, u.column, u.wanted, u.happens) for u in found),
                total=len(found),
            ),
        ),
        impact=(
            "the model is trained without what stands there"
            if silent
            else "training stops before its first step"
        ),
        fixes=(Fix(title=_line(train, found), safety=Safety.MANUAL),),
        severity=Severity.WARNING if certain else Severity.INFO,
        confidence=Confidence.MEDIUM if silent or certain else Confidence.LOW,
    )


def _generated(split: Split, reads: Reads) -> list[Unread]:
    columns = split.source.layout.columns
    found = [
        Unread(slot, columns[slot], "no column", "its text is left out", silent=True)
        for slot in reads.lost
        if slot in columns
    ]
    for slot, column in columns.items():
        names = reads.slots.get(slot)
        if names is None or column in names:
            continue
        silent = slot in reads.silent
        happens = "its text is left out, and the prompt is empty" if silent else reads.error
        found.append(Unread(slot, column, names[0], happens, silent=silent))
    words = SHAREGPT_WORDS & split.role_words.keys()
    if words and reads.trainer == READS[Kind.CHAT].trainer:
        listed = " and ".join(sorted(words, reverse=True))
        happens = f"the template is given the roles {listed}"
        found.append(Unread("roles", listed, "user and assistant", happens, silent=True))
    if "messages" in columns and split.source.format in {"csv", "tsv"}:
        column = columns["messages"]
        found.append(Unread("messages", column, "a list, not JSON in a text", "ValueError"))
    return found


def _classified(split: Split, reads: Reads) -> list[Unread]:
    column = split.source.label_column
    if column is None:
        return []
    found: list[Unread] = []
    names = reads.slots["label"]
    if column not in names:
        found.append(Unread("label", column, names[0], reads.error))
    if split.kind is Kind.MULTI_LABEL:
        if not split.source.layout.multi_hot:
            wanted = "a list of 0.0 and 1.0, one for each class"
            found.append(Unread("label", column, wanted, INDEX_LISTS))
    elif not all(label.lstrip("-").isdigit() for label in set(split.labels) if label is not None):
        found.append(Unread("label", column, "numbers from 0", STRING_LABELS))
    return found


def _line(split: Split, found: list[Unread]) -> str:
    """The line of Python that makes the columns what the trainer reads."""
    columns = split.source.layout.columns
    if split.kind is Kind.INSTRUCTION:
        given = columns.get("input")
        more = f' + ("\\n\\n" + r[{given!r}] if r[{given!r}] else "")' if given else ""
        return (
            f'dataset = dataset.map(lambda r: {{"prompt": r[{columns["instruction"]!r}]{more}, '
            f'"completion": r[{columns["output"]!r}]}}, remove_columns=dataset.column_names)'
        )
    if any(unread.slot == "roles" for unread in found):
        return (
            'roles = {"human": "user", "gpt": "assistant", "system": "system"}; dataset = '
            'dataset.map(lambda r: {"messages": [{"role": roles[m["from"]], "content": m["value"]} '
            f"for m in r[{columns['messages']!r}]]}})"
        )
    if split.kind in CLASSIFIED and any(u.happens in {STRING_LABELS, INDEX_LISTS} for u in found):
        column = split.source.label_column
        if split.kind is Kind.MULTI_LABEL:
            return f"labels = [[float(c in row[{column!r}]) for c in classes] for row in dataset]"
        return (
            f'dataset = dataset.class_encode_column({column!r}).rename_column({column!r}, "labels")'
        )
    renamed = {
        u.column: u.wanted
        for u in found
        if u.wanted.isidentifier() and u.column != u.wanted and u.slot != "roles"
    }
    if renamed:
        return f"dataset = dataset.rename_columns({renamed!r})"
    lost = ", ".join(repr(unread.column) for unread in found)
    return f"write {lost} into the first message or the prompt"
