"""Documents that look like real ones, for the tests of every renderer and to look at."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec
import numpy as np

from tunewell.core.document import Cause, Document, Examined, Outcome, Section
from tunewell.core.finding import (
    AddRows,
    Bar,
    Bars,
    Category,
    Chart,
    Classes,
    Confidence,
    DropRows,
    File,
    Finding,
    Fix,
    JoinTurns,
    Key,
    Layers,
    Limit,
    LogLine,
    Mark,
    Matrix,
    MoveRows,
    Number,
    RenameKey,
    Row,
    Safety,
    Series,
    SetKey,
    SetLabel,
    SetText,
    Severity,
    Steps,
    Stretch,
    Table,
    Tensor,
    Text,
    Tokens,
)
from tunewell.core.proof import Estimate, Proof, Verdict

EMPTY = Finding(
    code="DAT004",
    name="empty-text",
    family="data",
    category=Category.CORRECTNESS,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    message="37 of 512 rows have no text",
    where=tuple(
        Row(split="train", index=110 + 3 * i, file="data/train.csv", line=112 + 3 * i)
        for i in range(37)
    ),
    where_total=37,
    evidence=(
        Number(name="rows without text", value=7.2265625, unit="%", bound="at most 0 rows"),
        Text(name="row 112", text='"   ",card_arrival'),
    ),
    impact="the model is trained or judged on nothing in these rows",
    fixes=(
        Fix(
            title="drop 37 empty rows",
            safety=Safety.UNSAFE,
            edits=(DropRows(split="train", rows=tuple(110 + 3 * i for i in range(37))),),
        ),
    ),
    covers=("D36",),
    fingerprint="0a1b2c3d4e5f",
    url="docs/reference/checks/empty-text.md",
)
RATE = Finding(
    code="HYP001",
    name="learning-rate-too-low",
    family="hyperparameters",
    category=Category.SUSPICIOUS,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    message="the learning rate 1e-06 is 20 times below the range that works for an encoder",
    where=(Key(path="learning_rate", file="tunewell.toml", line=4),),
    where_total=1,
    evidence=(Number(name="learning rate", value=1e-6, bound="2e-05 to 5e-05"),),
    impact="the loss fell by 3 % in the whole run",
    fixes=(
        Fix(
            title="set learning_rate to 5e-05",
            safety=Safety.UNSAFE,
            edits=(SetKey(path="learning_rate", old=1e-6, new=5e-5, file="tunewell.toml", line=4),),
        ),
    ),
    fingerprint="1a1b2c3d4e5f",
    url="docs/reference/checks/learning-rate-too-low.md",
)
LEAK = Finding(
    code="DAT011",
    name="train-test-leakage",
    family="data",
    category=Category.CORRECTNESS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    message="21 of 480 evaluation rows are also in the training data, word for word or nearly so",
    where=(
        Row(split="eval", index=17, file="data/test.csv", line=19),
        Row(split="eval", index=40, file="data/test.csv", line=42),
    ),
    where_total=21,
    evidence=(
        Number(name="leaked rows", value=4.375, unit="%", low=2.7, high=6.6, bound="0.5 %"),
        Table(
            name="pairs",
            columns=("evaluation row", "training row", "likeness"),
            rows=(
                ("I am still waiting on my card?", "I am still waiting on my card", 0.98),
                ("Where is my new card 你好 🙂", "where is my new card", 0.91),
                ("What can I do if my card still hasn't arrived after 2 weeks?", None, 1.0),
            ),
            total=21,
        ),
    ),
    impact="accuracy is measured too high, by up to 4.4 points",
    fixes=(
        Fix(
            title="drop the copies from the training data",
            safety=Safety.UNSAFE,
            edits=(DropRows(split="train", rows=(4,)),),
        ),
        Fix(title="or choose other evaluation rows", safety=Safety.MANUAL),
    ),
    fingerprint="2a1b2c3d4e5f",
    url="docs/reference/checks/train-test-leakage.md",
)
LABELS = Finding(
    code="DAT012",
    name="conflicting-labels",
    family="data",
    category=Category.CORRECTNESS,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    message="6 texts carry two labels",
    where=(Row(split="train", index=9, file="data/train.csv", line=11),),
    where_total=12,
    evidence=(Text(name="one of them", text="<b>card</b> & 'chip' </script> not working"),),
    impact="no model can answer both rows right",
    fixes=(
        Fix(
            title="keep the label of the majority",
            safety=Safety.UNSAFE,
            edits=(
                SetLabel(split="train", rows=(9, 31), old="card_arrival", new="card_linking"),
                SetText(split="train", row=12, old="teh card", new="the card"),
            ),
        ),
    ),
    fingerprint="3a1b2c3d4e5f",
)
SMALL = Finding(
    code="MET003",
    name="evaluation-too-small",
    family="metrics",
    category=Category.SUSPICIOUS,
    severity=Severity.INFO,
    confidence=Confidence.HIGH,
    message="with 480 evaluation rows a difference under 2.9 points cannot be told from chance",
    where=(File(path="data/test.csv"),),
    where_total=1,
    evidence=(Number(name="rows", value=480, unit="rows", bound="at least 1,600"),),
    fingerprint="4a1b2c3d4e5f",
)
PASSED = tuple(
    Outcome(check=code, name=name, reason=summary)
    for code, name, summary in (
        ("DAT001", "file-is-not-what-it-says", "A file whose content is not what its name says."),
        ("DAT002", "broken-rows", "Rows that do not have the columns of the header."),
        ("DAT005", "exact-duplicates", "Rows that stand in one split more than once."),
        ("DAT013", "label-outside-head", "Labels that the model's head does not have."),
        ("DAT021", "truncation", "Rows that are cut before the model sees them."),
        ("HYP004", "batch-size-odd", "A batch size far from what others use."),
        ("HW002", "memory-too-small", "A run that will not fit the memory."),
    )
)
NOT_RUN = (
    Outcome(
        check="FIT001",
        name="overfitting",
        reason="pass a run: its output folder, trainer_state.json or run folder",
    ),
    Outcome(check="MET001", name="accuracy-alone", reason="pass predictions: --predictions FILE"),
    Outcome(check="ADA004", name="drift", reason="pass current and new data to tunewell adapt"),
)
EXAMINED = (
    Examined(
        what="training data",
        path="data/train.csv",
        reason=(
            "10,003 rows of single-label classification; csv; text is 'text' (by its name), "
            "label is 'category' (by its name)"
        ),
    ),
    Examined(
        what="evaluation data",
        path="data/test.csv",
        reason="3,080 rows of single-label classification; csv",
    ),
    Examined(what="settings", path="tunewell.toml", reason="the standard name"),
)


def check_document() -> Document:
    """`tunewell check` of a folder with two errors, two warnings and a remark."""
    return Document(
        command="check",
        title="banking",
        verdict="Fix this first: 37 of 512 rows have no text, and 4 further findings.",
        tunewell="0.1.0",
        findings=(EMPTY, RATE, LABELS, LEAK, SMALL),
        passed=PASSED,
        not_applicable=(
            Outcome(check="DAT030", name="chat-template", reason="the data has no conversations"),
        ),
        not_run=NOT_RUN,
        broken=(
            Outcome(
                check="DAT022", name="odd-language", reason="KeyError: 'xx' (odd_language.py:41)"
            ),
        ),
        examined=EXAMINED,
        facts={"train_rows": 512},
    )


def healthy_document() -> Document:
    """`tunewell check` of a folder with nothing wrong."""
    return Document(
        command="check",
        title="banking",
        verdict="Nothing wrong was found by 7 checks.",
        tunewell="0.1.0",
        passed=PASSED,
        not_run=NOT_RUN[:1],
        examined=EXAMINED,
    )


def curves(steps: int = 2_000) -> tuple[Series, ...]:
    """Training loss with a spike and two lost values, gradient norm, and evaluation loss."""
    random = np.random.default_rng(5)
    at = np.arange(1, steps + 1)
    loss = 0.35 + 3.2 * np.exp(-at / (0.25 * steps)) + random.normal(0, 0.05, steps)
    norm = 1 + random.gamma(2.0, 0.2, steps)
    spike = int(0.62 * steps)
    loss[spike : spike + steps // 20] += np.linspace(1.4, 0, steps // 20)
    norm[spike] = 38.0
    values = tuple(None if 40 <= i < 43 else round(float(v), 4) for i, v in enumerate(loss))
    every = range(steps // 10, steps + 1, steps // 10)
    judged = [3.0, 2.1, 1.5, 1.1, 0.95, 0.9, 0.93, 1.0, 1.1, 1.22]
    return (
        Series(
            name="loss",
            steps=tuple(at.tolist()),
            values=values,
            marks=(Mark(step=40, text="not finite", last=43),),
        ),
        Series(name="grad_norm", steps=tuple(at.tolist()), values=tuple(norm.round(3).tolist())),
        Series(
            name="eval_loss",
            steps=tuple(every),
            values=tuple(judged),
            marks=(Mark(step=every[5], text="lowest"),),
        ),
    )


def spike_finding(steps: int = 2_000) -> Finding:
    """A finding with a place on a curve."""
    first = int(0.62 * steps) + 1
    return Finding(
        code="FIT005",
        name="loss-spike",
        family="fit",
        category=Category.SUSPICIOUS,
        severity=Severity.WARNING,
        confidence=Confidence.MEDIUM,
        message=f"the gradient norm rose 38-fold at step {first:,} and the loss took "
        f"{steps // 20:,} steps to return",
        where=(
            Steps(metric="loss", first=first, last=first + steps // 20),
            Steps(metric="grad_norm", first=first, last=first),
        ),
        where_total=2,
        evidence=(
            Number(name="gradient norm against its median", value=38.4, bound="at most 10"),
            curves(steps)[1],
        ),
        impact=f"about {steps // 20:,} steps, 5 % of the run, were spent coming back",
        fixes=(
            Fix(
                title="set max_grad_norm to 1",
                safety=Safety.UNSAFE,
                edits=(SetKey(path="max_grad_norm", old=None, new=1.0, file="tunewell.toml"),),
            ),
        ),
        fingerprint="5a1b2c3d4e5f",
    )


def runs_document() -> Document:
    """`tunewell compare` of two configurations, one of them with two seeds."""
    labels = ("A, seed 0", "A, seed 1", "B")
    lost = [None if 2 <= step < 5 else value for step, value in enumerate(curves(60)[2].values)]
    series = tuple(
        msgspec.structs.replace(one, of=label, values=tuple(lost) if label == "B" else one.values)
        for one in (curves(60)[2], curves(60)[0])
        for label in labels
    )
    rows = (
        ("A", "base-0", "0", "0.81 (24)", "0.8", "0.018 (480 rows)", "3 min 2 s"),
        ("A", "base-1", "1", "0.84 (30)", "0.84", "0.017 (480 rows)", "3 min 5 s"),
        ("B", "a run with a name that is long", "0", "0.86 (60)", "0.86", "not known", "-"),
    )
    columns = ("", "run", "seed", "best (step)", "last", "noise", "time")
    scores = Table(name="scores", columns=columns, rows=rows, total=3)
    return Document(
        command="compare",
        title="3 runs",
        verdict="No difference is shown: eval_accuracy of B is +0.04 against A.",
        tunewell="0.1.0",
        sections=(
            Section(id="scores", title="Scores", text="More is better.", evidence=(scores,)),
            Section(id="overlaid", title="Curves", evidence=series),
        ),
    )


TOO_LOW = Cause(
    id="rate-too-low",
    title="the learning rate is too low",
    confidence=Confidence.HIGH,
    explains=("HYP001", "FIT002"),
    root="HYP001",
    speaks_for=(
        "the learning rate 1e-06 is 20 times below the published range (2e-05 to 5e-05)",
        "the loss moved by 0.3 % in the whole run",
    ),
    fix="ten times the learning rate",
    would_refute="the same run at ten times the rate learns no more",
    not_checked=("whether gradients were clipped: the log has no grad_norm",),
)
"""A cause that a finding names."""

EITHER = tuple(
    Cause(
        id=id_,
        title=title,
        confidence=Confidence.LOW,
        explains=("FIT005",),
        speaks_for=said,
        speaks_against=against,
        would_refute=refuted,
        rivals=(other,),
    )
    for id_, title, said, against, refuted, other in (
        (
            "rate-too-high",
            "the learning rate is too high",
            ("the gradient norm rose from 1.3 to 38 before the loss went wrong at step 1,241",),
            (),
            "the same run at a tenth of the rate goes wrong in the same way",
            "order-of-rows",
        ),
        (
            "order-of-rows",
            "the rows come in an order that the model notices",
            ("the loss rose at 2 of 3 borders between epochs by more than its scatter",),
            ("the learning rate 3e-05 lies within the published range (2e-05 to 5e-05)",),
            "the same rows, shuffled in each epoch, give the same curve",
            "rate-too-high",
        ),
    )
)
"""Two causes that the evidence cannot tell apart."""

FLAT = Finding(
    code="FIT002",
    name="underfitting",
    family="fit",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    message="training loss ended at 4.33, 100 % of the 4.34 that guessing among 77 classes costs",
    where=(Steps(metric="loss", first=1, last=600),),
    where_total=1,
    because_of="HYP001",
    fingerprint="6a1b2c3d4e5f",
)


def run_document() -> Document:
    """`tunewell diagnose` of a run whose cause a finding names, and of a second trouble in it."""
    return Document(
        command="diagnose",
        title="run-7",
        verdict=f"The learning rate is too low: {RATE.message}, and 2 further findings.",
        tunewell="0.1.0",
        causes=(TOO_LOW, *EITHER),
        findings=(RATE, FLAT, spike_finding()),
        passed=PASSED,
        not_run=NOT_RUN[1:],
        sections=(Section(id="curves", title="Learning curves", evidence=curves()),),
    )


def matrix(classes: int = 12, seed: int = 3) -> Matrix:
    """A confusion matrix that is mostly right, with two pairs of classes mixed up."""
    random = np.random.default_rng(seed)
    counts = np.diag(random.integers(28, 40, classes))
    for _ in range(classes * 2):
        counts[random.integers(classes), random.integers(classes)] += random.integers(1, 3)
    counts[0, 1] = 9
    counts[3, 2] = 7
    words = ("card arrival", "card linking", "top up", "transfer", "exchange rate", "pin", "age")
    return Matrix(
        name="evaluation rows",
        labels=tuple(f"{words[i % 7]} {i // 7 or ''}".strip() for i in range(classes)),
        counts=tuple(tuple(int(count) for count in row) for row in counts),
    )


def estimate(name: str, value: float, half: float) -> Estimate:
    """An estimate with a symmetric interval."""
    return Estimate(name=name, value=value, low=value - half, high=value + half)


def tune_document() -> Document:
    """`tunewell tune` that kept two changes of three."""
    table = Table(
        name="before and after",
        columns=("metric", "before", "after", "difference", "p"),
        rows=(
            (
                "accuracy",
                "41.2 % (36.9 to 45.7)",
                "88.5 % (85.4 to 91.2)",
                "+47.3 (+42.6 to +51.9)",
                "< 0.0001",
            ),
            (
                "macro-F1",
                "37.1 % (32.8 to 41.5)",
                "88.1 % (84.9 to 90.9)",
                "+51.0 (+46.1 to +55.8)",
                "< 0.0001",
            ),
        ),
        total=2,
    )
    proofs = (
        Proof(
            title="drop 37 empty rows and 21 leaked rows",
            verdict=Verdict.NO_DIFFERENCE,
            sentence="No difference was shown, and the rows are wrong whatever they cost.",
            metric="accuracy",
            control=estimate("accuracy", 0.412, 0.044),
            change=estimate("accuracy", 0.421, 0.044),
            difference=estimate("difference", 0.009, 0.019),
            p_value=0.41,
            fixed=19,
            broke=10,
            rows=480,
            seeds=(1, 2),
            kept=True,
            reason="a data fault of high confidence, and nothing got worse",
            edits=(DropRows(split="train", rows=tuple(range(58))),),
            seconds=61.0,
        ),
        Proof(
            title="learning_rate 1e-06 to 5e-05",
            verdict=Verdict.BETTER,
            sentence="Accuracy rose by 46.4 points.",
            metric="accuracy",
            control=estimate("accuracy", 0.421, 0.044),
            change=estimate("accuracy", 0.885, 0.029),
            difference=estimate("difference", 0.464, 0.046),
            p_value=1e-40,
            fixed=231,
            broke=8,
            rows=480,
            seeds=(1, 2),
            kept=True,
            reason="better",
            edits=(SetKey(path="learning_rate", old=1e-6, new=5e-5, file="tunewell.toml", line=4),),
            seconds=63.0,
        ),
        Proof(
            title="weight_decay 0 to 0.1",
            verdict=Verdict.NOT_ENOUGH,
            sentence="480 rows cannot tell a difference of 0.4 points from chance.",
            metric="accuracy",
            control=estimate("accuracy", 0.885, 0.029),
            change=estimate("accuracy", 0.881, 0.029),
            difference=estimate("difference", -0.004, 0.012),
            p_value=0.62,
            fixed=7,
            broke=9,
            rows=480,
            seeds=(1, 2),
            reason="nothing was shown, so nothing was changed",
            edits=(SetKey(path="weight_decay", old=0.0, new=0.1, file="tunewell.toml", line=9),),
            rows_needed=9_400,
            seconds=64.0,
        ),
    )
    return Document(
        command="tune",
        title="banking",
        verdict="Accuracy rose from 41.2 % to 88.5 % on 480 evaluation rows (p < 0.001); "
        "2 of 3 changes were kept.",
        tunewell="0.1.0",
        findings=(EMPTY, RATE, spike_finding(), LEAK),
        passed=PASSED,
        not_run=NOT_RUN,
        examined=EXAMINED,
        sections=(
            Section(
                id="before-after",
                title="Before and after",
                text="Same 480 evaluation rows, two seeds.",
                evidence=(table,),
            ),
            Section(id="curves", title="Learning curves", evidence=curves()),
            Section(
                id="confusion",
                title="Where the tuned model is wrong",
                text="Rows are the true classes, columns the predicted ones.",
                evidence=(matrix(),),
            ),
        ),
        proofs=proofs,
        facts={"accuracy_before": 0.412, "accuracy_after": 0.885},
    )


KINDS = ("weights", "gradients", "optimizer", "activations", "logits", "other")


def memory_bars() -> Bars:
    """Memory of each phase of a step, which goes beyond what the GPU has."""
    return Bars(
        name="most memory at once in each phase",
        parts=KINDS,
        rows=(
            Bar(name="load", values=(14.2, 0.0, 0.0, 0.0, 0.0, 0.1)),
            Bar(name="forward", values=(14.2, 0.0, 0.3, 5.5, 2.3, 0.1)),
            Bar(name="backward", values=(14.2, 0.2, 0.3, 5.1, 4.6, 0.1)),
            Bar(name="optimizer", values=(14.2, 0.2, 0.3, 0.0, 0.0, 0.2)),
        ),
        unit="GiB",
        limits=(Limit(name="L4", value=22.5),),
    )


def memory_layers() -> Layers:
    """Memory through one step: activations grow in the forward pass and shrink in the backward."""
    steps = 60
    values = []
    for at in range(steps):
        share = at / 30 if at < 30 else max(0.0, (50 - at) / 20)
        logits = 4.0 if 27 <= at <= 32 else 0.0
        values.append((14.2, 0.2 if at > 35 else 0.0, 0.3, 5.5 * share, logits, 0.1))
    return Layers(
        name="memory through one step",
        axis="allocations",
        at=tuple(float(at) for at in range(steps)),
        parts=KINDS,
        values=tuple(values),
        unit="GiB",
        stretches=(
            Stretch(name="forward", first=0.0, last=29.0),
            Stretch(name="backward", first=30.0, last=50.0),
            Stretch(name="optimizer", first=51.0, last=59.0),
        ),
        limits=(Limit(name="L4", value=22.5),),
    )


def every_kind() -> Mapping[str, Finding]:
    """A finding for each kind of place, evidence and edit, by the kind's name."""
    places = (
        EMPTY.where[0],
        Row(split="train", index=3),
        RATE.where[0],
        Key(path="optim"),
        Steps(metric="loss", first=3, last=8),
        LogLine(file="train.log", line=77),
        File(path="model/"),
        Classes(names=("card arrival", "card linking")),
        Tensor(name="classifier.weight"),
    )
    evidence = (
        Number(name="share", value=None, unit="%"),
        Number(name="time", value=93.0, unit="seconds", low=90.0, high=95.0),
        curves(60)[0],
        msgspec.structs.replace(curves(60)[0], of="B, seed 1"),
        LEAK.evidence[1],
        matrix(77),
        Tokens(
            name="row 1", pieces=("[CLS]", "card", "##s", "[SEP]"), trained=(False, *[True] * 3)
        ),
        Text(name="log", text="line one\nline two\x1b[31m red"),
        Chart(
            name="lengths",
            spec={
                "mark": "bar",
                "data": {"values": [{"tokens": t, "rows": 40 - t} for t in range(5, 40, 5)]},
                "encoding": {
                    "x": {"field": "tokens", "type": "ordinal"},
                    "y": {"field": "rows", "type": "quantitative"},
                },
            },
        ),
        memory_bars(),
        memory_layers(),
    )
    edits = (
        SetKey(path="fp16", old=True, new=None, file="train.toml", line=3),
        RenameKey(key="evaluation_strategy", new="eval_strategy", file="train.py", line=9),
        DropRows(split="train", rows=tuple(range(40))),
        SetText(split="eval", row=7, old="caf\u00c3\u00a9", new="café"),
        SetLabel(split="train", rows=(1,), old="a", new="b"),
        AddRows(split="train", of=(1, 1, 2)),
        MoveRows(split="train", rows=(4,), to="eval"),
        JoinTurns(split="train", row=3, parts=(0, 1)),
    )
    findings = {}
    for number, thing in enumerate((*places, *evidence, *edits)):
        kind = f"{type(thing).__name__} {number}"
        findings[kind] = Finding(
            code=f"DAT{100 + number}",
            name=f"sample-{number}",
            severity=Severity.WARNING,
            confidence=Confidence.HIGH,
            message=f"a sample of {type(thing).__name__}",
            where=(thing,) if thing in places else (),
            where_total=1 if thing in places else 0,
            evidence=(thing,) if thing in evidence else (),
            fixes=(
                (Fix(title="do it", safety=Safety.SAFE, edits=(thing,)),) if thing in edits else ()
            ),
            fingerprint=f"{number:012x}",
        )
    return findings


