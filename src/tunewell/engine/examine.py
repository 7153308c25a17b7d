"""Run checks over subjects, gather all five kinds of outcome and name the causes."""

from __future__ import annotations

import datetime as dt
import fnmatch
import hashlib
import traceback
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tunewell.core.check import Check, NotApplicableError, NotRunError, Option
from tunewell.core.document import Cause, Outcome
from tunewell.core.errors import SettingsError
from tunewell.core.finding import Category, Confidence, Finding, Key, Location, Row, Severity
from tunewell.core.mask import mask, mask_finding
from tunewell.engine import registry
from tunewell.engine.causes import find_causes
from tunewell.engine.settings import Settings
from tunewell.subjects.recipe import Recipe

PLACES_KEPT = 50
"""Places listed for one finding; `where_total` says how many there are."""

LIVE = "run the script with tunewell run --check-only SCRIPT, or call tunewell.check(trainer)"
HOW_TO_PASS: Mapping[str, str] = {
    "Dataset": "pass training data: --train FILE",
    "Files": "pass a file or folder",
    "Recipe": "pass the settings: --config FILE, or a [recipe] table in tunewell.toml",
    "Trace": "pass a run: its output folder, trainer_state.json or run folder",
    "Evaluation": "pass predictions: --predictions FILE",
    "Runs": "pass two runs or more to tunewell compare",
    "Completions": "pass the output folder of a run of TRL with log_completions",
    "LabelSets": "pass predictions with a list of labels a row: --predictions FILE",
    "EvaluationPair": "pass two prediction files or runs to tunewell compare",
    "ModelState": f"{LIVE}; or train with tunewell.Watch() and pass the run folder",
    "Batch": LIVE,
    "Checkpoint": "pass the model: --model FOLDER",
    "Tokenization": "pass training data and --model FOLDER",
    "LogText": "pass the log or the error text: --log FILE",
    "Machine": "run on the machine that will train",
    "Benchmark": "pass the questions of a benchmark: --benchmark FILE",
    "Script": "pass the script that prepares the data or trains: --script FILE",
    "OutputFolder": "pass settings whose output_dir lies on this machine",
    "Versions": "pass a configuration, a script or a project folder",
    "DataShift": "pass current and new data to tunewell adapt",
    "FirstStep": LIVE,
    "RehearsedEvaluation": LIVE,
    "RowAlone": LIVE,
    "Targets": LIVE,
    "TaggedWords": LIVE,
    "InBatchNegatives": LIVE,
    "Setup": LIVE,
    "Equivalences": LIVE,
    "Reference": LIVE,
    "RoundTrip": LIVE,
}
"""What to say in "not run" where a subject is missing, by its type's name."""


@dataclass(slots=True)
class Outcomes:
    """Every outcome of one examination; the fields are those of the document."""

    findings: list[Finding] = field(default_factory=list)
    passed: list[Outcome] = field(default_factory=list)
    not_applicable: list[Outcome] = field(default_factory=list)
    not_run: list[Outcome] = field(default_factory=list)
    broken: list[Outcome] = field(default_factory=list)
    suppressed: list[Finding] = field(default_factory=list)
    causes: tuple[Cause, ...] = ()

    def explain(self, subjects: Iterable[object]) -> None:
        """Name the causes of what was found, and order the findings by them."""
        self.findings.sort(key=_order)
        try:
            self.causes, self.findings = find_causes(
                self.findings, subjects, how_to_pass=HOW_TO_PASS
            )
        except Exception as error:  # noqa: BLE001  the findings stand without their causes
            self.broken.append(Outcome(check="", name="causes", reason=_said(error)))


def examine(
    subjects: Iterable[object],
    *,
    settings: Settings | None = None,
    families: Collection[str] | None = None,
    missing: Mapping[str, str] | None = None,
    inapplicable: Mapping[str, str] | None = None,
    today: dt.date | None = None,
) -> Outcomes:
    """Run every chosen check whose subjects are there.

    Args:
        subjects: at most one of each type.
        settings: selection, thresholds and suppressions; the defaults where None.
        families: only checks of these families; all where None.
        missing: by subject name, why one that was named could not be read.
        inapplicable: by subject name, why there can be none of it here.
        today: the date that expiring suppressions are held against.

    Raises:
        SettingsError: if the settings name a check or an option that does not exist.
    """
    settings = settings or Settings()
    by_type = {type(subject): subject for subject in subjects}
    outcomes = Outcomes()
    _validate(settings)
    for check in registry.load():
        if families is not None and check.family not in families:
            continue
        if settings.select and not any(registry.matches(check, s) for s in settings.select):
            continue
        if check.category is Category.PEDANTIC and not (settings.pedantic or settings.select):
            continue
        reason = _ignored(check, settings)
        if reason is not None:
            outcomes.not_run.append(_outcome(check, f"ignored: {reason}"))
            continue
        absent = [n.subject for n in check.needs if n.required and n.subject not in by_type]
        if absent:
            _absent(check, absent[0].__name__, outcomes, missing or {}, inapplicable or {})
        else:
            _run(check, by_type, settings, outcomes)
    _suppress(outcomes, settings, today or dt.datetime.now(tz=dt.UTC).date())
    outcomes.explain(by_type.values())
    return outcomes


def _validate(settings: Settings) -> None:
    for selector in (*settings.select, *settings.ignore, *settings.severity, *settings.checks):
        registry.require_known(selector)
    for suppression in settings.suppress:
        registry.require_known(suppression.check)


