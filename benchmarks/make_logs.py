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

from __future__ import annotations

import json
import math
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
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
KILLED, TAKEN_UP = 25, 20
ODD = [0.5, math.nan, math.inf, -math.inf, -0.0, 1e-30, 1e30, 3]
"""Values that tools store in ways of their own."""


def trainer(folder: Path, *, resume: bool = False) -> list[list[dict[str, Any]]]:
    """One run of transformers' Trainer with every tracker; returns its own log of each part."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainerCallback
    from transformers import TrainingArguments

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
    """Values that are not finite, two runs of one store, several metrics with steps of their own."""
    import mlflow
    import torch.utils.tensorboard as tb
    import trackio
    import wandb

    runs: dict[str, list[tuple[int, dict[str, float]]]] = {
        "odd": [(step, {"train_loss": value}) for step, value in enumerate(ODD)],
        "sparse": [
            (step, {"train/loss": 1 / (step + 1)} | ({"val/acc": step / 100} if step % 3 else {}))
            for step in range(0, 60, 2)
        ],
    }
    for name, rows in runs.items():
        settings = {"learning_rate": 0.001, "optimizer": {"name": "adamw"}, "note": name}
        writer = tb.SummaryWriter(f"runs/{name}")
        run = wandb.init(project="direct", name=name, id=f"direct-{name}", config=settings)
        own = trackio.init(project="direct", name=name, config=settings, embed=False)
        with mlflow.start_run(run_name=name):
            mlflow.log_params({"learning_rate": 0.001, "note": name})
            for step, values in rows:
                run.log(values, step=step)
                own.log(values, step=step)
                mlflow.log_metrics(values, step=step)
                for metric, value in values.items():
                    writer.add_scalar(metric, value, step)
        writer.close()
        run.finish()
        own.finish()
    return {name: {"rows": rows} for name, rows in runs.items()}


def keep(folder: Path, out: Path, case: str, truth: dict[str, Any]) -> None:
    """Take the files of each tool, without what names this machine."""
    sources = {
        "tensorboard": folder / "runs",
        "wandb": folder / "wandb",
        "mlflow": folder / "mlflow.db",
        "trackio": folder / "trackio",
    }
    for format_, source in sources.items():
        target = out / format_ / case
        if not source.exists():
            continue
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for file in [source] if source.is_file() else sorted(source.rglob("*")):
            place = target / (file.name if source.is_file() else file.relative_to(source))
            dropped = {"requirements.txt", "logs", "debug.log"} & set(file.parts)
            if file.is_file() and not file.is_symlink() and not dropped and wanted(file):
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, place)
                if file.suffix == ".db":
                    shrink(place, folder)
        (out / format_ / f"{case}.truth.json").write_text(json.dumps(truth) + "\n")


def wanted(file: Path) -> bool:
    return file.suffix in {".wandb", ".db", ".yaml", ".json"} or "tfevents" in file.name


def shrink(database: Path, folder: Path) -> None:
    """Small pages, and neutral artifact folders: MLflow's tables are many and empty."""
    with sqlite3.connect(database) as opened:
        tables = {row[0] for row in opened.execute("SELECT name FROM sqlite_master")}
        for table, column in (("runs", "artifact_uri"), ("experiments", "artifact_location")):
            if {"alembic_version", table} <= tables:
                opened.execute(
                    f"UPDATE {table} SET {column} = replace({column}, ?, '/work')",  # noqa: S608
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
}


def main(out: Path, *wanted_cases: str) -> None:
    """Make the cases, each in a folder and a process of its own: tools keep stores open by name."""
    if len(wanted_cases) != 1:
        for case in wanted_cases or CASES:
            subprocess.run([sys.executable, __file__, str(out), case], check=True)
        return
    case = wanted_cases[0]
    os.environ |= NEUTRAL
    socket.gethostname = lambda: "host"
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made).resolve()
        os.environ["TRACKIO_DIR"] = str(folder / "trackio")
        os.chdir(folder)
        keep(folder, out, case, CASES[case](folder))
        os.chdir("/")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    sys.argv = ["train.py"]
    main(Path(arguments[0]).resolve(), *arguments[1:])