def kinds_document() -> Document:
    """All kinds in one document, also as sections."""
    findings = tuple(every_kind().values())
    return Document(
        command="diagnose",
        verdict="Worth mending: a sample of Row, and 20 further findings.",
        tunewell="0.1.0",
        findings=findings,
        sections=tuple(
            Section(id=f"part-{i}", title=f"Part {i}", evidence=finding.evidence)
            for i, finding in enumerate(findings)
            if finding.evidence
        ),
    )


def diagnose_document() -> Document:
    """`tunewell diagnose` of a run with a spike, with nothing else."""
    return Document(
        command="diagnose",
        title="runs/banking-1",
        verdict=f"Worth mending: {spike_finding().message}.",
        tunewell="0.1.0",
        findings=(spike_finding(),),
        passed=PASSED,
        sections=(Section(id="curves", title="Learning curves", evidence=curves()),),
        examined=(Examined(what="run", path="runs/banking-1", reason="it holds events.jsonl"),),
    )


HOSTILE = (
    "<script>alert(1)</script>\"'&`</style>--><!--\x00\x1b]0;owned\x07\x1b[31m\u202e\u2028 你好🙂"
)


def hostile_document() -> Document:
    """Text that tries to act, in every place that text can stand."""
    h = HOSTILE
    places = (
        Row(split=h, index=0, file=h, line=1),
        Row(split=h, index=0),
        Key(path=h, file=h, line=1),
        Steps(metric=h, first=1, last=2),
        LogLine(file=h, line=1),
        File(path=h),
        Classes(names=(h,)),
        Tensor(name=h),
    )
    evidence = (
        Number(name=h, value=math.pi, bound=h, unit=h),
        Series(name=h, steps=(1, 2, 3), values=(1.0, None, 2.0), marks=(Mark(step=1, text=h),)),
        Table(name=h, columns=(h,), rows=((h,),), total=2),
        Matrix(name=h, labels=(h, "b"), counts=((1, 2), (3, 4))),
        Tokens(name=h, pieces=(h,), trained=(True,)),
        Text(name=h, text=h + "W" * 300),
        Chart(name=h, spec={"mark": "bar", "data": {"values": [{"a": h, "b": 1}]},
              "encoding": {"x": {"field": "a"}, "y": {"field": "b", "type": "quantitative"}}}),
        Bars(name=h, parts=(h,), rows=(Bar(name=h, values=(1.0,)),), unit=h,
             limits=(Limit(name=h, value=2.0),)),
        Layers(name=h, axis=h, at=(0.0, 1.0), parts=(h,), values=((1.0,), (2.0,)), unit=h,
               stretches=(Stretch(name=h, first=0.0, last=1.0),),
               limits=(Limit(name=h, value=2.0),)),
    )  # fmt: skip
    edits = (
        SetKey(path=h, old=h, new=h, file=h, line=1, key=h),
        RenameKey(key=h, new=h, file=h, line=1),
        DropRows(split=h, rows=(1,)),
        SetText(split=h, row=1, old=h, new=h),
        SetLabel(split=h, rows=(1,), old=h, new=h),
        AddRows(split=h, of=(1,), texts=(h,)),
        MoveRows(split=h, rows=(1,), to=h),
        JoinTurns(split=h, row=1, parts=(0, 1)),
    )
    finding = Finding(
        code=h, name=h, family=h, message=h, impact=h, where=places, evidence=evidence,
        fixes=(Fix(title=h, safety=Safety.SAFE, edits=edits),), url="javascript:alert(1)",
        severity=Severity.ERROR, confidence=Confidence.LOW, fingerprint=h,
    )  # fmt: skip
    outcome = Outcome(check=h, name=h, reason=h)
    return Document(
        command=h, verdict=h, tunewell=h, title=h, findings=(finding,), passed=(outcome,),
        not_applicable=(outcome,), not_run=(outcome,), broken=(outcome,), suppressed=(finding,),
        examined=(Examined(what=h, path=h, reason=h),),
        sections=(Section(id=h, title=h, text=h, evidence=evidence),
                  Section(id="curves", title=h, text=h, evidence=evidence),
                  Section(id="before-after", title=h, text=h, evidence=evidence)),
        facts={h: h},
    )  # fmt: skip


SAMPLES = {
    "check": check_document,
    "healthy": healthy_document,
    "tune": tune_document,
    "diagnose": diagnose_document,
    "kinds": kinds_document,
    "hostile": hostile_document,
}
