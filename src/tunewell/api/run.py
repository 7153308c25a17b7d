"""`run`: start a training script as it is, and look at its trainer before the first step."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tunewell.core.document import Document
from tunewell.core.errors import UserError
from tunewell.core.words import counted
from tunewell.engine.documents import build
from tunewell.engine.examine import examine
from tunewell.engine.settings import Settings
from tunewell.subjects.log_text import LogText

EXIT_FINDINGS = 1
KNOWN = "known-exception"
EXIT_NOTHING_CHECKED = 3
EXIT_SCRIPT_FAILED = 1


class NotTrainedError(SystemExit):
    """Ends the script at the place where it would have trained; no `except Exception` stops it."""


@dataclass(slots=True)
class Gate:
    """What happens when a trainer is about to train.

    Args:
        settings: selection, thresholds, and what a finding must be to refuse the training.
        tell: shown each document.
        say: told what is done, as a line.
        check_only: end the script after the first look.
        go_on: train whatever is found.
        watch: attach `tunewell.Watch` to what trains.
        show_mask: rows to show as tokens.
    """

    settings: Settings
    tell: Callable[[Document], None]
    say: Callable[[str], None]
    check_only: bool = False
    go_on: bool = False
    watch: bool = True
    show_mask: int = 0
    looked: int = 0
    _seen: list[Any] = field(default_factory=list)

    def before_training(self, trainer: Any, named: dict[str, Any]) -> None:  # noqa: ANN401
        """Look, tell, then let it train or end the script.

        With several processes the first looks and the others wait for its word.

        Raises:
            NotTrainedError: if the training is refused, or only a check was wanted.
        """
        if any(trainer is seen for seen in self._seen):
            return
        self._seen.append(trainer)
        self.looked += 1
        ends: int | None = None
        if trainer.is_world_process_zero():
            ends = self._look(trainer, named)
        ends = _agreed(trainer, ends)
        if ends is not None:
            raise NotTrainedError(ends)
        if self.watch:
            _attach(trainer)

    def _look(self, trainer: Any, named: dict[str, Any]) -> int | None:  # noqa: ANN401
        """The exit status with which the script ends here, None where it goes on."""
        from tunewell.train.quiet import quiet

        with quiet():  # some libraries draw a random number when they are first imported
            from tunewell.api.preflight import check_trainer

            document = check_trainer(
                trainer,
                self.settings,
                show_mask=self.show_mask,
                # What `train` gets is what counts.
                resume=named.get("resume_from_checkpoint") or False,
            )
        self.tell(document)
        fails = document.fails(
            severity=self.settings.fail_on, confidence=self.settings.fail_confidence
        )
        if self.check_only:
            nothing = 0 if document.checks_looked else EXIT_NOTHING_CHECKED
            return EXIT_FINDINGS if fails else nothing
        if fails and not self.go_on:
            self.say(
                f"not trained: {counted(len(document.findings), 'finding')}, one of them certain; "
                "mend it, or train all the same with --go-on"
            )
            return EXIT_FINDINGS
        return None


def run(script: str, arguments: Sequence[str], gate: Gate, *, module: bool = False) -> int:
    """Run a script with its arguments, unchanged; every `Trainer.train()` passes the gate first.

    An exception of the script is printed as Python would, and explained where its text is known.

    Returns:
        The exit status: the script's own, or that of the refusal.

    Raises:
        InputError: if there is no such script or module.
    """
    from tunewell.preflight.intercept import run_script, told_before_training

    try:
        with told_before_training(gate.before_training):
            run_script(script, arguments, module=module)
    except NotTrainedError as refused:
        return int(refused.code or 0)
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001  the script's own, whatever it is
        sys.stderr.write(_traceback(error))
        _explain(error, gate)
        return EXIT_SCRIPT_FAILED
    if not gate.looked:
        gate.say("the script ended and never called Trainer.train(): nothing was checked")
        return EXIT_NOTHING_CHECKED if gate.check_only else 0
    return 0


def _agreed(trainer: Any, ends: int | None) -> int | None:  # noqa: ANN401
    """The first process's word, in every process."""
    if trainer.args.world_size <= 1:
        return ends
    from accelerate.utils import broadcast_object_list

    word: list[int | None] = [ends]
    broadcast_object_list(word, from_process=0)
    return word[0]


def _attach(trainer: Any) -> None:  # noqa: ANN401
    from tunewell.train.watch import Watch

    if not any(isinstance(callback, Watch) for callback in trainer.callback_handler.callbacks):
        trainer.add_callback(Watch())


def _traceback(error: Exception) -> str:
    """The traceback without the frames that led to the script."""
    frames = error.__traceback__
    while frames is not None and "runpy" not in frames.tb_frame.f_code.co_filename:
        frames = frames.tb_next
    while frames is not None and "runpy" in frames.tb_frame.f_code.co_filename:
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames))


def _explain(error: Exception, gate: Gate) -> None:
    lines = tuple("".join(traceback.format_exception(error)).splitlines())
    outcomes = examine([LogText(lines=lines, path=None)], settings=gate.settings)
    # The traceback stands above: it is shown again only where more than it says is known.
    if any(finding.name == KNOWN for finding in outcomes.findings):
        gate.tell(build("run", outcomes, title=type(error).__name__))
