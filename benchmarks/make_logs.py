"""Log for real with every tracker and keep its files: what the log readers are held against.

    python benchmarks/make_logs.py OUT [CASE ...]

Needs torch, transformers, accelerate, lightning, tensorboard, wandb, mlflow and trackio, best in an
environment of their own; nothing goes over the network. Every case is `OUT/<format>/<case>/` with
the tool's own files and beside it `<case>.truth.json`: what was handed to the tool, taken from the
trainer or the script and never from the tool. Host, user and folders are made neutral before a
tool can see them; where a tool writes an absolute path all the same, it is replaced afterwards.

Trainer runs log to all tools at once: `trainer` from start to end, `resumed` killed after step 25
and taken up again from the checkpoint of step 20.
"""

# ruff: noqa: PLC0415, ANN401, ARG001, ARG002
# Each case imports the tools it needs; callbacks have the signatures that the tools call.
from __future__ import annotations

import contextlib
import gzip
import importlib.util
import json
import math
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

NEUTRAL = {
    "LOGNAME": "user",
    "USER": "user",
    "WANDB_MODE": "offline",
    "WANDB_SILENT": "true",
    "WANDB_CONSOLE": "off",
    "WANDB_DISABLE_GIT": "true",
    "WANDB_DISABLE_CODE": "true",
    "WANDB_X_DISABLE_META": "true",
    "WANDB_X_DISABLE_STATS": "true",
    "WANDB_X_DISABLE_MACHINE_INFO": "true",
    "WANDB_HOST": "host",
    "WANDB_PROGRAM": "train.py",
    "MLFLOW_TRACKING_URI": "sqlite:///mlflow.db",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING": "false",
    "DO_NOT_TRACK": "1",
    "GIT_PYTHON_REFRESH": "quiet",
    "HF_HUB_OFFLINE": "1",
    "TRACKIO_AUTO_LOG_CPU": "0",
    "TRACKIO_AUTO_LOG_GPU": "0",
    "TOKENIZERS_PARALLELISM": "false",
}
FORMATS = ("tensorboard", "wandb", "mlflow", "trackio")
DYING = "dying"
KILLED, TAKEN_UP = 25, 20
EVENTS = "tfevents"
ODD = [0.5, math.nan, math.inf, -math.inf, -0.0, 1e-30, 1e30, 3]
"""Values that tools store in ways of their own."""


def trainer(folder: Path, *, resume: bool = False) -> list[list[dict[str, Any]]]:
    """One run of transformers' Trainer with every tracker; returns its own log of each part."""
    import torch
    from transformers import (
        GPT2Config,
        GPT2LMHeadModel,
        Trainer,
        TrainerCallback,
        TrainingArguments,
    )

    torch.manual_seed(0)
    ids = torch.randint(0, 40, (64, 12))
    rows = [{"input_ids": row, "labels": row} for row in ids]
    logged: list[dict[str, Any]] = []

    class Keep(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, logs: Any, **_: Any) -> None:
            logged.append({"step": state.global_step, **logs})

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if resume and state.global_step == KILLED and not taken_up:
                raise KeyboardInterrupt

    def run() -> None:
        args = TrainingArguments(
            "out",
            max_steps=40,
            per_device_train_batch_size=4,
            logging_steps=1,
            eval_strategy="steps",
            eval_steps=10,
            save_steps=20,
            learning_rate=5e-3,
            report_to=list(FORMATS),
            run_name="tiny",
            project="tiny",
            use_cpu=True,
            disable_tqdm=True,
            save_total_limit=1,
        )
        config = GPT2Config(
            vocab_size=40, n_positions=16, n_embd=8, n_layer=1, n_head=1, bos_token_id=0,
            eos_token_id=0,
        )  # fmt: skip
        model = GPT2LMHeadModel(config)
        made = Trainer(model, args, train_dataset=rows, eval_dataset=rows[:8], callbacks=[Keep()])
        made.train(resume_from_checkpoint=taken_up or None)

    taken_up = False
    os.environ["TENSORBOARD_LOGGING_DIR"] = "runs/tiny"
    if not resume:
        run()
        end()
        return [logged]
    os.environ |= {"WANDB_RUN_ID": "tiny0001", "WANDB_RESUME": "allow"}
    try:
        run()
    except KeyboardInterrupt:
        import mlflow

        run_id = mlflow.active_run().info.run_id
        end()
        os.environ["MLFLOW_RUN_ID"] = run_id
    first, logged = logged, []
    taken_up = True
    run()
    end()
    for name in ("WANDB_RUN_ID", "WANDB_RESUME", "MLFLOW_RUN_ID"):
        os.environ.pop(name, None)
    return [first, logged]


def end() -> None:
    """Close what the integrations leave open."""
    import mlflow
    import trackio
    import wandb

    wandb.finish()
    mlflow.end_run()
    if trackio.context_vars.current_run.get() is not None:
        trackio.finish()


