"""Which cause lies behind the findings of a run, and how well it can be told from others.

Each cause of the table (knowledge/causes.toml) gets points: for a finding that names it, for
findings that it explains, and for facts about the run; facts that do not fit take points off. The
cause with most points takes the findings that it explains, and the rest is asked again. A cause
that no finding names and that leads by less than `LEAD` is named with the one behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from tunewell.core.document import Cause
from tunewell.core.finding import Confidence, Finding, Fix, Safety, SetKey, Severity
from tunewell.core.mask import mask_all
from tunewell.facts.recipe import change
from tunewell.facts.run.fact import Seen, Told, known
from tunewell.knowledge.causes import KnownCause, Root, table
from tunewell.subjects.model_state import ModelState
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.trace import Trace

NO_RUN = Trace(source="", columns={})

NAMED = {Confidence.HIGH: 4.0, Confidence.MEDIUM: 3.0, Confidence.LOW: 1.0}
"""Points of a finding that names a cause."""

SUPPORTED = 0.75
"""Points of facts from which on a cause that no finding names is said to be likely."""

LEAD = 1.0
"""Points by which such a cause must lead, to be told from the one behind it."""

LIKELY = 2.0
"""Points of facts from which on it is said with medium confidence."""

FORERUNNER = 0.6
"""Share of another cause's points from which on one that brings it about is named before it."""

RIVALS_NAMED = 2
FACTS_NAMED = 3
NOT_CHECKED_NAMED = 3


@dataclass(frozen=True, slots=True)
class Weighed:
    """A cause with its points: from findings that name it, that it explains, and from facts."""

    cause: KnownCause
    roots: tuple[Finding, ...]
    symptoms: tuple[Finding, ...]
    speaks_for: tuple[Told, ...]
    speaks_against: tuple[Told, ...]
    support: float
    score: float

    @property
    def explained(self) -> tuple[Finding, ...]:
        """The findings that it accounts for, those that name it first."""
        return (*self.roots, *self.symptoms)

    @property
    def supported(self) -> bool:
        """Whether more than its mere possibility speaks for it."""
        return bool(self.roots) or self.support >= SUPPORTED


def find_causes(
    findings: Sequence[Finding],
    subjects: Iterable[object],
    *,
    how_to_pass: Mapping[str, str] | None = None,
) -> tuple[tuple[Cause, ...], list[Finding]]:
    """Name the causes of a run's findings and put the findings in their order.

    Args:
        findings: by severity.
        subjects: what was examined. Without a `Trace` among it, as before a training, a cause is
            named only where a finding names it and another one follows from it.
        how_to_pass: by the name of a subject, how to pass one that is missing.

    Returns:
        The causes, the likeliest first, and the findings: those of a cause stand together, the one
        that names it first, where the worst of them stood.
    """
    by_type = {type(subject): subject for subject in subjects}
    trace, recipe, state = by_type.get(Trace), by_type.get(Recipe), by_type.get(ModelState)
    serious = [finding for finding in findings if finding.severity is not Severity.INFO]
    if not serious:
        return (), list(findings)
    seen = Seen(
        trace if isinstance(trace, Trace) else NO_RUN,
        recipe if isinstance(recipe, Recipe) else None,
        state if isinstance(state, ModelState) else None,
    )
    weighed = [w for cause in table() if (w := _weigh(cause, serious, seen)) is not None]
    if seen.trace is NO_RUN:
        weighed = [one for one in weighed if one.roots and len(one.explained) > 1]
    chosen = _choose(weighed)
    passed = {kind.__name__ for kind in by_type}
    causes = [_told(one, rivals, seen, passed, how_to_pass or {}) for one, rivals in chosen]
    mended = [
        _mended(one, cause, seen.recipe) for (one, _), cause in zip(chosen, causes, strict=True)
    ]
    ordered = _ordered(findings, mended, run=seen.trace is not NO_RUN)
    return mask_all(tuple(causes)), ordered


