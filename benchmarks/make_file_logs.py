"""Make the log files of tests/fixtures/logs with the tools that write them, and what they hold.

Every scenario is one process that trains a tiny model on made-up rows with the real tool and writes
the tool's own files. The truth beside them is taken inside that process from the tool's memory,
never from its files: `truth/SCENARIO.json` holds, for each run, `points` (name to [step, value]
pairs; NaN and infinity as words) and, where it matters, `max_steps` and `finished`.

Run it with a Python that has transformers, trl, tensorboard, lightning, keras (torch backend),
torchtune with torchao 0.10, tinker-cookbook with chz, and, unpacked from their wheels on
PYTHONPATH, llamafactory and axolotl:

    python benchmarks/make_file_logs.py tests/fixtures/logs [SCENARIO ...]

transformers, TRL, Lightning and Keras train for real. Of LLaMA-Factory its LogCallback, of axolotl
its debug.log, of torchtune its DiskLogger, of the Tinker cookbook its JsonLogger write the lines,
driven by a training here: their recipes want models, GPUs or a service.
"""

# ruff: noqa: PLC0415  each scenario imports its own tool in a process of its own

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROWS = 96
KILLED_AT, CHECKPOINT = 58, 40
SCENARIOS: dict[str, Callable[[Path], None]] = {}


def scenario(function: Callable[[Path], None]) -> Callable[[Path], None]:
    """A function that fills a folder."""
    SCENARIOS[function.__name__] = function
    return function


def write_truth(folder: Path, held: dict[str, Any] | list[dict[str, Any]]) -> None:
    """What the logs must be read as: runs by file, or those of the whole folder."""
    told = {"runs": held} if isinstance(held, list) else held
    place = folder.parent / "truth" / f"{folder.name}.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(told, separators=(",", ":")) + "\n")


def word(value: float) -> float | str:
    """NaN and infinity as words, so that the truth is JSON."""
    return value if math.isfinite(value) else str(float(value))


def of_history(history: list[dict[str, Any]]) -> dict[str, list[list[Any]]]:
    """Points by name of a Trainer's log_history; what it logs once at the end is left out."""
    once = {"train_runtime", "train_samples_per_second", "train_steps_per_second", "train_loss"}
    points: dict[str, list[list[Any]]] = {}
    for row in history:
        for name, value in row.items():
            if name not in once | {"step", "total_flos"}:
                points.setdefault(name, []).append([row["step"], word(value)])
    return points


# --- transformers -----------------------------------------------------------------------------


