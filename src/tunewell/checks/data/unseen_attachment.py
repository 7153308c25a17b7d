"""DAT022: questions about something that the model cannot see."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Confidence, Finding, Severity
from tunewell.core.words import counted
from tunewell.facts.parts import of_roles, parts, require_kind
from tunewell.facts.scan import Screen, fitting, rows_of
from tunewell.facts.writing.flagged import asked, flag, joined
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.layout import Kind
from tunewell.subjects.parts import ASKED, Role

Ints = NDArray[np.int64]

KINDS = (Kind.INSTRUCTION, Kind.COMPLETION, Kind.CHAT, Kind.PREFERENCE, Kind.UNPAIRED)
HAS_LINK = r"[Hh][Tt][Tt][Pp][Ss]?:[/\\]|[Ww][Ww][Ww]\."
HAS_PICTURE = (
    r"!\[|<(?:img|IMG|image)\b|attachment:|"
    r"\.(?:jpe?g|JPE?G|png|PNG|gif|bmp|webp|tiff?|mp3|mp4|wav|avi|mov|pdf|PDF)\W*$"
)
HAS_BRACKET = r"[\[<({]"
HAS_ATTACHED = r"[Aa]ttach|ATTACH"
HAS_NAME = r"[Pp]hoto|[Ii]mage|[Pp]icture|[Ss]creenshot|[Vv]ideo|audio (?:file|clip)"
"""What the engine looks for in every text; the patterns below have the last word."""

SHOWN = (
    r"images?|pictures?|photos?|photographs?|paintings?|drawings?|sketch(?:es)?|screenshots?|"
    r"figures?|charts?|graphs?|diagrams?|maps?|logos?|videos?|clips?|audio|recordings?|songs?|"
    r"podcasts?|illustrations?|cartoons?|comics?|posters?|memes?|flags?|artworks?|scans?"
)
READ = (
    r"articles?|files?|pdfs?|documents?|attachments?|tables?|spreadsheets?|links?|urls?|websites?"
)
PHOTO = r"(?:photo|photograph|image|picture|screenshot|video clip|audio clip|audio file)s?"
URL = re.compile(r"(?i)\b(?:https?:[/\\]{2}|www\.)[^\s\])>\"']+")
PICTURE = re.compile(
    r"(?i)!\[[^\]\n]*\]\s?[(\[]|<img\b[^>]*\bsrc\b|<image\s+url\b|<image:|\]\(attachment:|"
    r"^\W*[\w .-]{1,60}\.(?:jpe?g|png|gif|bmp|webp|tiff?|mp3|mp4|wav|avi|mov|pdf)\W*$"
)
BRACKETED = re.compile(
    rf"(?i)(?<!\w)[\[<(]\s*(?:[\w-]+\s+){{0,4}}(?:{SHOWN}|{READ})\b(?!\s*[,;:]?\s*[\"'])"
    r"[^\])>}\n\"=|]{0,120}[\])>]"
)
LIST = re.compile(r"^\W*[\w -]+(?:,\s*[\w -]+)+\W*$|^<(?:table|link|map|figure|audio|video)>$")
ATTACHED = re.compile(
    rf"(?i)^\W*(?:(?:{SHOWN}|{READ})\s+(?:is |are )?(?:attached|provided|included)|"
    rf"(?:please )?(?:see )?(?:the )?attach(?:ed)?\s+(?:the |a )?(?:{SHOWN}|{READ}))\b.{{0,40}}$"
)
POINTED_AT = re.compile(
    rf"(?i)(?:\b(?:following|this|attached|provided|given)(?: [\w-]+){{0,2}}|\bin the) {PHOTO}"
    r"(?: below| above| provided| attached)?"
    r"(?: in (?:fewer than |less than |at least |up to |about )?\d[\w -]*| in (?:one|a) \w+)?"
    r"\s*[.?!:]?\s*$|^given an? (?:photo|photograph|image|picture),"
)
PAGE = re.compile(
    r"(?i)\b(?:articles?|websites?|site|web ?pages?|pages?|links?|urls?|posts?|papers?|study|"
    r"studies|sources?|news|stor(?:y|ies)|blog|reviews?|book|text|content|summar\w+|report|"
    rf"document|movie|trailer|music|piece|art|design|product|company|app|{SHOWN})\b"
)
LINK_ITSELF = re.compile(
    r"(?i)\b(?:html|css|code|program|script|algorithm|python|javascript|function|regex\w*|pars\w+|"
    r"valid\w*|shorten\w*|domain name|domain of|qr|hyperlinks?|slug|encod\w+|decod\w+|sql|query|"
    r"https? request|request|curl|api call|protocol|citation|cite|create a link|clickable)\b|"
    r"\b(?:output|extract|return|edit|correct|fix) (?:the |all |any )?(?:\w+ )?(?:urls?|links?)\b"
)
MARKUP = re.compile(
    r"(?i)\b(?:html|markdown|tags?|snippet|code|css|program|script|sql|query|web ?page|"
    r"file ?names?|extension|rename|file type|type of file|file path)\b"
)
OPEN_IT = re.compile(
    r"(?i)\b(?:summar\w+|open|visit|watch|listen|transcribe|look at|check out|read|analy[sz]e|"
    r"review|describe|translate|explain|critique|extract)\b[^\n]{0,80}"
    rf"\b(?:{SHOWN}|{READ}|site|page|post|blog|paper|this|it)\b[^\n]{{0,60}}(?:https?://|www\.)"
)
MEDIA_COLUMN = re.compile(r"(?i)image|img|photo|picture|pixel|video|audio|speech|wav")
BRACKETS = re.compile(r"!?\[[^\]]*\]")
HTML = re.compile(r"</|\]\(")
WORD = re.compile(r"[^\W\d_]{2,}")


@check(
    "DAT022",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
)
def unseen_attachment(
    dataset: Dataset, *, max_rows: int = 0, max_words: int = 16
) -> Iterator[Finding]:
    """Questions about a link, image, sound or file that a text model cannot see.

    ## What it finds
    - an input or prompt that is a link, or a link with a few words around it;
    - pictures in markup: `![alt](...)`, `<img src=...>`, or the bare name of a picture
      or PDF;
    - marks for what was once attached: `[Image]`, `<photo of a beach>`, `(link to article)`;
    - a question about "the following photo" that nothing follows.

    ## Why it matters
    The answer speaks of something that is not in the row. The model learns to make it up with
    confidence, here and wherever a user sends a link.

    ## How it is measured
    By patterns. Besides the link or mark an input may hold at most `max_words` words (16): with
    more, the text itself is what the question is about. Rows that have images, videos or sounds,
    or call tools, are left out, and so are questions about the address itself (validate it, shorten
    it, name its domain) and about markup. More than `max_rows` rows, 0 by default, are reported.

    ## Example
    `{"instruction": "Summarize this article.", "input": "https://example.com/a", "output": "..."}`

    ## Fix
    Drop the rows, or put the text of the page or a description of the image in its place.

    ## When it is wrong
    When the program that calls the model puts the page or the image in the place of the link.

    ## Sources
    Counts in Stanford's Alpaca: 182 inputs that are a link and nothing else, 39 images in markup,
    64 marks for attachments.
    """
    require_kind(dataset, KINDS)
    if all(_seeing(split).all() for split in dataset.splits):
        reason = "every row has images, videos or sounds of its own, or calls tools"
        raise NotApplicableError(reason)
    groups = {
        "links": flag(dataset, lambda split: _links(split, max_words)),
        "pictures and attachments": flag(dataset, lambda split: _attachments(split, max_words)),
        "questions about a picture that is not there": flag(dataset, _nothing_there),
    }
    found = joined(*groups.values())
    if found.count <= max_rows:
        return
    verb = "asks" if found.count == 1 else "ask"
    yield Finding(
        message=(
            f"{found.of_all} {verb} about a link, image, sound or file that a text model cannot see"
        ),
        where=found.where,
        evidence=(
            found.number("rows that ask about it", f"at most {counted(max_rows, 'row')}"),
            *(group.examples(name) for name, group in groups.items() if group.count),
        ),
        impact="the model learns to make up what stands behind a link",
        fixes=(found.drop("row"),),
    )


def _seeing(split: Split) -> NDArray[np.bool_]:
    """For each row whether it has an image of its own or calls a tool."""
    seeing = np.zeros(len(split), dtype=bool)
    tools = of_roles(split, frozenset({Role.TOOL, Role.TOOL_CALL}))
    if len(tools):
        seeing[rows_of(split, tools)] = True
    for counts in split.media.values():
        seeing |= np.asarray(counts, dtype=np.int64) > 0
    for name, cells in split.extra.items():
        if MEDIA_COLUMN.search(name):
            seeing |= np.array([cell not in (None, "") for cell in cells], dtype=bool)
    return seeing


def _blind(split: Split, screen: Screen, holds: Callable[[str, str], bool]) -> Ints:
    """The screened parts of rows that see nothing for which `holds(text, prompts of the row)`."""
    at = fitting(split, screen)
    row = np.searchsorted(parts(split).start, at, side="right") - 1
    known = parts(split)
    prompts = frozenset({Role.PROMPT})
    kept = [
        part
        for part in at[~_seeing(split)[row]].tolist()
        if holds(known.texts[part], asked(split, part, prompts))
    ]
    return np.array(kept, dtype=np.int64)


def _links(split: Split, max_words: int) -> Ints:
    def behind_link(text: str, prompt: str) -> bool:
        if LINK_ITSELF.search(URL.sub(" ", prompt)):
            return False
        around = len(WORD.findall(URL.sub(" ", text)))
        if text != prompt:
            return around <= 1 or (around <= max_words and bool(PAGE.search(f"{prompt} {text}")))
        return around <= 1 or (around <= 2 * max_words and bool(OPEN_IT.search(text)))

    return _blind(split, Screen(HAS_LINK, lambda text: bool(URL.search(text)), ASKED), behind_link)


def _attachments(split: Split, max_words: int) -> Ints:
    def shown(text: str, prompt: str) -> bool:
        around = BRACKETED.sub(" ", URL.sub(" ", BRACKETS.sub(" ", text)))
        few = len(WORD.findall(around)) <= max_words
        return few and not MARKUP.search(prompt if text != prompt else around)

    def always(text: str, prompt: str) -> bool:
        return bool(text or prompt)

    inputs = frozenset({Role.INPUT})
    found = [
        _blind(split, Screen(HAS_PICTURE, lambda text: bool(PICTURE.search(text)), ASKED), shown),
        _blind(split, Screen(HAS_BRACKET, _mark, inputs), shown),
        _blind(
            split, Screen(HAS_ATTACHED, lambda text: bool(ATTACHED.search(text)), ASKED), always
        ),
    ]
    return np.unique(np.concatenate(found))


def _mark(text: str) -> bool:
    """Whether a bracketed mark is nearly all that the text is, and not HTML or a Markdown link."""
    rest = BRACKETED.sub(" ", text)
    if LIST.search(text.strip()) or rest == text or len(rest.strip()) > max(30, len(text) // 2):
        return False
    return not HTML.search(text)


def _nothing_there(split: Split) -> Ints:
    """Prompts that point at a picture, in rows of a single prompt without an input."""
    known = parts(split)
    asking = np.bincount(known.row[of_roles(split, ASKED)], minlength=known.rows)
    screen = Screen(HAS_NAME, lambda text: bool(POINTED_AT.search(text)), frozenset({Role.PROMPT}))
    at = _blind(split, screen, lambda text, prompt: text == prompt)
    alone: Ints = at[asking[np.searchsorted(known.start, at, side="right") - 1] == 1]
    return alone