def _outcome(check: Check, reason: str = "") -> Outcome:
    return Outcome(check=check.code, name=check.name, reason=reason)


def _ignored(check: Check, settings: Settings) -> str | None:
    return next(
        (reason for code, reason in settings.ignore.items() if registry.matches(check, code)), None
    )


def _absent(
    check: Check,
    subject: str,
    outcomes: Outcomes,
    missing: Mapping[str, str],
    inapplicable: Mapping[str, str],
) -> None:
    """Say why a check did not look: its subject cannot be here, or was not passed."""
    if subject in inapplicable:
        outcomes.not_applicable.append(_outcome(check, inapplicable[subject]))
        return
    reason = missing.get(subject) or HOW_TO_PASS.get(subject, f"needs a {subject}")
    outcomes.not_run.append(_outcome(check, reason))


def _run(
    check: Check, by_type: Mapping[type, object], settings: Settings, outcomes: Outcomes
) -> None:
    options = _options(check, settings)
    try:
        found = list(check.run(*(by_type.get(need.subject) for need in check.needs), **options))
    except NotApplicableError as reason:
        outcomes.not_applicable.append(_outcome(check, str(reason)))
        return
    except NotRunError as reason:
        outcomes.not_run.append(_outcome(check, str(reason)))
        return
    except Exception as error:  # noqa: BLE001  a broken check is an outcome, never a crash
        outcomes.broken.append(_outcome(check, _said(error)))
        return
    open_settings = frozenset() if check.by_name else _not_told(by_type.get(Recipe))
    sure = [f for f in found if not _is_about(f, open_settings)]
    if found and not sure:
        outcomes.not_applicable.append(_outcome(check, "a setting that it is about is not told"))
        return
    complete = [mask_finding(_complete(finding, check, settings)) for finding in sure]
    shown = [f for f in complete if settings.pedantic or f.confidence is not Confidence.LOW]
    if shown:
        outcomes.findings.extend(shown)
    else:
        outcomes.passed.append(_outcome(check, check.summary))


def _said(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{frame.filename.rpartition('/')[2]}:{frame.lineno}"
    return f"{mask(f'{type(error).__name__}: {error}')} ({where})"


def _not_told(recipe: object) -> frozenset[str]:
    """Settings, by either name, whose value the recipe's source leaves open."""
    if not isinstance(recipe, Recipe):
        return frozenset()
    own = (recipe.places[path].key for path in recipe.unknown if path in recipe.places)
    return recipe.unknown | {key for key in own if key is not None}


def _is_about(finding: Finding, names: frozenset[str]) -> bool:
    return any(isinstance(place, Key) and place.path in names for place in finding.where)


def _options(check: Check, settings: Settings) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for selector in (check.code, check.name):
        given |= settings.checks.get(selector, {})
    known = {option.name: option for option in check.options}
    for name, value in given.items():
        if name not in known:
            listed = ", ".join(sorted(known)) or "none"
            message = f"{check.code} has no option {name!r}; it has: {listed}"
            raise SettingsError(message)
        given[name] = _typed(check, known[name], value)
    return given


def _typed(check: Check, option: Option, value: object) -> object:
    try:
        return msgspec.convert(value, type=option.type, strict=False)
    except msgspec.ValidationError as error:
        message = f"{check.code}.{option.name}: {error}"
        raise SettingsError(message) from None


def _complete(finding: Finding, check: Check, settings: Settings) -> Finding:
    severity = finding.severity or check.severity
    for selector, level in settings.severity.items():
        if registry.matches(check, selector):
            severity = level
    return msgspec.structs.replace(
        finding,
        code=check.code,
        name=check.name,
        family=check.family,
        category=check.category,
        severity=severity,
        confidence=finding.confidence or check.confidence,
        covers=check.covers,
        fingerprint=_fingerprint(check.code, finding.where),
        url=f"docs/reference/checks/{check.name}.md",
        where=finding.where[:PLACES_KEPT],
        where_total=max(finding.where_total, len(finding.where)),
    )


def _fingerprint(code: str, where: tuple[Location, ...]) -> str:
    # Lines move when a file is edited and folders differ from machine to machine: the identity of
    # a finding rests on what it is about.
    parts = [
        msgspec.structs.replace(place, line=None, file=None)
        if isinstance(place, Row | Key)
        else place
        for place in where
    ]
    return hashlib.sha256(code.encode() + msgspec.json.encode(parts)).hexdigest()[:12]


def _suppress(outcomes: Outcomes, settings: Settings, today: dt.date) -> None:
    kept: list[Finding] = []
    for finding in outcomes.findings:
        hidden = any(
            (suppression.until is None or today <= suppression.until)
            and registry.matches(registry.find(finding.code), suppression.check)
            and _place_matches(finding, suppression.where)
            for suppression in settings.suppress
        )
        (outcomes.suppressed if hidden else kept).append(finding)
    outcomes.findings = kept


def _place_matches(finding: Finding, pattern: str) -> bool:
    if not pattern:
        return True
    names = [
        str(getattr(place, attribute))
        for place in finding.where
        for attribute in ("file", "path", "split", "metric", "name")
        if getattr(place, attribute, None) is not None
    ]
    return any(fnmatch.fnmatch(name, pattern) for name in names)


def _order(finding: Finding) -> tuple[int, int, str, str]:
    return (
        list(Severity).index(finding.severity or Severity.INFO),
        list(Confidence).index(finding.confidence or Confidence.LOW),
        finding.code,
        finding.message,
    )