def tiny_model(vocabulary: int = 50) -> Any:  # noqa: ANN401
    """A GPT-2 with a few hundred parameters."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    return GPT2LMHeadModel(
        GPT2Config(vocab_size=vocabulary, n_positions=16, n_embd=16, n_layer=1, n_head=2)
    )


def tiny_rows(count: int = ROWS) -> list[dict[str, list[int]]]:
    """Counting rows: something to learn."""
    rows = [[(start + i) % 50 for i in range(8)] for start in range(count)]
    return [{"input_ids": ids, "labels": ids} for ids in rows]


def trainer(out: Path, *, callbacks: Any = None, **arguments: Any) -> Any:  # noqa: ANN401
    """A Trainer of transformers over the tiny rows."""
    from transformers import Trainer, TrainingArguments, default_data_collator

    defaults: dict[str, Any] = {
        "output_dir": str(out),
        "per_device_train_batch_size": 4,
        "num_train_epochs": 3,
        "logging_steps": 5,
        "eval_strategy": "epoch",
        "save_strategy": "no",
        "report_to": "none",
        "use_cpu": True,
        "learning_rate": 1e-3,
        "seed": 1,
    }
    return Trainer(
        model=tiny_model(),
        args=TrainingArguments(**(defaults | arguments)),
        train_dataset=tiny_rows(),
        eval_dataset=tiny_rows(16),
        data_collator=default_data_collator,
        callbacks=callbacks,
    )


def break_at(step: int, how: str) -> Any:  # noqa: ANN401
    """Plant an accident at the end of a step: weights not finite, an error, or the plug pulled."""
    import torch
    from transformers import TrainerCallback

    class Accident(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ANN401, ARG002
            if state.global_step == step and how == "nan":
                with torch.no_grad():
                    next(iter(kwargs["model"].parameters())).fill_(float("nan"))
            elif state.global_step == step and how == "raise":
                message = (
                    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of "
                    "15.77 GiB of which 1.02 GiB is free."
                )
                raise torch.OutOfMemoryError(message)

    return Accident()


def text_run(
    out: Path,
    *,
    unbuffered: bool = True,
    split: bool = False,
    fail: bool = False,
    **arguments: Any,  # noqa: ANN401
) -> tuple[bytes, dict[str, Any]]:
    """What a process that trains prints, both streams in one, and what it logged."""
    code = (
        "import json, sys; sys.path.insert(0, sys.argv[1]);"
        "import make_file_logs as m; m.in_process(json.loads(sys.argv[2]))"
    )
    out.mkdir(parents=True, exist_ok=True)
    given = json.dumps({"out": str(out), **arguments})
    env = os.environ | {"PYTHONUNBUFFERED": "1" if unbuffered else ""}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(Path(__file__).parent), given],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL if split else subprocess.STDOUT,
        env=env,
        check=False,
    )
    if (done.returncode != 0) != fail:
        raise SystemExit(done.stdout.decode()[-3000:])
    history = json.loads((out / "history.json").read_text())
    return scrub(done.stdout, out), history


def in_process(given: dict[str, Any]) -> None:
    """Train in this process with what `text_run` passed."""
    import transformers

    out = Path(given.pop("out"))
    accident = given.pop("accident", None)
    resume = given.pop("resume", None)
    if given.pop("info", False):
        transformers.logging.set_verbosity_info()
    made = trainer(out, callbacks=[break_at(*accident)] if accident else None, **given)
    try:
        made.train(resume_from_checkpoint=resume)
    finally:
        (out / "history.json").write_text(
            json.dumps({"history": made.state.log_history, "max_steps": made.state.max_steps})
        )


def scrub(text: bytes, out: Path) -> bytes:
    """Without the folders of the machine that made it."""
    import transformers

    site = str(Path(transformers.__file__).parent.parent)
    for folder, name in ((str(out), "out"), (site, "site-packages"), (sys.prefix, "venv")):
        text = text.replace(folder.encode(), name.encode())
    here = str(Path(__file__).resolve().parent).encode()
    return text.replace(here, b"scripts").replace(str(Path.home()).encode() + b"/", b"~/")


def of_run(history: dict[str, Any], **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """The truth of one run of transformers."""
    rows = history["history"]
    finished = any("train_runtime" in row for row in rows)
    return {
        "points": of_history(rows),
        "max_steps": history["max_steps"],
        "finished": finished,
        **more,
    }


@scenario
def transformers_text(folder: Path) -> None:
    """What transformers prints: bars and dicts, to a terminal and to files."""
    folder.mkdir(parents=True)
    work = folder / "work"
    kinds: dict[str, dict[str, Any]] = {
        "terminal": {},
        "nan": {"accident": (31, "nan")},
        "buffered": {"unbuffered": False},
        "buffered_long": {"unbuffered": False, "logging_steps": 1, "num_train_epochs": 10},
        "stdout_only": {"split": True},
        "info": {"disable_tqdm": True, "info": True},
        "by_epoch": {"logging_strategy": "epoch"},
        "accumulated": {"gradient_accumulation_steps": 5, "logging_steps": 1},
        "first_step": {"logging_first_step": True},
        "died": {"accident": (38, "raise"), "fail": True},
    }
    truths: dict[str, Any] = {}
    pieces: dict[str, bytes] = {}
    for name, arguments in kinds.items():
        pieces[name], history = text_run(work / name, **arguments)
        (folder / f"{name}.txt").write_bytes(pieces[name])
        truths[name] = [of_run(history)]
    # A run that died and was taken up from its checkpoint, pasted one after the other.
    saving = {"save_strategy": "steps", "save_steps": 20}
    died, before = text_run(work / "again", **saving, accident=(52, "raise"), fail=True)
    resumed, after = text_run(work / "again", **saving, resume=True)
    (folder / "resumed.txt").write_bytes(died + resumed)
    restart = max(row["step"] for row in before["history"] if row["step"] <= CHECKPOINT)
    truths["resumed"] = [
        of_run(after)
        | {"superseded": of_history([row for row in before["history"] if row["step"] > restart])}
    ]
    # Two runs with other settings in one file, with what a shell puts around them.
    other, history = text_run(work / "other", logging_steps=8, num_train_epochs=2)
    prompt = b"\x1b[32muser\x1b[0m$ python train.py\n"
    (folder / "pasted.txt").write_bytes(prompt + pieces["terminal"] + prompt + other)
    truths["pasted"] = [*truths["terminal"], of_run(history)]
    # The same with a scheduler's prefix of rank and time on each line.
    lines = pieces["stdout_only"].decode().splitlines()
    stamped = [
        f"[rank0]:2026-03-01 10:{i // 60:02}:{i % 60:02},123 {x}" for i, x in enumerate(lines)
    ]
    (folder / "prefixed.txt").write_text("\n".join(stamped) + "\n")
    truths["prefixed"] = truths["stdout_only"]
    shutil.rmtree(work)
    write_truth(folder, truths)


@scenario
def hugging_face(folder: Path) -> None:
    """An output folder with checkpoints, TensorBoard, results and a model card."""
    from transformers import TrainerCallback

    class Killed(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ANN401, ARG002
            if state.global_step == KILLED_AT:
                (folder / "killed.json").write_text(json.dumps(state.log_history))
                os.kill(os.getpid(), signal.SIGKILL)

    common: dict[str, Any] = {
        "report_to": "tensorboard",
        "save_strategy": "steps",
        "save_steps": 20,
    }
    # 1. A run killed without notice at step 58, taken up from checkpoint-40 into the same folder.
    os.environ["TENSORBOARD_LOGGING_DIR"] = str(folder / "resumed" / "runs")
    folder.mkdir(parents=True)
    os.chdir(folder)  # the arguments that TensorBoard keeps hold the output folder as it is named
    printed = folder / "printed.txt"
    if os.fork() == 0:
        into = os.open(printed, os.O_CREAT | os.O_WRONLY)
        os.dup2(into, 1)
        os.dup2(into, 2)
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
        trainer(Path("resumed"), callbacks=[Killed()], **common).train()
    os.wait()
    shutil.copytree("resumed", "killed")
    (folder / "killed" / "train.log").write_bytes(scrub(printed.read_bytes(), folder))
    printed.unlink()
    made = trainer(Path("resumed"), **common)
    result = made.train(resume_from_checkpoint=True)
    made.save_metrics("train", result.metrics)
    made.save_state()
    made.create_model_card(tasks="text-generation")
    # 2. Another run started from nothing into a folder that held one; it is not finished.
    os.environ["TENSORBOARD_LOGGING_DIR"] = str(folder / "restarted" / "runs")
    trainer(Path("restarted"), **common).train()
    again = trainer(
        Path("restarted"),
        callbacks=[break_at(45, "raise")],
        **(common | {"seed": 5, "learning_rate": 5e-3}),
    )
    with contextlib.suppress(RuntimeError):
        again.train()
    killed = json.loads((folder / "killed.json").read_text())
    (folder / "killed.json").unlink()
    runs = {
        "resumed": of_history(made.state.log_history),
        "restarted": of_history([r for r in again.state.log_history if r["step"] <= CHECKPOINT]),
        "restarted_all": of_history(again.state.log_history),
        "killed": of_history(killed),
    }
    write_truth(folder, runs)
    for file in folder.rglob("*"):
        if file.suffix in {".safetensors", ".pt", ".pth", ".bin"}:
            file.unlink()
    for file in folder.rglob("events.out.tfevents.*"):
        file.rename(
            file.with_name(".".join([*file.name.split(".")[:4], "host", *file.name.split(".")[5:]]))
        )


@scenario
def trl_text(folder: Path) -> None:
    """What TRL's DPOTrainer prints."""
    from datasets import Dataset
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast
    from trl import DPOConfig, DPOTrainer

    words = [f"w{i}" for i in range(46)]
    vocabulary = {name: i for i, name in enumerate(["<pad>", "<eos>", "<unk>", *words])}
    plain = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))  # noqa: S106
    plain.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=plain,
        pad_token="<pad>",  # noqa: S106
        eos_token="<eos>",  # noqa: S106
        unk_token="<unk>",  # noqa: S106
    )
    rows = [
        {"prompt": f"w{i % 40} ", "chosen": f"w{i % 40 + 1} w{i % 40 + 2}", "rejected": "w3 w4"}
        for i in range(48)
    ]
    folder.mkdir(parents=True)
    arguments = DPOConfig(
        output_dir=str(folder / "work"),
        per_device_train_batch_size=4,
        num_train_epochs=2,
        logging_steps=3,
        report_to="none",
        use_cpu=True,
        save_strategy="no",
        bf16=False,
        eval_strategy="epoch",
        learning_rate=1e-3,
    )
    data = Dataset.from_list(rows)
    log = (folder / "dpo.txt").open("w")
    with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
        made = DPOTrainer(
            tiny_model(),
            ref_model=tiny_model(),
            args=arguments,
            train_dataset=data,
            eval_dataset=data.select(range(8)),
            processing_class=tokenizer,
        )
        made.train()
    log.close()
    path = folder / "dpo.txt"
    path.write_bytes(scrub(path.read_bytes(), folder))
    truth = of_run({"history": made.state.log_history, "max_steps": made.state.max_steps})
    write_truth(folder, {"dpo": [truth]})
    shutil.rmtree(folder / "work", ignore_errors=True)


