"""DAT021: answers that refuse, and phrases that many answers share."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tunewell.core.check import check
from tunewell.core.finding import (
    Category,
    Confidence,
    Edit,
    Evidence,
    Finding,
    Fix,
    Safety,
    SetText,
    Severity,
    Table,
)
from tunewell.core.words import counted
from tunewell.facts.parts import parts, require_kind
from tunewell.facts.scan import Screen, fitting
from tunewell.facts.writing.flagged import Flagged, asked, flag, unless_asked
from tunewell.facts.writing.shared_phrases import SharedPhrase, shared_phrases
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.layout import Kind
from tunewell.subjects.parts import Role

Ints = NDArray[np.int64]

KINDS = (Kind.INSTRUCTION, Kind.COMPLETION, Kind.CHAT, Kind.TEXT)
LEARNED = frozenset({Role.ANSWER, Role.TEXT})
ANSWERS = frozenset({Role.ANSWER})
OPENING = 300
"""A refusal comes first; what stands later is often a quotation."""

HINT = (
    r"orry\b|\bafraid|language model|GPT|[Aa]n AI|[Aa]n ai\b|[Cc]annot|[Cc]an not|[Cc]an't|"
    r"[Cc]an\u2019t|unable to|not able to|[Tt]h(?:is|at|e) (?:task|instruction|request|question)"
)
"""What the engine looks for in every text; the patterns below have the last word."""
MODEL = (
    r"(?:ai|artificial intelligence|large language model|language model|computer program)"
    r"(?: (?:language )?(?:model|assistant|chatbot|program|system))?"
)
NOT = (
    "(?:cannot|can not|can't|can\u2019t|could not|couldn't|"
    "(?: am|'m|\u2019m)? ?(?:unable|not able) to)"
)
DOING = (
    r"(?:provide|assist|help|answer|fulfil\w*|comply|create|generate|complete|do (?:this|that|it)|"
    r"access|browse|open|view|perform|respond|produce|draw|engage|support|offer|give you|process|"
    r"make (?:a|the|any) (?:prediction|recommendation|image)|display|play|send|predict|recommend|"
    r"retrieve|discuss|carry out|execute)"
)
TASK = r"(?:task|instruction|request|question)"
OF_A_MODEL = re.compile(
    rf"(?i)\bas an? {MODEL},? (?:i\b|it is|my)|"
    rf"\bi(?: a|'|\u2019)?m (?:just |only |merely )?an? {MODEL}\b|"
    rf"^\W*(?:i(?: a|'|\u2019)?m )?sorry,? (?:but )?(?:this|that|the) (?:{TASK}|model|input)\b|"
    rf"\b(?:this|the|that) (?:type of )?{TASK}[^.\n]{{0,60}}(?:\b(?:cannot|can't|can not) be\b|"
    r"\bis not (?:possible|suitable)|is beyond)|"
    r"\b(?:gpt|language|ai)(?:-\d)?(?: language)? models? "
    r"(?:cannot|can not|can't|(?:is|are) (?:not |un)able)"
)
REFUSAL = re.compile(
    rf"(?i)^\W*(?:i(?: a|'|\u2019)?m )?(?:so |very |really |truly )?(?:sorry|afraid)\b"
    rf"[^.\n]{{0,60}}\b{NOT}\s+{DOING}|(?:^|[.,!] )\W*(?:i|we) ?{NOT}\s+{DOING}\b"
)
ABOUT_MODELS = re.compile(
    r"(?i)\bgpt|\bassistants?\b|\bchat ?bot|language models?|\bai\b|artificial intelligence|robot"
)
ABOUT_IT = re.compile(
    r"(?i)\bgpt|\bassistants?\b|\bchat ?bot|language models?|\bai\b|artificial intelligence|robot|"
    r"apolog|\bsorry\b|refus|declin|dialog|conversation|e-?mail|letter|\bstory\b|tweet|lyrics|poem|"
    r"rewrite|rephrase|reword|paraphrase|sentence|translate|\bedit\b|summari|synonym|\btone\b"
)
HARM = re.compile(
    r"(?i)\b(?:kill|murder|bomb|weapon|gun|poison|steal|rob|hack|malware|virus|drugs?|cocaine|meth|"
    r"heroin|suicide|self[- ]harm|rape|sex\w*|porn\w*|nude|racis\w*|nazi|slurs?|hate\w*|"
    r"terroris\w*|explosive|illegal\w*|scam|fraud|launder\w*|counterfeit|stalk\w*|abuse\w*|tortur\w*|"
    r"violen\w*|bully\w*|harass\w*|insult\w*|cheat\w*|blackmail|kidnap\w*|piracy|pirated|password)\b"
)


@check(
    "DAT021",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
)
def refusals_and_boilerplate(
    dataset: Dataset,
    *,
    warn_share: float = 0.01,
    phrase_share: float = 0.05,
    fewest_answers: int = 20,
    harm_share: float = 0.5,
) -> Iterator[Finding]:
    """Answers that refuse a harmless request, and phrases that many answers begin or end with.

    ## What it finds
    - answers that begin by refusing or by saying what their writer is: "As an AI language model,
      I", "I'm sorry, but I cannot", "This task cannot be completed by a GPT model";
    - a phrase of several words with which many long answers, or learned texts, begin or end.

    ## Why it matters
    A model learns refusals fast and carries them to requests that it could answer. A phrase that
    every answer begins with teaches nothing and is paid for in every step and every reply.

    ## How it is measured
    By patterns in the first 300 characters of an answer. Rows that ask for such wording (letters,
    dialogues, rewriting) or are about assistants are left out. Refusals are a warning from
    `warn_share` of the rows on (1 %), unless at least `harm_share` (half) of them answer a request
    with a word of harm in it: such data teaches what to refuse, and it is information. A phrase of
    24 characters or more is information where at least `phrase_share` (5 %) of the answers of 96
    characters or more, and at least `fewest_answers` (20), share it. Preference data is left out:
    its sides are there to teach refusals.

    ## Example
    `"output": "I'm sorry, but as an AI language model I cannot browse the web."`

    ## Fix
    Drop the refusals and cut the shared phrase from the answers. A template around plain texts
    stays: mask it in training.

    ## When it is wrong
    When the refusals are wanted, or the phrase is the house style.

    ## Sources
    In Stanford's Alpaca about one answer in 1,500 is such a refusal.
    """
    require_kind(dataset, KINDS)
    refusals = flag(dataset, _refusals)
    shared = shared_phrases(dataset.train, LEARNED, share=phrase_share, fewest=fewest_answers)
    if not refusals.count and not shared:
        return
    harmful = _harmful(refusals)
    grave = refusals.share >= warn_share and harmful < harm_share
    sentences: list[str] = []
    evidence: list[Evidence] = []
    if refusals.count:
        verb = "refuses" if refusals.count == 1 else "refuse"
        sentences.append(f"the answers of {refusals.of_all} {verb} the request")
        evidence += [
            refusals.number("rows with a refusal", f"a warning from {100 * warn_share:g} %"),
            refusals.examples("refusals"),
        ]
    if shared:
        what = "text" if dataset.kind is Kind.TEXT else "answer"
        many = max(len(one.at) for one in shared)
        sentences.append(f"{counted(many, what)} begin or end with the same phrase")
        evidence.append(_phrases(shared))
    message = "; ".join(sentences)
    yield Finding(
        message=message[0].upper() + message[1:],
        where=refusals.where,
        evidence=tuple(evidence),
        impact="the model learns to refuse what it could answer, or to begin with empty words",
        fixes=(_repair(dataset.train, refusals, shared),),
        severity=Severity.WARNING if grave else Severity.INFO,
    )


def _refusals(split: Split) -> Ints:
    return np.union1d(
        unless_asked(split, _opening(split, OF_A_MODEL), ABOUT_MODELS),
        unless_asked(split, _opening(split, REFUSAL), ABOUT_IT),
    )


def _opening(split: Split, pattern: re.Pattern[str]) -> Ints:
    """The answers that begin as the pattern says."""
    return fitting(split, Screen(HINT, lambda text: bool(pattern.search(text[:OPENING])), ANSWERS))


def _harmful(refusals: Flagged) -> float:
    """The share of the refusals whose request has a word of harm in it."""
    requests = [
        asked(split, part)
        for split, at in zip(refusals.splits, refusals.parts, strict=True)
        for part in at.tolist()
    ]
    return sum(1 for text in requests if HARM.search(text)) / max(1, len(requests))


def _phrases(shared: tuple[SharedPhrase, ...]) -> Evidence:
    return Table(
        name="phrases that answers share",
        columns=("place", "phrase", "answers"),
        rows=tuple(("end" if one.ends else "beginning", one.phrase, len(one.at)) for one in shared),
        total=len(shared),
    )


def _repair(train: Split, refusals: Flagged, shared: tuple[SharedPhrase, ...]) -> Fix:
    """Drop the refusals and cut the shared phrases from the other answers."""
    if train.kind is Kind.TEXT:
        # A template is needed again when the model is used: only what is learned must change.
        return Fix(title="train on what follows the phrase alone", safety=Safety.MANUAL)
    edits: list[Edit] = [*refusals.drop("refusal").edits] if refusals.count else []
    steps = [f"drop {counted(refusals.count, 'refusal')}"] if refusals.count else []
    known = parts(train)
    texts: dict[int, str] = {}
    for one in shared:
        for part in one.at.tolist():
            text = texts.get(part, known.texts[part])
            cut = text[: -len(one.phrase)] if one.ends else text[len(one.phrase) :]
            cut = cut.strip()
            texts[part] = cut[:1].upper() + cut[1:]
    dropped = set(refusals.rows[0].tolist())
    rows = np.searchsorted(known.start, list(texts), side="right") - 1
    edits += [
        SetText(
            split=train.name,
            row=row,
            old=known.texts[part],
            new=new,
            part=part - int(known.start[row]),
        )
        for (part, new), row in zip(texts.items(), rows.tolist(), strict=True)
        if row not in dropped
    ]
    if texts:
        steps.append(f"cut the phrase from {counted(len(texts), 'answer')}")
    return Fix(title=" and ".join(steps), safety=Safety.UNSAFE, edits=tuple(edits))
