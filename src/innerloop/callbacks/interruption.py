"""A run that is told to stop keeps its state at the next batch, then leaves with a status."""

import os
import signal
import threading
from typing import Any

import lightning

from innerloop.callbacks.recovery import Recovery
from innerloop.machine import processes

STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2)


class Interrupted(SystemExit):
    """Ends the program, and the sweep that it is a member of, with 128 + the signal's number.

    Of several processes the first alone has that status, and the rest 0: what started them takes
    a member that fails for a reason to kill the others, which may still be writing.
    """

    def __init__(self, number: int, step: int, first: bool) -> None:
        super().__init__(128 + number if first else 0)
        self.name, self.step = signal.Signals(number).name, step


class Interruption(lightning.Callback):
    """Signals only set a flag while a training or a test runs; at the next batch, of validation
    and test too, training is saved (`Recovery.save`) and the program leaves.

    A second SIGINT kills at once. A handler of SIGUSR1 or SIGUSR2 that was there before is called
    once all is saved: submitit's requeues the job. Outside of training and testing signals do what
    they did before, as nothing could be lost.
    """

    def __init__(self) -> None:
        self.told = 0  #: the signal's number
        self.before: dict[int, Any] = {}

    def on_train_start(self, trainer: lightning.Trainer, module: Any) -> None:
        self._listen(trainer)

    def on_test_start(self, trainer: lightning.Trainer, module: Any) -> None:
        self._listen(trainer)

    def on_train_batch_start(self, trainer: lightning.Trainer, *_: Any) -> None:
        self._leave_if_told(trainer)

    def on_validation_batch_start(
        self, trainer: lightning.Trainer, module: Any, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        self._leave_within_evaluation(trainer, "val", batch_idx)

    def on_test_batch_start(
        self, trainer: lightning.Trainer, module: Any, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        self._leave_within_evaluation(trainer, "test", batch_idx)

    def teardown(self, trainer: lightning.Trainer, module: Any, stage: str) -> None:
        # The former handlers are back: whatever was noted until then is heeded here at the latest.
        self._leave_if_told(trainer)

    def _listen(self, trainer: lightning.Trainer) -> None:
        # Lightning has just set its own, which leave with 0 or at once; it puts back the former.
        if trainer.received_sigterm:
            self.told = signal.SIGTERM
        if threading.current_thread() is threading.main_thread():
            self.before = {number: signal.signal(number, self._note) for number in STOPS}

    def _note(self, number: int, frame: Any) -> None:
        if self.told and number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
        self.told = self.told or number

    def _leave_within_evaluation(self, trainer: Any, split: str, batch: int) -> None:
        if batch < trainer.datamodule.common_batches(split):  # or others are not there to agree
            self._leave_if_told(trainer)

    def _leave_if_told(self, trainer: lightning.Trainer) -> None:
        told = processes.largest(self.told, trainer.strategy.root_device)
        if told:  # if not, one may have come in the meantime: it waits for the next batch
            self._leave(trainer, told)

    def _leave(self, trainer: lightning.Trainer, told: int) -> None:
        for callback in trainer.checkpoint_callbacks:
            if isinstance(callback, Recovery):
                callback.save(trainer)
        before = self.before.get(told)
        if told in (signal.SIGUSR1, signal.SIGUSR2) and callable(before):
            before(told, None)
        raise Interrupted(told, trainer.global_step, trainer.is_global_zero)