# --- others -----------------------------------------------------------------------------------


@scenario
def lightning(folder: Path) -> None:  # noqa: C901  a module, a logger and a loop
    """Three versions: complete, with keys that appear late; killed; not finite."""
    import lightning.pytorch as pl
    import torch
    from lightning.pytorch.callbacks import LearningRateMonitor
    from lightning.pytorch.loggers import CSVLogger

    class Kept(CSVLogger):
        """The tool's logger, which also remembers what it was given."""

        seen: list[tuple[int, dict[str, float]]] = []  # noqa: RUF012

        def log_metrics(self, metrics: Any, step: Any = None) -> None:  # noqa: ANN401
            self.seen.append((step, {k: float(v) for k, v in metrics.items()}))
            super().log_metrics(metrics, step)

    class Module(pl.LightningModule):
        def __init__(self, learning_rate: float = 0.05, width: int = 8, nan_at: int = -1) -> None:  # noqa: ARG002
            super().__init__()
            self.save_hyperparameters()
            torch.manual_seed(0)
            self.net = torch.nn.Sequential(
                torch.nn.Linear(4, width), torch.nn.Tanh(), torch.nn.Linear(width, 2)
            )

        def training_step(self, batch: Any, at: int) -> Any:  # noqa: ANN401, ARG002
            loss = torch.nn.functional.cross_entropy(self.net(batch[0]), batch[1])
            if self.global_step == self.hparams.nan_at:
                loss = loss * float("nan")
            self.log("train_loss", loss, on_step=True, on_epoch=True)
            return loss

        def validation_step(self, batch: Any, at: int) -> None:  # noqa: ANN401, ARG002
            out = self.net(batch[0])
            self.log("val_loss", torch.nn.functional.cross_entropy(out, batch[1]))
            if self.current_epoch >= 2:  # noqa: PLR2004
                self.log("val_acc", (out.argmax(1) == batch[1]).float().mean())

        def configure_optimizers(self) -> Any:  # noqa: ANN401
            made = torch.optim.AdamW(self.parameters(), lr=self.hparams.learning_rate)
            return [made], [torch.optim.lr_scheduler.StepLR(made, 1, 0.5)]

    torch.manual_seed(3)
    inputs = torch.randn(128, 4)
    data = torch.utils.data.TensorDataset(inputs, (inputs[:, 0] > 0).long())
    runs = []
    folder.mkdir(parents=True)
    for epochs, nan_at in ((5, -1), (3, -1), (3, 30)):
        logger = Kept(str(folder), flush_logs_every_n_steps=10)
        logger.seen = []
        pl.Trainer(
            max_epochs=epochs,
            logger=logger,
            log_every_n_steps=4,
            accelerator="cpu",
            enable_progress_bar=False,
            enable_checkpointing=False,
            enable_model_summary=False,
            callbacks=[LearningRateMonitor()],
        ).fit(
            Module(0.05 + epochs / 100, nan_at=nan_at),
            torch.utils.data.DataLoader(data, batch_size=8),
            torch.utils.data.DataLoader(data, batch_size=64),
        )
        points: dict[str, list[list[Any]]] = {}
        for step, metrics in logger.seen:
            for name, value in metrics.items():
                points.setdefault(name, []).append([step, word(value)])
        runs.append({"points": points, "finished": True})
    write_truth(folder, runs)