def direct(folder: Path) -> dict[str, Any]:
    """Values that are not finite, two runs of one store, metrics at steps of their own.

    With the tools that the environment has: an older version of one alone makes its own case.
    """
    runs: dict[str, list[tuple[int, dict[str, float]]]] = {
        "odd": [(step, {"train_loss": value}) for step, value in enumerate(ODD)],
        "sparse": [
            (step, {"train/loss": 1 / (step + 1)} | ({"val/acc": step / 100} if step % 3 else {}))
            for step in range(0, 60, 2)
        ],
    }
    for name, rows in runs.items():
        settings = {"learning_rate": 0.001, "optimizer": {"name": "adamw"}, "note": name}
        with contextlib.ExitStack() as open_:
            writers = [start(open_, name, settings) for start in available()]
            for step, values in rows:
                for write in writers:
                    write(step, values)
    return {name: {"rows": rows} for name, rows in runs.items()}


Write = Callable[[int, dict[str, float]], None]


def available() -> list[Callable[[contextlib.ExitStack, str, dict[str, Any]], Write]]:
    """How to start a run, for each tool that is installed."""
    tools = {
        "torch": start_tensorboard,
        "wandb": start_wandb,
        "mlflow": start_mlflow,
        "trackio": start_trackio,
    }
    return [start for tool, start in tools.items() if importlib.util.find_spec(tool)]


def start_tensorboard(open_: contextlib.ExitStack, name: str, settings: dict[str, Any]) -> Write:
    """TensorBoard, the settings as text."""
    import torch.utils.tensorboard as tb

    writer = open_.enter_context(tb.SummaryWriter(f"runs/{name}", flush_secs=1))
    writer.add_text("config", json.dumps(settings))

    def write(step: int, values: dict[str, float]) -> None:
        for metric, value in values.items():
            writer.add_scalar(metric, value, step)

    return write


def start_wandb(open_: contextlib.ExitStack, name: str, settings: dict[str, Any]) -> Write:
    """W&B, offline."""
    import wandb

    run = wandb.init(project="direct", name=name, id=f"direct-{name}", config=settings)
    open_.callback(run.finish)
    return lambda step, values: run.log(values, step=step)


def start_mlflow(open_: contextlib.ExitStack, name: str, settings: dict[str, Any]) -> Write:
    """MLflow, into the store of the environment."""
    import mlflow

    open_.enter_context(mlflow.start_run(run_name=name))
    mlflow.log_params(settings)
    return lambda step, values: mlflow.log_metrics(values, step=step)


def start_trackio(open_: contextlib.ExitStack, name: str, settings: dict[str, Any]) -> Write:
    """Trackio, on this machine."""
    import trackio

    run = trackio.init(project="direct", name=name, config=settings)
    open_.callback(run.finish)
    return lambda step, values: run.log(values, step=step)


def mlflow_files(folder: Path) -> dict[str, Any]:
    """The folder of files, a run inside another, a deleted run, and a run without steps."""
    os.environ["MLFLOW_TRACKING_URI"] = "file:mlruns"
    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
    truth = direct(folder) | mlflow_kinds(folder)
    return {name: rows for name, rows in truth.items() if name not in {"wandb", "trackio"}}


def mlflow_kinds(folder: Path) -> dict[str, Any]:
    """A run inside another, a deleted run, and a run without steps."""
    import mlflow

    losses = [3.0, 2.5, math.nan, 1.5]
    with mlflow.start_run(run_name="outer"):
        mlflow.log_metric("trials", 2)
        for name in ("one", "two"):
            with mlflow.start_run(run_name=name, nested=True):
                for step, loss in enumerate(losses):
                    mlflow.log_metric("val_loss", loss, step=step * 10)
    with mlflow.start_run(run_name="stepless"):
        for loss in losses:
            mlflow.log_metric("loss", loss)
    with mlflow.start_run(run_name="gone") as gone:
        mlflow.log_metric("loss", 1.0)
    mlflow.delete_run(gone.info.run_id)
    inner = [(step * 10, {"val_loss": loss}) for step, loss in enumerate(losses)]
    return {
        "outer": {"rows": [(0, {"trials": 2})]},
        "outer/one": {"rows": inner},
        "outer/two": {"rows": inner},
        "stepless": {"rows": [(step, {"loss": loss}) for step, loss in enumerate(losses)]},
    }


def killed(folder: Path) -> dict[str, Any]:
    """A process that is killed while it logs: the truth is what it had logged until then."""
    subprocess.run([sys.executable, __file__, str(folder), DYING], check=False)
    return {"killed": {"rows": list(dying_rows()), "killed": True}}


def dying_rows() -> Iterator[tuple[int, dict[str, float]]]:
    """What is logged before the end comes."""
    for step in range(400):
        yield step, {"train/loss": 1 / (step + 1)}


