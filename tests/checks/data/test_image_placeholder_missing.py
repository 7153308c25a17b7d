"""DAT048 image-placeholder-missing."""

from tunewell.checks.data.image_placeholder_missing import image_placeholder_missing
from tunewell.core.finding import Severity
from tunewell.testing import CheckCases, rows, run_check


def seen(text: object, *images: str, **more: object) -> dict[str, object]:
    """A row with images and what the user says of them."""
    talk = [{"role": "user", "content": text}, {"role": "assistant", "content": "A cat."}]
    return {"messages": talk, "images": list(images), **more}


GOOD = seen("<image>What is this?", "a.png")
PIECES = [{"type": "image"}, {"type": "text", "text": "What is this?"}]
LLAVA = {
    "id": "1",
    "image": "a.png",
    "conversations": [
        {"from": "human", "value": "<image>\nWhat is this?"},
        {"from": "gpt", "value": "A cat."},
    ],
}


class TestImagePlaceholderMissing(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = image_placeholder_missing
    faulty = {
        "one without": (rows([GOOD, seen("What is this?", "b.png")]),),
        "one too many": (rows([GOOD, seen("<image><image>Compare them.", "b.png")]),),
        "no image": (rows([GOOD, seen("<image>What is this?")]),),
        "none has any": (rows([seen("What is this?", "a.png")] * 3),),
        "no piece for it": (rows([seen(PIECES, "a.png"), seen(PIECES, "a.png", "b.png")]),),
        "a single path": (rows([LLAVA, {**LLAVA, "image": None}]),),
    }
    nearly = {
        "text alone": (rows([GOOD, seen("What is a cat?")]),),
        "pieces": (rows([seen(PIECES, "a.png")]),),
        "numbered": (rows([seen("<image_1> or <image 2>?", "a.png", "b.png")]),),
        "a video": (
            rows([{**seen("<video>What happens?"), "videos": ["a.mp4"]}]),
        ),
        "no images at all": (rows([{"messages": seen("<image>")["messages"]}]),),
        "another format": (
            rows([seen("<|vision_start|><|image_pad|><|vision_end|>What?", "a.png")]),
        ),
    }  # fmt: skip
    clean = {"one each": (rows([GOOD] * 3),), "LLaVA": (rows([LLAVA] * 3),)}


def test_a_file_without_any_is_information() -> None:
    subjects = TestImagePlaceholderMissing.faulty["none has any"]
    (finding,) = run_check(image_placeholder_missing, subjects).findings
    assert finding.severity is Severity.INFO
