"""DAT022 unseen-attachment."""

from tunewell.checks.data.unseen_attachment import unseen_attachment
from tunewell.testing import CheckCases, dataset, rows, run_check

LINK = "https://news.example.org/2021/03/storm.html"


def told(instruction: str, given: str = "", answer: str = "It is about a storm.") -> dict[str, str]:
    return {"instruction": instruction, "input": given, "output": answer}


def chat(asked: object, **more: object) -> dict[str, object]:
    return {
        "messages": [
            {"role": "user", "content": asked},
            {"role": "assistant", "content": "It shows a storm.", **more},
        ]
    }


CALL = [{"function": {"name": "fetch", "arguments": {"address": LINK}}}]
FULL = told("Name a river in France.", "", "The Loire.")


class TestUnseenAttachment(CheckCases):
    """Planted, nearly faulty and clean data."""

    check = unseen_attachment
    faulty = {
        "a link as input": (rows([FULL, told("Sum up this article.", LINK)]),),
        "a link with a word": (rows([FULL, told("Sum it up.", f"Article: {LINK}")]),),
        "a link in one sentence": (
            rows([FULL, told("Describe the web page in one sentence.", LINK)]),
        ),
        "two links": (rows([FULL, told("Compare the articles.", f"1: {LINK}\n2: {LINK}")]),),
        "an address without a scheme": (rows([FULL, told("Rate this website.", "www.a.org")]),),
        "a picture in Markdown": (
            rows([FULL, told("Describe the painting.", f"![alt text]({LINK[:-4]}png)")]),
        ),
        "a picture in HTML": (
            rows([FULL, told("Name this bird.", '<img src="https://a.org/b.jpg" alt="Bird">')]),
        ),
        "a mark": (rows([FULL, told("Count the people.", "[attached photo]")]),),
        "a mark with a description": (
            rows([FULL, told("Describe the scene.", "<photo of a beach at sunset>")]),
        ),
        "a mark for an article": (rows([FULL, told("Quote it.", "[Link to article]")]),),
        "a file name": (rows([FULL, told("Which flag is it?", "[flag.jpg]")]),),
        "attached in words": (rows([FULL, told("Name the boat.", "Attached photo")]),),
        "nothing follows": (rows([FULL, told("Write a caption for the following photo.")]),),
        "a chat about a link": (rows([chat("Hi."), chat(f"Please summarize this video: {LINK}")]),),
    }
    nearly = {
        "a link in a text": (
            rows(
                [
                    told(
                        "Sum up this text.",
                        "The storm of March took the roofs of forty houses in the north of the "
                        f"county, and the bridge at the mill is closed until May ({LINK}).",
                    )
                ]
            ),
        ),
        "about the address": (rows([told("Name the domain of this URL.", LINK, "example.org")]),),
        "about code": (rows([told("Write the HTML code to link to a page.", LINK, "<a>")]),),
        "markup to be mended": (
            rows([told("Close the tags in this HTML snippet.", '<b><img src="image.png">')]),
        ),
        "an image in the message": (
            rows(
                [
                    chat(
                        [
                            {"type": "image", "image": "a.png"},
                            {"type": "text", "text": "Describe this image."},
                        ]
                    )
                ]
            ),
        ),
        "a tool that opens links": (rows([chat(f"Summarize this page: {LINK}", tool_calls=CALL)]),),
        "an image described": (
            rows([told("Write a title for the photo.", "Two people on a beach watch the sunset.")]),
        ),
        "images as a subject": (rows([told("How does a camera store a picture?")]),),
        "brackets with a list": (rows([told("Sort it.", "[3, 1, 2]", "[1, 2, 3]")]),),
        "a list of words": (rows([told("Sort it.", '["table", "chair", "lamp"]', "[]")]),),
        "words in brackets": (rows([told("Sort it.", "[song, poem, tale]", "poem, song")]),),
        "a call": (rows([told("What does it do?", "open(file)", "It opens a file.")]),),
        "an element": (rows([told("What is this element for?", "<table>", "For rows.")]),),
        "a file to be renamed": (rows([told("Rename the file.", "flag.jpg", "banner.jpg")]),),
        "images in a folder": (
            rows(
                [told("Count the birds.", "<image>") | {"image_id": f"{n}.jpg"} for n in range(3)]
            ),
        ),
        "a query for a table": (
            rows([told("Write an SQL query.", "[Table of staff]", "SELECT 1")]),
        ),
    }
    clean = {"full rows": (rows([FULL]),)}


def test_classified_links_are_texts_like_others() -> None:
    outcomes = run_check(unseen_attachment, (dataset([LINK, "hi"], ["spam", "ham"]),))
    assert not outcomes.findings
    assert outcomes.not_applicable
