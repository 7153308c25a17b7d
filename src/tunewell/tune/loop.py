"""The loop: check, train, diagnose, change one thing, prove it, repeat until nothing helps."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from tunewell.core.finding import Confidence, Edit, Finding, Safety, Severity
from tunewell.core.progress import Progress
from tunewell.core.proof import Proof, Verdict
from tunewell.engine.examine import Outcomes, examine
from tunewell.engine.settings import Settings
from tunewell.facts.evaluation import majority_share
from tunewell.proof.compare import compare
from tunewell.proof.experiment import prove
from tunewell.proof.scores import Metric
from tunewell.tune.limits import Limits
from tunewell.tune.moves import Move, explore, propose
from tunewell.tune.project import Project, row_edits
from tunewell.tune.trials import Trial, Trials

BEFORE_TRAINING = ("data", "hyperparameters", "hardware")
AFTER_TRAINING = ("fit", "metrics", "errors")

SKEWED_MAJORITY = 0.5
"""From this share of the largest class on, macro-F1 decides instead of accuracy: then always
naming that class is right more often than not."""


@dataclass(frozen=True, slots=True)
class Work:
    """What every step of a session needs: where trainings run, how far to go, whom to tell."""

    trials: Trials
    settings: Settings
    limits: Limits
    progress: Progress
    extra: Sequence[object]
    began: float


@dataclass(slots=True)
class Session:
    """What a tuning session did, in the order in which it did it."""

    start: Project
    final: Project
    outcomes: Outcomes
    metric: Metric
    first: Trial
    last: Trial
    model: Path = Path()
    repair: tuple[Edit, ...] = ()
    proofs: list[Proof] = field(default_factory=list)
    last_word: list[Proof] = field(default_factory=list)
    not_tried: list[str] = field(default_factory=list)
    remaining: list[Finding] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def changed(self) -> bool:
        """Whether anything was kept, proven or, for want of time, not."""
        return any(proof.kept for proof in self.proofs) or (
            self.final.dataset.train is not self.start.dataset.train
        )


def tune(
    project: Project,
    trials: Trials,
    *,
    extra: Sequence[object] = (),
    settings: Settings,
    limits: Limits,
    progress: Progress,
) -> Session:
    """Improve a project by proven changes only.

    Args:
        project: with a training, an evaluation and a test split; only the last comparison ever
            looks at the test split.
        trials: where trainings are run and remembered.
        extra: further subjects for the checks before training (tokenization, machine ...).
        settings: selection and thresholds of the checks.
        limits: seconds, moves, seeds and error rate.
        progress: told what is going on.
    """
    work = Work(trials, settings, limits, progress, extra, began=time.monotonic())
    before = examine(
        [project.dataset, project.recipe, *extra], settings=settings, families=BEFORE_TRAINING
    )
    repair = _repairs(before.findings)
    # Faults in the rows that judge are mended first and for both sides: nothing can be measured
    # with a broken yardstick, and a yardstick is not a change of the model.
    start = project.edited(row_edits(repair, train=False))
    train_repair = row_edits(repair, train=True)
    state = start.edited(train_repair)

    progress.note("training once as the project stands")
    first = trials.run(start, limits.seeds[0])
    diagnosis = _diagnose(state, first, settings)
    metric: Metric = (
        "macro_f1" if majority_share(first.evaluation) >= SKEWED_MAJORITY else "accuracy"
    )
    session = Session(
        start=start,
        final=state,
        outcomes=_joined(before, diagnosis, _subjects(state, first)),
        metric=metric,
        first=first,
        last=first,
        repair=train_repair,
    )
    _climb(session, work)
    if train_repair:
        _prove_repair(session, work)
    session.last = trials.run(session.final, limits.seeds[0])
    session.model = trials.model(session.final)
    trials.drop_models(keep=session.model)
    session.remaining = _diagnose(session.final, session.last, settings).findings
    if session.changed:
        _last_word(session, work)
    session.seconds = time.monotonic() - work.began
    return session


def _repairs(findings: Sequence[Finding]) -> tuple[Edit, ...]:
    """Edits of rows that the checks offer with enough confidence, first fix of each finding."""
    edits: list[Edit] = []
    for finding in findings:
        fixes = [f for f in finding.fixes if f.edits and f.safety is not Safety.MANUAL]
        if (
            fixes
            and finding.confidence is Confidence.HIGH
            and finding.severity is not Severity.INFO
        ):
            edits += [e for train in (True, False) for e in row_edits(fixes[0].edits, train=train)]
    return tuple(edits)


def _diagnose(project: Project, trial: Trial, settings: Settings) -> Outcomes:
    return examine(_subjects(project, trial), settings=settings, families=AFTER_TRAINING)


def _subjects(project: Project, trial: Trial) -> list[object]:
    subjects: list[object] = [project.dataset, project.recipe, trial.trace, trial.evaluation]
    if trial.model_state is not None:
        subjects.append(trial.model_state)
    return subjects


def _climb(session: Session, work: Work) -> None:
    """Try one move after the other from where the last kept one led."""
    tried: set[frozenset[tuple[str, object]]] = set()
    findings = session.outcomes.findings
    while len(session.proofs) < work.limits.moves:
        move = _next(findings, session.final, tried, explore_too=work.limits.explore)
        if move is None:
            return
        tried.add(move.target)
        changed = session.final.edited(move.edits)
        if not _affordable(session, changed, work):
            session.not_tried.append(f"{move.title} ({move.because}): no time left")
            continue
        work.progress.note(f"trying: {move.title} (because of {move.because})")
        proof = _prove(session.final, changed, move.title, work, session.metric)
        kept = proof.verdict is Verdict.BETTER
        session.proofs.append(
            msgspec.structs.replace(proof, kept=kept, reason=move.because, edits=move.edits)
        )
        work.progress.note(f"{'kept' if kept else 'not kept'}: {proof.sentence}")
        if kept:
            session.final = changed
            findings = _findings_now(changed, work)


def _findings_now(project: Project, work: Work) -> list[Finding]:
    """What the checks say of the project and of its run as they are now."""
    before = examine(
        [project.dataset, project.recipe, *work.extra],
        settings=work.settings,
        families=BEFORE_TRAINING,
    )
    trial = work.trials.run(project, work.limits.seeds[0])
    return [*before.findings, *_diagnose(project, trial, work.settings).findings]


def _next(
    findings: Sequence[Finding],
    project: Project,
    tried: set[frozenset[tuple[str, object]]],
    *,
    explore_too: bool,
) -> Move | None:
    for move in propose(findings, project.recipe):
        if move.target not in tried:
            return move
    if explore_too:
        for move in explore(project.recipe):
            if move.target not in tried:
                return move
    return None


def _affordable(session: Session, changed: Project, work: Work, *, last: bool = False) -> bool:
    """Whether the change can be trained once for every seed in the time that is left.

    Time for the experiment with the bad rows is kept back, unless this is that `last` one.
    """
    if work.limits.seconds is None:
        return True
    epochs = changed.recipe.num_train_epochs / session.start.recipe.num_train_epochs
    experiments = 2 if session.repair and not last else 1
    needed = session.first.seconds * epochs * len(work.limits.seeds) * experiments
    return time.monotonic() - work.began + needed <= work.limits.seconds


def _prove(control: Project, change: Project, title: str, work: Work, metric: Metric) -> Proof:
    return prove(
        lambda seed: work.trials.run(control, seed).evaluation,
        lambda seed: work.trials.run(change, seed).evaluation,
        title=title,
        seeds=work.limits.seeds,
        metric=metric,
        alpha=work.limits.alpha,
        comparisons=work.limits.moves,
        progress=work.progress,
    )


def _prove_repair(session: Session, work: Work) -> None:
    """Put the bad rows back under the final recipe: the repair must not have done harm.

    This is an ablation at the end and not a first step, because a recipe that cannot learn cannot
    tell good rows from bad ones. The repair is kept unless the experiment shows harm: its reason
    is that the rows are wrong, not that the score rises.
    """
    rows = len(session.start.dataset.train) - len(session.final.dataset.train)
    title = f"repair the training rows ({rows:,} dropped)"
    with_bad_rows = Project(
        session.start.dataset, session.final.recipe, session.final.model, session.final.notes
    )
    if not _affordable(session, with_bad_rows, work, last=True):
        session.not_tried.append(f"{title}: kept without an experiment, no time left")
        return
    work.progress.note(f"trying: {title}, by putting them back")
    proof = _prove(with_bad_rows, session.final, title, work, session.metric)
    harmful = proof.verdict is Verdict.WORSE
    codes = sorted({f.code for f in session.outcomes.findings if f.family == "data" and f.fixes})
    session.proofs.insert(
        0,
        msgspec.structs.replace(
            proof, kept=not harmful, reason=", ".join(codes), edits=session.repair
        ),
    )
    work.progress.note(f"{'not kept' if harmful else 'kept'}: {proof.sentence}")
    if harmful:
        session.final = with_bad_rows


def _last_word(session: Session, work: Work) -> None:
    """Before against after on the test rows, which no choice has seen."""
    before = [work.trials.run(session.start, seed).test for seed in work.limits.seeds]
    after = [work.trials.run(session.final, seed).test for seed in work.limits.seeds]
    metrics: tuple[Metric, ...] = ("accuracy", "macro_f1")
    for metric in metrics:
        session.last_word.append(
            compare(
                before, after, title="before against after", metric=metric, alpha=work.limits.alpha
            )
        )


def _joined(first: Outcomes, second: Outcomes, subjects: Sequence[object]) -> Outcomes:
    """Both outcomes as one, with the causes of all that was found."""
    joined = Outcomes(
        findings=[*first.findings, *second.findings],
        passed=[*first.passed, *second.passed],
        not_applicable=[*first.not_applicable, *second.not_applicable],
        not_run=[*first.not_run, *second.not_run],
        broken=[*first.broken, *second.broken],
        suppressed=[*first.suppressed, *second.suppressed],
    )
    joined.explain(subjects)
    return joined
