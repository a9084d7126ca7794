"""Stops a run on a signal: it saves its state at the next batch and exits with a status."""

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

import lightning

from innerloop.callbacks.hooks import data_of
from innerloop.callbacks.recovery import Recovery
from innerloop.machine import processes

STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2)
Handler = Callable[[int, FrameType | None], object] | int | None  #: as in `signal.signal`


class Interrupted(SystemExit):
    """Ends the program, and the sweep that it is a member of, with 128 + the signal's number.

    Of several processes only the first has that status, and the others 0: a launcher kills all
    processes as soon as one of them fails, and these may still be writing.
    """

    def __init__(self, number: int, step: int, first: bool) -> None:
        super().__init__(128 + number if first else 0)
        self.name, self.step = signal.Signals(number).name, step


class Interruption(lightning.Callback):
    """Saves the training (`Recovery.save`) after a signal, and ends the program.

    While a training or a test runs, a signal only sets a flag, which is read at the next batch of
    training, validation or test. A second SIGINT kills at once. An earlier handler of SIGUSR1 or
    SIGUSR2 is called after saving: that of submitit requeues the job. Outside of training and
    testing the earlier handlers stay, as nothing can be lost.
    """

    def __init__(self) -> None:
        self.received = 0  #: the number of the first signal; 0 for none
        self.earlier: dict[int, Handler] = {}  #: the handlers before, by signal

    def on_train_start(self, trainer: lightning.Trainer, *_: object) -> None:
        self._listen(trainer)

    def on_test_start(self, trainer: lightning.Trainer, *_: object) -> None:
        self._listen(trainer)

    def on_train_batch_start(self, trainer: lightning.Trainer, *_: object) -> None:
        self._leave_if_signalled(trainer)

    def on_validation_batch_start(
        self,
        trainer: lightning.Trainer,
        module: lightning.LightningModule,
        batch: object,
        batch_idx: int,
        *_: object,
    ) -> None:
        self._leave_within_evaluation(trainer, "val", batch_idx)

    def on_test_batch_start(
        self,
        trainer: lightning.Trainer,
        module: lightning.LightningModule,
        batch: object,
        batch_idx: int,
        *_: object,
    ) -> None:
        self._leave_within_evaluation(trainer, "test", batch_idx)

    def teardown(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, stage: str
    ) -> None:
        # The earlier handlers are back: this is the last chance to obey a signal.
        self._leave_if_signalled(trainer)

    def _listen(self, trainer: lightning.Trainer) -> None:
        # Lightning has just set its own handlers, which exit at once; it restores the earlier ones.
        if trainer.received_sigterm:
            self.received = signal.SIGTERM
        if threading.current_thread() is threading.main_thread():
            self.earlier = {number: signal.signal(number, self._note) for number in STOPS}

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.received and number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
        self.received = self.received or number

    def _leave_within_evaluation(self, trainer: lightning.Trainer, split: str, batch: int) -> None:
        if batch < data_of(trainer).common_batches(split):  # all processes must decide together
            self._leave_if_signalled(trainer)

    def _leave_if_signalled(self, trainer: lightning.Trainer) -> None:
        number = processes.largest(self.received, trainer.strategy.root_device)
        if number:  # a signal that arrives after this comparison waits for the next batch
            self._leave(trainer, number)

    def _leave(self, trainer: lightning.Trainer, number: int) -> None:
        for callback in trainer.checkpoint_callbacks:
            if isinstance(callback, Recovery):
                callback.save(trainer)
        earlier = self.earlier.get(number)
        if number in (signal.SIGUSR1, signal.SIGUSR2) and callable(earlier):
            earlier(number, None)
        raise Interrupted(number, trainer.global_step, trainer.is_global_zero)
