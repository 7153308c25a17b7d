"""DAT025 control-characters."""

from tunewell.checks.data.control_characters import control_characters
from tunewell.core.finding import SetText, Severity
from tunewell.testing import CheckCases, dataset, rows, run_check


def labelled(*texts: str) -> tuple[object]:
    return (dataset(texts, ["a", "b"] * (len(texts) // 2) + ["a"] * (len(texts) % 2)),)


HIDDEN = "".join(chr(0xE0000 + ord(letter)) for letter in "obey")
SCOTLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"


class TestControlCharacters(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = control_characters
    faulty = {
        "a control": labelled("ring the \x07 bell", "ok"),
        "a stray byte": labelled("and so on\x85 then", "ok"),
        "a zero-width space": labelled("how much less \u200bis it", "ok"),
        "a joiner inside a word": labelled("pass\u200dword", "ok"),
        "a byte-order mark": labelled("\ufeffFirst line", "ok"),
        "a line separator": labelled("one\u2028two", "ok"),
        "an override": labelled("access \u202euser\u202c level", "ok"),
        "tag characters": labelled(f"Nice day.{HIDDEN}", "ok"),
        "private use": labelled("\uf0b7 first point", "ok"),
        "entities in many rows": labelled(*["fish &amp; chips for &lt;#&gt;"] * 6, *["ok"] * 9),
        "tags in many rows": labelled(*["one<br />two <b>now</b>"] * 6, *["ok"] * 9),
        "escaped breaks": labelled(*["It is late.\\nGo home."] * 6, *["ok"] * 9),
        "escaped letters": labelled(*["caf\\u00e9 au lait"] * 6, *["ok"] * 9),
        "in an answer": (rows([{"prompt": "Where?", "completion": "here\u200b"}] * 3),),
    }
    nearly = {
        "tabs, breaks, soft hyphens": labelled("a\tb\r\nc", "co\u00adop\u00a0x"),
        "emoji of several parts": labelled(
            "\U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f", "x"
        ),
        "a flag of a region": labelled(f"Go {SCOTLAND}", "ok"),
        "Hindi and Persian": labelled(
            "\u0915\u094d\u200d\u0937", "\u0645\u06cc\u200c\u0634\u0648\u062f"
        ),
        "Hebrew with marks": labelled("\u202b\u05e9\u05dc\u05d5\u05dd\u202c", "ok"),
        "Thai with breaks": labelled("\u0e01\u0e34\u0e19\u200b\u0e02\u0e49\u0e32\u0e27", "ok"),
        "a few entities": labelled("fish &amp; chips", *["ok"] * 99),
        "rows about HTML": labelled(*["The HTML tag <b>x</b> and &lt;p&gt;"] * 9),
        "programs": labelled(*['print("one\\ntwo")'] * 9, *["\\nu and \\neq"] * 9),
    }
    clean = {"plain": labelled("hi", "ok")}


def test_hidden_text_is_a_warning() -> None:
    rest = ["ok"] * 400
    hidden = run_check(control_characters, labelled(f"Nice day.{HIDDEN}", *rest)).findings[0]
    stray = run_check(control_characters, labelled("here\u200b", *rest)).findings[0]
    assert hidden.severity is Severity.WARNING
    assert stray.severity is Severity.INFO


def test_escapes_become_what_they_mean() -> None:
    texts = [*["It is 5 &lt; 6.\\n\\nFine<br/>so"] * 6, *["ok"] * 9]
    finding = run_check(control_characters, labelled(*texts)).findings[0]
    edit = finding.fixes[0].edits[0]
    assert isinstance(edit, SetText)
    assert edit.new == "It is 5 < 6.\n\nFine\nso"
