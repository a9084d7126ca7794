"""Signals: how an interrupted run stops, and what its exit status is."""

import os
import signal
from pathlib import Path
from typing import Any

import lightning
import pytest
from killing import SMALL, Kill, train
from outer_loop import kept_by, learner_of, trainer, wave_data

from innerloop.callbacks.checkpoint_file import read_checkpoint
from innerloop.callbacks.interruption import STOPS, Interrupted, Interruption
from innerloop.callbacks.recovery import Recovery


class Sends(lightning.Callback):
    """Sends this process a signal during the second outer step."""

    def __init__(self, number: int) -> None:
        self.number = number

    def on_before_optimizer_step(self, run: Any, *_: Any) -> None:
        if run.global_step == 1:
            os.kill(os.getpid(), self.number)


def interrupted(folder: Path, number: int) -> Interrupted:
    """The exception that ends a training which gets the signal in its second step."""
    kept = Recovery(str(folder), steps=None, minutes=None, keep=1, every=1)
    run = kept_by(Interruption(), Sends(number), kept)
    with pytest.raises(Interrupted) as end:
        run.fit(learner_of(), wave_data())
    return end.value


@pytest.mark.parametrize("number", STOPS)
def test_a_signal_saves_after_the_batch_and_sets_the_exit_status(
    tmp_path: Path, number: int
) -> None:
    before = [signal.getsignal(n) for n in STOPS]
    end = interrupted(tmp_path, number)
    assert end.code == 128 + number
    assert (end.name, end.step) == (signal.Signals(number).name, 2)
    assert read_checkpoint(tmp_path / "last.ckpt")["global_step"] == 2
    assert [signal.getsignal(n) for n in STOPS] == before


def test_an_earlier_handler_is_called_after_saving(tmp_path: Path) -> None:
    seen: list[tuple[int, bool]] = []

    def requeues(number: int, frame: Any) -> None:
        seen.append((number, (tmp_path / "last.ckpt").exists()))

    before = signal.signal(signal.SIGUSR2, requeues)
    try:
        assert interrupted(tmp_path, signal.SIGUSR2).code == 128 + signal.SIGUSR2
    finally:
        signal.signal(signal.SIGUSR2, before)
    assert seen == [(signal.SIGUSR2, True)]


def test_a_signal_before_the_first_step_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    data = wave_data()
    loader = data.train_dataloader()

    def sends() -> Any:
        os.kill(os.getpid(), signal.SIGTERM)
        return loader

    monkeypatch.setattr(data, "train_dataloader", sends)
    with pytest.raises(Interrupted) as end:
        trainer(callbacks=[Interruption()]).fit(learner_of(), data)
    assert (end.value.code, end.value.step) == (128 + signal.SIGTERM, 0)


@pytest.mark.parametrize("hook", ["on_train_end", "on_test_end"])
def test_a_signal_after_the_last_batch_is_obeyed(hook: str) -> None:
    late = lightning.Callback()
    setattr(late, hook, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    run, learner = trainer(callbacks=[Interruption(), late]), learner_of()
    start = run.test if hook == "on_test_end" else run.fit
    with pytest.raises(Interrupted) as end:
        start(learner, wave_data())
    assert end.value.code == 128 + signal.SIGTERM


def test_a_second_sigint_kills_at_once(tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        noticed = Interruption()
        noticed.received = signal.SIGINT
        signal.signal(signal.SIGINT, noticed._note)
        os.kill(os.getpid(), signal.SIGINT)
        os._exit(0)  # reached only if the signal did not kill
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGINT


def test_a_signal_ends_the_sweep_too(tmp_path: Path) -> None:
    kill = Kill("step", 12, signal.SIGTERM)
    sweep = ("--multirun", "seed=0,1", f"hydra.sweep.dir={tmp_path / 'sweep'}", *SMALL)
    assert train(tmp_path / "sweep", *sweep, kill=kill) == 128 + signal.SIGTERM
    members = [p.name for p in (tmp_path / "sweep").iterdir() if p.is_dir()]
    assert members == ["0_sinusoid_maml_seed0"]
    assert read_checkpoint(tmp_path / "sweep" / members[0] / "checkpoints" / "last.ckpt")
    assert "stopped by SIGTERM at outer step 12" in (tmp_path / "sweep.out").read_text()
