"""DAT080: a scaler, vectoriser or selector is fitted on all rows and then they are split."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Finding, Fix, LogLine, Safety, Severity, Table
from tunewell.facts import script as facts
from tunewell.subjects.script import Script


@check("DAT080", category=Category.CORRECTNESS, severity=Severity.WARNING, covers=("E22",))
def fitted_before_split(script: Script, *, max_calls: int = 0) -> Iterator[Finding]:
    """Preprocessing is fitted on all rows before the evaluation rows are split off.

    ## What it finds
    A script in which a scaler, vectoriser, imputer, reducer or selector of scikit-learn is fitted,
    and its output is handed to `train_test_split` afterwards.

    ## Why it matters
    Means, vocabularies and above all selected features then know the evaluation rows. The score is
    too good by a little, with selection by label by a lot.

    ## How it is measured
    From the script's syntax alone: the output of the fitted object is followed through assignments
    within one function, in written order. More than `max_calls` such splits, 0, are told. Encoders
    of labels are left out, because the names of the classes tell nothing of the rows.

    ## Example
    `X = TfidfVectorizer().fit_transform(texts)` and then `train_test_split(X, y)`.

    ## Fix
    Split first, then fit on the training rows and only transform the others; or put the steps into
    a `Pipeline`, which does that in cross-validation too.

    ## When it is wrong
    When the split is for something other than judging the model.

    ## Sources
    Fault E22 of the catalogue; Kapoor and Narayanan 2023, "Leakage and the reproducibility crisis
    in machine-learning-based science".
    """
    found = facts.fitted_before_split(script)
    if not facts.uses_scikit_learn(script):
        reason = "the script does not use scikit-learn"
        raise NotApplicableError(reason)
    if len(found) <= max_calls:
        return
    first = found[0]
    yield Finding(
        message=(
            f"{first.transformer} is fitted on {first.data} at line {first.fit_line}, and its "
            f"output is split at line {first.split_line}"
        ),
        where=tuple(LogLine(file=str(script.path), line=call.fit_line) for call in found),
        evidence=(
            Table(
                name="fitted, then split",
                columns=("fitted at line", "what", "on", "split at line"),
                rows=tuple((c.fit_line, c.transformer, c.data, c.split_line) for c in found),
                total=len(found),
            ),
        ),
        impact="the score knows something of the rows it is taken on",
        fixes=(Fix(title="split first, and fit on the training rows", safety=Safety.MANUAL),),
    )
