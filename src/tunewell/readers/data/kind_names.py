"""Names by which the columns of well-known kinds of fine-tuning data are told."""

from __future__ import annotations

MESSAGE_NAMES = ("messages", "conversations", "conversation", "dialog", "dialogue", "chat")
"""Columns of message lists; of several the first is read."""

TURN_NAMES = (*MESSAGE_NAMES, "turns", "utterances", "data", "dialogs")
"""Columns whose lists of plain texts are turns, as UltraChat and DailyDialog write them."""

SYSTEM_NAMES = ("system", "system_prompt", "system_message")
TOOL_NAMES = ("tools", "functions")
ANSWER_NAMES = (
    "output", "response", "completion", "answer", "target", "solution", "generation",
)  # fmt: skip
INPUT_NAMES = ("input", "context")
CHOSEN_NAMES = ("chosen", "chosen_response", "response_chosen", "accepted")
REJECTED_NAMES = ("rejected", "rejected_response", "response_rejected")
PAIRS = (
    ("sentence1", "sentence2"),
    ("sentence_1", "sentence_2"),
    ("sentence_a", "sentence_b"),
    ("text1", "text2"),
    ("text_1", "text_2"),
    ("text_a", "text_b"),
    ("premise", "hypothesis"),
    ("question1", "question2"),
    ("anchor", "positive"),
    ("query", "positive"),
    ("query", "pos"),
    ("query", "passage"),
    ("query", "document"),
    ("question", "passage"),
)
NEGATIVE_NAMES = ("negative", "neg")
SCORES = ("score", "similarity", "similarity_score", "relatedness")
COMPLETIONS = (
    ("prompt", ("completion", "response", "output", "answer", "generation")),
    ("question", ("answer", "response", "solution", "output")),
    ("problem", ("solution", "answer", "generated_solution")),
    ("query", ("response", "answer")),
    ("input", ("output", "target", "response", "completion")),
    ("inputs", ("targets", "target", "outputs")),
    ("source", ("target",)),
    ("user", ("assistant",)),
)
REWRITINGS = (
    ("document", ("summary",)),
    ("article", ("highlights", "summary", "abstract")),
    ("dialogue", ("summary",)),
    ("text", ("summary", "title", "headline")),
)
"""Long text and what is to be made of it. A label column beside them wins: reviews have a summary,
and news have a headline, where they are classified."""

MEDIA_NAMES = frozenset(
    {"image", "images", "image_path", "image_paths", "video", "videos", "audio", "audios"}
)
"""Columns of what a row shows or plays beside its text."""

TOKEN_NAMES = ("tokens", "words")
TAG_NAMES = ("ner_tags", "tags", "labels", "pos_tags", "chunk_tags", "label", "ner", "bio_tags")
PREFERRED_NAMES = ("label", "kto_tag", "thumbs_up")
PLAIN_NAMES = ("text", "content")
PROPERTY_NAMES = frozenset(
    {
        "added", "created", "dataset", "date", "file", "file_name", "filename", "license", "meta",
        "metadata", "path", "split", "subset", "time", "timestamp", "title", "url", "version",
    }
)  # fmt: skip
"""Columns that say where a row comes from. Some have few values, as labels do, and are none."""

CHOICE_NAMES = ("choices", "options")
RIGHT_NAMES = ("answer", "answerkey", "answer_key", "correct_answer", "answer_idx", "label")
