"""DAT042: messages whose role or content no chat template takes."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Finding, Fix, Safety, Severity
from tunewell.facts.turns.irregular import noted
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.messages import ROLE_WORDS
from tunewell.subjects.reading import Irregular


@check("DAT042", category=Category.CORRECTNESS, severity=Severity.WARNING, covers=("D19", "D20"))
def unknown_role(dataset: Dataset, *, max_rows: int = 0) -> Iterator[Finding]:
    """Messages with a role that no chat template knows, or with a content that is no text.

    ## What it finds
    - roles that are no known word (`narrator`), or a known one in another case (`User`) or with
      white space around it;
    - a content that is null, missing, a number or an object, in a message that calls no tool.

    ## Why it matters
    Some templates stop at such a message. Others pass over it without a word, so the model never
    sees the turn, or write the role as it stands, so it learns to answer a speaker that no
    application will ever name. A null content is written as `None`.

    ## How it is measured
    By the roles that OpenAI, ShareGPT, Gemma and LLaMA-Factory use, and by the type of the content.
    A content that is a list of pieces, and none beside tool calls, is right. More than `max_rows`
    rows, 0 by default because a program writes the same words for every row, are reported.

    ## Example
    `{"role": "Assistant", "content": "Hello"}`

    ## Fix
    Map the words to `system`, `user`, `assistant` and `tool`; write each content as a text.

    ## When it is wrong
    When the template of your model knows a role of its own. Name the model with `--model` and
    `turn-order` renders the rows through its template.

    ## Sources
    Faults D19 and D20 of the catalogue. Hugging Face, "Chat templates": a message has a role of
    "user", "assistant" or "system".
    """
    if not any(split.role_words for split in dataset.splits):
        reason = "the data holds no messages with roles"
        raise NotApplicableError(reason)
    words = noted(dataset, Irregular.ROLE)
    contents = noted(dataset, Irregular.CONTENT)
    if words.count + contents.count <= max_rows:
        return
    said: list[str] = []
    if words.count:
        listed = ", ".join(repr(word) for word, _ in words.kinds.most_common(3))
        known = all(word.strip().lower() in ROLE_WORDS for word in words.kinds)
        what = "written in another way than templates know" if known else "that no template knows"
        said.append(f"{words.of_rows} have a role {what}: {listed}")
    if contents.count:
        seen = contents.kinds.most_common(1)[0][0]
        said.append(f"{contents.of_rows} have a message without text: {seen}")
    tables = [
        group.table(name)
        for group, name in ((words, "roles"), (contents, "contents"))
        if group.count
    ]
    worst = max((words, contents), key=lambda group: group.count)
    yield Finding(
        message="; ".join(said),
        where=tuple(dict.fromkeys((*words.where, *contents.where))),
        evidence=(
            worst.number("rows with such a message", f"at most {max_rows:,} rows"),
            *tables,
        ),
        impact="the template stops at these messages, leaves them out, or writes them as they are",
        fixes=(
            Fix(
                title="map the roles to system, user, assistant and tool, and give every message "
                "a text",
                safety=Safety.MANUAL,
            ),
        ),
    )