def die() -> None:
    """Log, and be killed in the midst of it."""
    with contextlib.ExitStack() as open_:
        writers = [start(open_, "killed", {}) for start in (start_tensorboard, start_wandb)]
        for step, values in dying_rows():
            for write in writers:
                write(step, values)
            time.sleep(0.005)
        os.kill(os.getpid(), signal.SIGKILL)


def axes(folder: Path) -> dict[str, Any]:
    """W&B: steps of its own, nested and other values, calls that leave the step out."""
    import wandb

    run = wandb.init(project="axes", name="axes", id="axes0001", config={"model": {"layers": 2}})
    run.define_metric("optimizer_step")
    run.define_metric("val/*", step_metric="optimizer_step")
    truth: list[tuple[int, dict[str, float]]] = []
    for step in range(0, 50, 5):
        values = {"train": {"loss": 1 / (step + 1)}, "global_step": step, "text": "a", "yes": True}
        run.log(values)
        truth.append((step, {"train.loss": 1 / (step + 1)}))
        if step % 10 == 0:
            run.log({"val/f1": step / 50, "optimizer_step": step})
            run.log({"spread": wandb.Histogram([1, 2, 3])})
            truth.append((step, {"val/f1": step / 50}))
    run.log({"last": 1})
    truth.append((45, {"last": 1}))
    run.finish(exit_code=1)
    return {"axes": {"rows": truth}}


def tensors(folder: Path) -> dict[str, Any]:
    """TensorBoard: scalars as tensors, in doubles, in folders of their own, and a purge."""
    import torch
    from torch.utils.tensorboard import SummaryWriter

    values = [0.5, 0.25, math.nan, 1e-9]
    with SummaryWriter("runs/styles") as writer:
        for step, value in enumerate(values):
            writer.add_scalar("new", value, step, new_style=True)
            writer.add_scalar("double", value / 3, step, new_style=True, double_precision=True)
            writer.add_scalars("Loss", {"train": value, "val": value * 2}, step)
            writer.add_histogram("weights", torch.arange(9.0), step)
        writer.add_hparams({"lr": 0.1, "kind": "adamw", "warm": True}, {"best": 0.75})
    purge = 3
    for start, end, factor in ((0, 6, 1.0), (purge, 8, 2.0)):
        with SummaryWriter("runs/purged", purge_step=start or None) as writer:
            for step in range(start, end):
                writer.add_scalar("loss", factor * step, step)
        time.sleep(1.1)  # files are named by the second
    styles = [
        (step, {"new": v, "double": v / 3, "Loss/train": v, "Loss/val": v * 2})
        for step, v in enumerate(values)
    ]
    purged = [(step, {"loss": float(step if step < purge else 2 * step)}) for step in range(8)]
    return {"styles": {"rows": [*styles, (0, {"best": 0.75})]}, "purged": {"rows": purged}}


