"""DAT001: a data file that is something else than its name says."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import check
from tunewell.core.finding import Category, File, Finding, Fix, Number, Safety, Severity, Table
from tunewell.subjects.files import Files

READ_EVERYWHERE = ("utf-8", "utf-8-sig")


@check("DAT001", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("D56",))
def file_not_what_its_name_says(files: Files, *, max_bad_bytes: int = 0) -> Iterator[Finding]:
    """A data file that is a pointer, a web page or an archive, or is not UTF-8.

    ## What it finds
    Git LFS and git-annex pointers, saved HTML pages, archives, pickles, Parquet and binary files
    under the name of another format, and text that is not valid UTF-8.

    ## Why it matters
    A pointer or a page has no rows, and some readers make rows of it all the same. Text in another
    encoding stops most loaders, or comes out with its accents and currency signs broken.

    ## How it is measured
    By the first 64 KiB against the marks that formats begin with, and by decoding the whole file.
    More than `max_bad_bytes` bytes outside UTF-8, 0 by default because valid text has none, is a
    warning; a file that is not data at all is an error. Where most of a file is UTF-8, a row whose
    other bytes are letters or signs of Windows-1252 is read in that, and any other such row counts
    as broken (DAT002).

    ## Example
    A `train.csv` of 130 bytes that begins with `version https://git-lfs.github.com/spec/v1`.

    ## Fix
    Fetch the real content (`git lfs pull`, the raw file instead of the page), or save the text as
    UTF-8.

    ## When it is wrong
    When every program that reads the file is told its encoding.

    ## Sources
    Fault D56 of the catalogue; the Git LFS pointer specification; RFC 3629 for UTF-8.
    """
    disguised = [probe for probe in files.probes if probe.disguise is not None]
    encoded = [
        probe
        for probe in files.probes
        if probe.disguise is None
        and (probe.bad_bytes > max_bad_bytes or probe.encoding not in READ_EVERYWHERE)
    ]
    if not disguised and not encoded:
        return
    first = (disguised or encoded)[0]
    if first.disguise is not None:
        message = f"{first.path.name} is a {first.disguise}, not data"
    elif first.bad_bytes:
        message = (
            f"{first.path.name} is not UTF-8: {first.bad_bytes:,} bytes are not valid in it, the "
            f"first in line {first.bad_line:,}"
        )
        if first.encoding == "cp1252":
            message += "; it reads as Windows-1252"
        else:
            message += "; rows that fit Windows-1252 were read as such"
    else:
        message = f"{first.path.name} is encoded as {first.encoding.upper()}, not UTF-8"
    others = len(disguised) + len(encoded) - 1
    if others:
        message += f" (and {others:,} more {'file' if others == 1 else 'files'})"
    yield Finding(
        message=message,
        where=tuple(File(path=str(probe.path)) for probe in (*disguised, *encoded)),
        evidence=(
            Number(name="files", value=len(disguised) + len(encoded), bound="0 files"),
            Table(
                name="what the files are",
                columns=("file", "what it is", "bytes"),
                rows=tuple(
                    (probe.path.name, probe.disguise or probe.encoding, probe.size_bytes)
                    for probe in (*disguised, *encoded)
                ),
                total=len(disguised) + len(encoded),
            ),
        ),
        impact="there are no rows to train on" if disguised else "letters may come out broken",
        fixes=(
            Fix(
                title="fetch the real content" if disguised else "save the file as UTF-8",
                safety=Safety.MANUAL,
            ),
        ),
        severity=Severity.ERROR if disguised else Severity.WARNING,
    )