def _weigh(cause: KnownCause, findings: Sequence[Finding], seen: Seen) -> Weighed | None:
    roots = tuple(f for f in findings if any(_names(root, f) for root in cause.roots))
    symptoms = tuple(f for f in findings if f not in roots and f.name in cause.symptoms)
    if not roots and not symptoms:
        return None
    speaks_for, support = _facts(cause.speaks_for, seen)
    against, taken_off = _facts(cause.speaks_against, seen)
    named = sorted((NAMED[f.confidence or Confidence.LOW] for f in roots), reverse=True)
    # A second finding that names the same cause is little news beside the first.
    score = sum(points / 2**place for place, points in enumerate(named))
    score += sum(cause.symptoms[f.name] for f in symptoms) + support - taken_off
    return Weighed(cause, roots, symptoms, speaks_for, against, support - taken_off, score)


def _names(root: Root, finding: Finding) -> bool:
    if root.check not in (finding.name, finding.code):
        return False
    if not root.fix:
        return True
    edits = [edit for fix in finding.fixes for edit in fix.edits if isinstance(edit, SetKey)]
    for edit in edits[:1]:
        if isinstance(edit.old, int | float) and isinstance(edit.new, int | float):
            return (root.fix == "raises") == (edit.new > edit.old)
    return False


def _facts(weights: Mapping[str, float], seen: Seen) -> tuple[tuple[Told, ...], float]:
    """The facts that hold, the weightiest first, and their points."""
    facts = known()
    held: list[tuple[float, Told]] = []
    for name, weight in weights.items():
        fact = facts[name]
        told = None if fact.missing(seen) else fact.tell(seen)
        if told is not None:
            held.append((weight * told.strength, told))
    held.sort(key=lambda pair: -pair[0])
    return tuple(told for _, told in held), sum(points for points, _ in held)


def _choose(weighed: Sequence[Weighed]) -> list[tuple[Weighed, tuple[Weighed, ...]]]:
    """The causes to be named, each with those that cannot be told from it."""
    # A mere possibility comes after everything that something speaks for.
    likeliest = sorted(weighed, key=lambda one: (not one.supported, -one.score))
    left = _with_forerunners_first(likeliest)
    chosen: list[tuple[Weighed, tuple[Weighed, ...]]] = []
    accounted: list[Finding] = []
    while left:
        first = left.pop(0)
        new = [f for f in first.explained if f not in accounted]
        # What only could be a cause is not named beside one that is known to be.
        own = [f for f in first.roots if f not in accounted]
        if not new or (chosen and not own and not first.supported):
            continue
        rivals = () if first.roots else _rivals(first, left, new)
        chosen.append((first, rivals))
        chosen += [(rival, (first, *(r for r in rivals if r is not rival))) for rival in rivals]
        left = [one for one in left if one not in rivals]
        for one in (first, *rivals):
            accounted += [f for f in one.explained if f not in accounted]
    return chosen


def _with_forerunners_first(order: list[Weighed]) -> list[Weighed]:
    for one in list(order):
        for earlier in order[: order.index(one)]:
            brings_about = earlier.cause.id in one.cause.precedes
            shared = any(f in earlier.explained for f in one.explained)
            if (
                brings_about
                and shared
                and one.supported
                and (one.score >= FORERUNNER * earlier.score)
            ):
                order.remove(one)
                order.insert(order.index(earlier), one)
                break
    return order


def _rivals(
    first: Weighed, others: Sequence[Weighed], findings: Sequence[Finding]
) -> tuple[Weighed, ...]:
    """Causes that account for the same findings nearly as well, and that something speaks for."""
    close = [
        one
        for one in others
        if first.score - one.score < LEAD
        and (one.roots or one.speaks_for)
        and one.supported >= first.supported
        and all(f in one.explained for f in findings)
    ]
    return tuple(close[: RIVALS_NAMED - 1])


