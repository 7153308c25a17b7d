"""DAT028 personal-data."""

import pytest

from tunewell.checks.data.personal_data import personal_data
from tunewell.core.finding import Severity
from tunewell.core.personal_formats import personal_in
from tunewell.testing import CheckCases, dataset, rows, run_check


def learned(*texts: str) -> tuple[object]:
    return (rows([{"prompt": "Where is it?", "completion": text} for text in texts]),)


class TestPersonalData(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = personal_data
    faulty = {
        "an e-mail address": learned("Write to anna.berg@nordpost.se.", "fine"),
        "a phone number": learned("Call me on (212) 687-4421 tonight."),
        "a number abroad": learned("My mobile is +49 171 2345 918"),
        "a card": learned("It was paid with 4539 1488 0343 6467."),
        "an account": learned("Send it to GB94 BARC 1020 1530 0934 59"),
        "a social security number": learned("Her SSN is 512-48-7316."),
        "a server": learned("Log in at 81.23.144.9 as root"),
        "in a classified text": (dataset(["mail bo@fjord-hus.no now", "hi"], ["a", "b"]),),
    }
    nearly = {
        "sums": learned(
            "She sold 48/2 = <<48/2=24>>24 clips, 1,234,567 in all.",
            "2125551234 + 4 = 2125551238, so 12 500 000 are left of 4539148803436467.",
            "5 x 1000 000 000 = 5000000000 and 100-50-25=25",
        ),
        "addresses of nobody": learned("Write to jane@example.com or info@bigshop.com"),
        "a number of films": learned("Call 555-0134 or (212) 555-0199."),
        "a test card": learned("Try it with 4111 1111 1111 1111."),
        "a number without its check digit": learned("card 4539 1488 0343 6468"),
        "a long number": learned("The order number is 6011550896033147993."),
        "private networks": learned("ping 192.168.0.1, then 10.0.0.7 and 127.0.0.1"),
        "a version": learned("Install version 81.23.144.9 of the driver, or 2.10.0.3"),
        "years and dates": learned("From 1999-2008, on 12-05-2019 and 2019-05-12."),
        "an ISBN": learned("ISBN 978-3-16-148410-0", "Patent number 7042531880"),
        "a hotline": learned("The hotline is 1-800-273-8255."),
        "a range that no one has": learned("000-12-3456, 666-12-3456 and 912-34-5678"),
        "a decorator": learned("@app.route and git@github.com:a/b.git"),
    }
    clean = {"plain rows": (dataset(["hi", "ok"], ["a", "b"]),), "answers": learned("In town.")}


def test_a_card_is_a_warning_and_an_address_is_not() -> None:
    rest = ["fine"] * 200
    card = run_check(personal_data, learned("card 4539148803436467", *rest)).findings[0]
    mail = run_check(personal_data, learned("write to anna.berg@nordpost.se", *rest)).findings[0]
    assert card.severity is Severity.WARNING
    assert mail.severity is Severity.INFO


def test_a_classifier_cannot_repeat_a_phone_number() -> None:
    texts = ["call 08712300220 now"] * 50
    found = run_check(personal_data, (dataset(texts, ["spam"] * 50),)).findings[0]
    assert found.severity is Severity.INFO


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("+41 (0)96 471 07 95", "phone number"),
        ("001-253-366-9781", "phone number"),
        ("Phone: 72 128 827", "phone number"),
        ("Amex 3787 344936 71109", "payment card"),
        ("gb94barc10201530093459", "bank account"),
        ("2a00:1450:4001:081b:0000:0000:0000:200e", "network address"),
    ],
)
def test_forms_that_are_known(text: str, kind: str) -> None:
    assert [one.kind for one in personal_in(text)] == [kind]
