"""DAT013 mojibake."""

# ruff: noqa: RUF001  unusual characters are what this is about

from pathlib import Path

from tunewell.checks.data.mojibake import mojibake
from tunewell.core.finding import Finding, Fix, Safety, SetText
from tunewell.facts.writing.mojibake import repaired
from tunewell.fixes.files import apply_fixes
from tunewell.readers.data import read_dataset
from tunewell.testing import CheckCases, dataset, rows, run_check


def misread(text: str, codec: str = "cp1252") -> str:
    """The text as it looks when its UTF-8 is read in another encoding."""
    return text.encode().decode(codec)


TWICE = misread("£5").encode("mac_roman").decode("cp1252")


class TestMojibake(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = mojibake
    faulty = {
        "an accent": (dataset([misread("le café est fermé"), "ok"], ["a", "b"]),),
        "a quotation mark": (dataset([misread("it’s late", "latin-1"), "ok"], ["a", "b"]),),
        "Mac Roman": (dataset([misread("déjà vu à Paris", "mac_roman"), "ok"], ["a", "b"]),),
        "Cyrillic": (dataset([misread("Привет, мир", "cp1251"), "ok"], ["a", "b"]),),
        "twice, through a Mac": (dataset([f"win {TWICE} now", "ok"], ["a", "b"]),),
        "in an answer": (
            rows(
                [
                    {"prompt": "Where?", "completion": misread("Zürich")},
                    *[{"prompt": "a", "completion": "b"}],
                ]
            ),
        ),
        "in the evaluation": (
            dataset(["x", "y"], ["a", "b"], evaluation=([misread("Größe")], ["a"])),
        ),
    }
    nearly = {
        "accents": (dataset(["Où est le café ? À côté.", "naïve Ærø Ångström"], ["a", "b"]),),
        "signs": (dataset(["£5 “quoted” – €3…", "5 × 3 ± 2 °C"], ["a", "b"]),),
        "another alphabet": (dataset(["Привет, мир", "Η ανατροφή", "日本語"], ["a", "b", "a"]),),
        "letters as pictures": (dataset(["Q £ÄGÌ ÌÑÌ ÑÝÄ", "ÄÖÜ"], ["a", "b"]),),
        "one stray control": (dataset(["parlé\x85 tu sais", "ok"], ["a", "b"]),),
    }
    clean = {"plain": (dataset(["hi", "ok"], ["a", "b"]),)}


def test_what_is_lost_is_said_and_not_repaired() -> None:
    finding = run_check(mojibake, (dataset(["caf\ufffd", "ok"], ["a", "b"]),)).findings[0]
    assert "lost for good" in finding.message
    assert [fix.safety for fix in finding.fixes] == [Safety.MANUAL]


def test_both_kinds_at_once() -> None:
    texts = ["caf\ufffd", misread("café"), "ok"]
    finding = run_check(mojibake, (dataset(texts, ["a", "b", "a"]),)).findings[0]
    assert [fix.safety for fix in finding.fixes] == [Safety.UNSAFE, Safety.MANUAL]
    edit = finding.fixes[0].edits[0]
    assert isinstance(edit, SetText)
    assert edit.new == "café"


def test_two_misreadings_are_undone() -> None:
    assert repaired(f"win {TWICE} now") == "win £5 now"
    assert repaired(misread(misread("naïve"))) == "naïve"


def test_a_repair_that_the_files_encoding_lacks(tmp_path: Path) -> None:
    train = tmp_path / "train.csv"
    train.write_bytes("text,label\nun café,a\nÀ côté,b\n".encode("cp1252"))
    edit = SetText(split="train", row=1, old="À côté", new="日本")
    fix = Fix(title="mend", safety=Safety.SAFE, edits=(edit,))
    found = Finding(message="found", code="DAT013", name="mojibake", fixes=(fix,))
    applied = apply_fixes([found], read_dataset(train), unsafe=False)
    assert list(read_dataset(applied.files[0]).train.texts) == ["un café", "日本"]