@scenario
def llamafactory(folder: Path) -> None:
    """trainer_log.jsonl of LLaMA-Factory's own callback, beside the Trainer's own file."""
    from llamafactory.train.callbacks import LogCallback

    made = trainer(
        folder,
        callbacks=[LogCallback()],
        save_strategy="steps",
        save_steps=30,
        include_num_input_tokens_seen="all",
    )
    made.train()
    made.save_state()
    names = {"loss", "eval_loss", "learning_rate", "epoch"}
    points = {k: v for k, v in of_history(made.state.log_history).items() if k in names}
    write_truth(folder, [{"points": points, "max_steps": made.state.max_steps, "finished": True}])
    for entry in folder.iterdir():
        if entry.is_dir() or entry.suffix in {".bin", ".safetensors", ".txt"}:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    (folder / "trainer_state.json").rename(folder / "state_for_join.json")
    (folder / "training_args.yaml").write_text(
        "model_name_or_path: tiny\nstage: sft\nlearning_rate: 1e-3\nlogging_steps: 5\n"
        "per_device_train_batch_size: 4\nnum_train_epochs: 3.0\nlr_scheduler_type: linear\n"
    )


@scenario
def axolotl(folder: Path) -> None:
    """debug.log as axolotl's tee writes it while transformers trains."""
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]);"
        "from axolotl.utils.tee import prepare_debug_log, close_debug_log;"
        "import make_file_logs as m, json;"
        "out = Path(sys.argv[2]); cfg = type('Cfg', (dict,), {'output_dir': str(out)})();"
        "prepare_debug_log(cfg); t = m.trainer(out); t.train(); close_debug_log();"
        "(out / 'history.json').write_text(json.dumps("
        "{'history': t.state.log_history, 'max_steps': t.state.max_steps}))"
    )
    folder.mkdir(parents=True)
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(Path(__file__).parent), str(folder)],
        check=True,
        capture_output=True,
    )
    truth = of_run(json.loads((folder / "history.json").read_text()))
    (folder / "history.json").unlink()
    log = folder / "debug.log"
    log.write_bytes(scrub(log.read_bytes(), folder))
    write_truth(folder, [truth])