def _told(
    one: Weighed,
    rivals: Sequence[Weighed],
    seen: Seen,
    passed: set[str],
    how_to_pass: Mapping[str, str],
) -> Cause:
    return Cause(
        id=one.cause.id,
        title=one.cause.title,
        confidence=_confidence(one, rivals),
        explains=tuple(dict.fromkeys(finding.code for finding in one.explained)),
        root=one.roots[0].code if one.roots else "",
        speaks_for=tuple(told.text for told in one.speaks_for[:FACTS_NAMED]),
        speaks_against=tuple(told.text for told in one.speaks_against[:FACTS_NAMED]),
        fix=one.cause.fix,
        would_refute=one.cause.refutes,
        not_checked=_not_checked(one.cause, seen, passed, how_to_pass),
        rivals=tuple(rival.cause.id for rival in rivals),
    )


def _confidence(one: Weighed, rivals: Sequence[Weighed]) -> Confidence:
    if one.roots:
        return one.roots[0].confidence or Confidence.LOW
    return Confidence.MEDIUM if one.support >= LIKELY and not rivals else Confidence.LOW


def _not_checked(
    cause: KnownCause, seen: Seen, passed: set[str], how_to_pass: Mapping[str, str]
) -> tuple[str, ...]:
    facts = known()
    lines = [
        f"{facts[name].about}: {reason}"
        for name in (*cause.speaks_for, *cause.speaks_against)
        if seen.trace is not NO_RUN
        and facts[name].asks_of(seen.trace)
        and (reason := facts[name].missing(seen))
    ]
    lines += [
        f"{need.why}: {how_to_pass.get(need.subject, f'needs a {need.subject}')}"
        for need in cause.needs
        if need.subject not in passed
    ]
    return tuple(dict.fromkeys(lines))[:NOT_CHECKED_NAMED]


def _mended(one: Weighed, cause: Cause, recipe: Recipe | None) -> Weighed:
    """The cause's findings, with its own fix where theirs would not mend it.

    A loss near that of guessing asks for a higher rate; where the rate is too high already, that
    advice does harm. A cause of low confidence changes no advice.
    """
    if cause.confidence is Confidence.LOW:
        return one
    fix = Fix(title=one.cause.fix, safety=Safety.MANUAL)
    told = one.cause.change
    if recipe is not None and told is not None and told.setting not in recipe.unknown:
        value = float(getattr(recipe, told.setting)) * told.times
        edit = change(recipe, told.setting, float(f"{value:.3g}"))
        fix = Fix(title=one.cause.fix, safety=Safety.UNSAFE, edits=(edit,))
    return replace(
        one,
        symptoms=tuple(
            msgspec.structs.replace(f, fixes=(fix,)) if f.name in one.cause.misled else f
            for f in one.symptoms
        ),
    )


def _ordered(findings: Sequence[Finding], causes: Sequence[Weighed], *, run: bool) -> list[Finding]:
    """Findings of one cause together, where the worst of them stood; the others by severity.

    The first cause of a `run` comes before everything that is no worse than its worst finding.
    """
    groups: list[list[Finding]] = []
    taken: set[str] = set()
    for one in causes:
        group = [finding for finding in one.explained if finding.code not in taken]
        taken |= {finding.code for finding in group}
        root = one.roots[0].code if one.roots else ""
        groups += [[f if f.code == root else _because_of(f, root) for f in group]] if group else []
    groups += [[finding] for finding in findings if finding.code not in taken]
    places = {finding.code: place for place, finding in enumerate(findings)}
    groups.sort(
        key=lambda group: min(
            (_rank(finding), 0 if run else places[finding.code]) for finding in group
        )
    )
    return [finding for group in groups for finding in group]


def _because_of(finding: Finding, root: str) -> Finding:
    return msgspec.structs.replace(finding, because_of=root) if root else finding


def _rank(finding: Finding) -> int:
    return list(Severity).index(finding.severity or Severity.INFO)