def lightning_loggers(folder: Path) -> dict[str, Any]:
    """A LightningModule with three loggers at once; the truth is what it passed to `log`."""
    import lightning
    import torch
    from lightning.pytorch.callbacks import LearningRateMonitor
    from lightning.pytorch.loggers import MLFlowLogger, TensorBoardLogger, WandbLogger

    truth: list[tuple[int, dict[str, float]]] = []

    class Model(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(4, 1)
            self.save_hyperparameters({"learning_rate": 0.05, "width": 4})

        def training_step(self, batch: Any, _: int) -> Any:
            loss = self.layer(batch[0]).square().mean()
            self.log("train_loss", loss, on_step=True, on_epoch=False)
            truth.append((self.global_step, {"train_loss": loss.item()}))
            return loss

        def validation_step(self, batch: Any, _: int) -> None:
            loss = self.layer(batch[0]).square().mean()
            self.log("val_loss", loss)
            if not self.trainer.sanity_checking:
                truth.append((self.global_step - 1, {"val_loss": loss.item()}))

        def configure_optimizers(self) -> Any:
            return torch.optim.AdamW(self.parameters(), lr=0.05)

    torch.manual_seed(0)
    rows = torch.utils.data.TensorDataset(torch.randn(40, 4))
    loader = torch.utils.data.DataLoader(rows, batch_size=4)
    held = torch.utils.data.DataLoader(rows, batch_size=40)
    run = lightning.Trainer(
        max_epochs=3,
        accelerator="cpu",
        log_every_n_steps=1,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        logger=[
            TensorBoardLogger("runs", name="lightning"),
            WandbLogger(name="lightning", project="lightning", id="light001", offline=True),
            MLFlowLogger("lightning", tracking_uri="sqlite:///mlflow.db", run_name="lightning"),
        ],
        callbacks=[LearningRateMonitor("step")],
    )
    run.fit(Model(), loader, held)
    end()
    rates = [(step, {"lr-AdamW": 0.05}) for step in range(30)]
    return {"lightning": {"rows": [*truth, *rates]}}


def keras(folder: Path) -> dict[str, Any]:
    """Keras with its TensorBoard callback; the truth is the history that `fit` returns."""
    import keras
    import numpy as np

    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    callback = keras.callbacks.TensorBoard("runs/keras", write_graph=False)
    history = model.fit(
        x, x[:, :1], epochs=4, validation_split=0.25, callbacks=[callback], verbose=0
    ).history
    names = {"loss": "epoch_loss", "val_loss": "validation/epoch_loss", "mae": "epoch_mae"}
    return {
        "keras": {
            "rows": [
                (epoch, {new: history[name][epoch] for name, new in names.items()})
                for epoch in range(4)
            ]
        }
    }


def keep(folder: Path, out: Path, case: str, truth: dict[str, Any]) -> None:
    """Take the files of each tool, without what names this machine."""
    sources = {
        "tensorboard": folder / "runs",
        "wandb": folder / "wandb",
        "mlflow": folder / ("mlruns" if case == "files" else "mlflow.db"),
        "trackio": folder / "trackio",
    }
    for format_, source in sources.items():
        target = out / format_ / case
        if not source.exists() or (case == "files" and format_ != "mlflow"):
            continue
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for file in [source] if source.is_file() else sorted(source.rglob("*")):
            place = target / (file.name if source.is_file() else file.relative_to(source))
            dropped = {"requirements.txt", "wandb-metadata.json", "logs", "media"} & set(file.parts)
            if file.is_file() and not file.is_symlink() and not dropped and wanted(file):
                place.parent.mkdir(parents=True, exist_ok=True)
                text = file.read_bytes()
                if file.suffix == ".yaml":
                    text = text.replace(str(folder).encode(), b"/data")
                place.write_bytes(text)
                if file.suffix == ".db":
                    shrink(place, folder)
                    with gzip.GzipFile(f"{place}.gz", "wb", mtime=0) as packed:
                        packed.write(place.read_bytes())
                    place.unlink()
        (out / format_ / f"{case}.truth.json").write_text(json.dumps(truth) + "\n")


def wanted(file: Path) -> bool:
    """Whether a reader looks at a file."""
    kept = {"metrics", "params", "tags"} & set(file.parts)
    return bool(kept) or file.suffix in {".wandb", ".db", ".yaml", ".json"} or EVENTS in file.name


def shrink(database: Path, folder: Path) -> None:
    """Small pages, and neutral artifact folders: MLflow's tables are many and empty."""
    with sqlite3.connect(database) as opened:
        tables = {row[0] for row in opened.execute("SELECT name FROM sqlite_master")}
        for table, column in (("runs", "artifact_uri"), ("experiments", "artifact_location")):
            if {"alembic_version", table} <= tables:
                opened.execute(
                    f"UPDATE {table} SET {column} = replace({column}, ?, '/data')",  # noqa: S608
                    (str(folder),),
                )
        opened.execute("PRAGMA journal_mode = DELETE")
        opened.commit()
        opened.execute("PRAGMA page_size = 1024")
        opened.execute("VACUUM")
    opened.close()


CASES: dict[str, Callable[[Path], dict[str, Any]]] = {
    "trainer": lambda folder: {"parts": trainer(folder)},
    "resumed": lambda folder: {"parts": trainer(folder, resume=True)},
    "direct": direct,
    "lightning": lightning_loggers,
    "tensors": tensors,
    "axes": axes,
    "killed": killed,
    "kinds": mlflow_kinds,
    "files": mlflow_files,
}
ELSEWHERE: dict[str, Callable[[Path], dict[str, Any]]] = {
    "keras": keras,  # needs TensorFlow, which has its own ideas of other packages' versions
    "old": direct,  # wandb 0.16.6 alone, or trackio 0.5.0 alone
}


def main(out: Path, *wanted_cases: str) -> None:
    """Make the cases, each in a folder and a process of its own: tools keep stores open by name."""
    if len(wanted_cases) != 1:
        for case in wanted_cases or CASES:
            subprocess.run([sys.executable, __file__, str(out), case], check=True)
        return
    case = wanted_cases[0]
    if case == DYING:
        socket.gethostname = lambda: "host"
        die()
    os.environ |= NEUTRAL
    socket.gethostname = lambda: "host"
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made).resolve()
        os.environ["TRACKIO_DIR"] = str(folder / "trackio")
        os.environ["HF_HOME"] = str(folder)  # where older versions of Trackio write
        os.chdir(folder)
        keep(folder, out, case, (CASES | ELSEWHERE)[case](folder))
        os.chdir("/")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    sys.argv = ["train.py"]
    main(Path(arguments[0]).resolve(), *arguments[1:])