def numbers(steps: int, *, seed: int = 0, rate: float = 0.1) -> list[dict[str, float]]:
    """A logistic regression trained by hand: what it logs at each step."""
    import numpy as np

    draw = np.random.default_rng(seed)
    inputs = draw.normal(size=(256, 5))
    labels = (inputs @ draw.normal(size=5) + draw.normal(size=256) > 0).astype(float)
    weights = np.zeros(5)
    logged = []
    for _ in range(steps):
        rows = draw.integers(0, 256, 32)
        shown = 1 / (1 + np.exp(-inputs[rows] @ weights))
        loss = -np.mean(labels[rows] * np.log(shown) + (1 - labels[rows]) * np.log(1 - shown))
        gradient = inputs[rows].T @ (shown - labels[rows]) / 32
        weights -= rate * gradient
        logged.append({"loss": float(loss), "grad_norm": float(np.linalg.norm(gradient))})
    return logged


@scenario
def torchtune(folder: Path) -> None:
    """Torchtune's DiskLogger: one file for each run."""
    from torchtune.training.metric_logging import DiskLogger

    runs = []
    for at, count in enumerate((40, 25)):
        logger = DiskLogger(str(folder), filename=f"log_{1770000000 + at}.txt")
        points: dict[str, list[list[Any]]] = {}
        for step, values in enumerate(numbers(count, seed=at), start=1):
            row = {
                "loss": values["loss"],
                "lr": 2e-5,
                "tokens_per_second_per_gpu": 100.5 + step,
                "grad_norm": math.inf if at and step == 20 else values["grad_norm"],  # noqa: PLR2004
            }
            logger.log_dict(row, step=step)
            for name, value in row.items():
                points.setdefault(name, []).append([step, word(value)])
        logger.close()
        runs.append({"points": points})
    write_truth(folder, runs)


@scenario
def keras(folder: Path) -> None:
    """What Keras prints into a file: the bar of verbose=1 and the lines of verbose=2."""
    os.environ["KERAS_BACKEND"] = "torch"
    import keras as k
    import numpy as np

    draw = np.random.default_rng(0)
    inputs = draw.normal(size=(320, 4)).astype("float32")
    labels = (inputs[:, 0] > 0).astype("int32")
    folder.mkdir(parents=True)
    truths: dict[str, Any] = {}
    for name, verbose in (("bar", 1), ("lines", 2)):
        k.utils.set_random_seed(1)
        model = k.Sequential([k.layers.Dense(8, "relu"), k.layers.Dense(2)])
        model.compile(
            k.optimizers.Adam(0.01),
            loss=k.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        with (folder / f"{name}.txt").open("w") as log, contextlib.redirect_stdout(log):
            made = model.fit(
                inputs,
                labels,
                validation_data=(inputs[:64], labels[:64]),
                epochs=6,
                batch_size=32,
                verbose=verbose,
            )
        points = {
            metric: [[10 * (at + 1), word(value)] for at, value in enumerate(values)]
            for metric, values in made.history.items()
        }
        truths[name] = [{"points": points, "max_steps": 60, "finished": True}]
    write_truth(folder, truths)


@scenario
def tinker(folder: Path) -> None:
    """metrics.jsonl and config.json of the Tinker cookbook's JsonLogger."""
    from tinker_cookbook.utils.ml_log import JsonLogger

    logger = JsonLogger(str(folder))
    logger.log_hparams({"learning_rate": 1e-4, "batch_size": 32, "model_name": "tiny"})
    points: dict[str, list[list[Any]]] = {}
    for step, values in enumerate(numbers(30)):
        row = {
            "train_mean_nll": values["loss"],
            "optim/lr": 1e-4,
            "progress/batch": step,
            **({"test/nll": values["loss"] + 0.1} if step % 10 == 0 else {}),
        }
        logger.log_metrics(row, step=step)
        for name, value in row.items():
            points.setdefault(name, []).append([step, word(value)])
    (folder / "code.diff").unlink(missing_ok=True)
    write_truth(folder, [{"points": points}])


@scenario
def tables(folder: Path) -> None:
    """CSV files that pandas and the csv module write of a training's numbers."""
    import pandas as pd

    folder.mkdir(parents=True)
    rows = [{"step": 10 * (at + 1), "epoch": (at + 1) / 8, **v} for at, v in enumerate(numbers(40))]
    for row in rows[3::4]:
        row["val_loss"] = row["loss"] + 0.05
    rows[20]["grad_norm"] = math.nan
    rows[21]["grad_norm"] = math.inf
    frame = pd.DataFrame(rows)
    frame.to_csv(folder / "frame.csv", na_rep="nan")  # with the index, as it is by default
    frame.drop(columns="val_loss").to_json(folder / "frame.jsonl", orient="records", lines=True)
    points: dict[str, list[list[Any]]] = {}
    for row in rows:
        for name, value in row.items():
            if name != "step":
                points.setdefault(name, []).append([row["step"], word(value)])
    write_truth(folder, {"frame.csv": [{"points": points}]})


def main() -> None:
    """Each scenario in a process of its own, so that none changes another's streams."""
    root, *wanted = sys.argv[1:]
    if root == "--one":
        SCENARIOS[wanted[0]](Path(wanted[1]))
        return
    for name in wanted or SCENARIOS:
        folder = Path(root).resolve() / name
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run(
            [sys.executable, "-W", "ignore", __file__, "--one", name, str(folder)], check=True
        )
        print(name, sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()), "bytes")


if __name__ == "__main__":
    main()
