"""How processes share the tasks of an outer step and of the fixed evaluation lists."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from outer_loop import TASKS, learner_of, trainer, wave_data
from torch import distributed

from innerloop.data.module import TaskData
from innerloop.data.sets.sinusoid import Sinusoid
from innerloop.errors import UserError


def of_rank(rank: int, ranks: int, **more: int) -> TaskData:
    data = wave_data()
    trainer: Any = SimpleNamespace(
        world_size=ranks, global_rank=rank, global_step=0,
        strategy=SimpleNamespace(root_device=SimpleNamespace(type="cpu")),
    )  # fmt: skip
    data.trainer = trainer
    for key, value in more.items():
        setattr(data, key, value)
    return data


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_every_training_task_goes_to_one_process(ranks: int) -> None:
    for step in (0, 5):
        shares = [of_rank(rank, ranks).training_indices(step) for rank in range(ranks)]
        assert sorted(i for share in shares for i in share) == list(
            range(step * TASKS, (step + 1) * TASKS)
        )
        assert len({len(share) for share in shares}) == 1


@pytest.mark.parametrize("ranks", [1, 2, 3, 7])
def test_every_test_task_goes_to_one_process_and_none_is_idle(ranks: int) -> None:
    shares = [list(of_rank(rank, ranks).test_dataloader().batch_sampler) for rank in range(ranks)]
    assert sorted(i for share in shares for batch in share for i in batch) == list(range(7))
    assert all(shares)


def test_tasks_that_cannot_be_shared_by_the_processes_are_refused() -> None:
    with pytest.raises(UserError, match="use a multiple of 4"):
        of_rank(0, 4).setup("fit")
    with pytest.raises(UserError, match="8 processes"):
        of_rank(0, 8).test_dataloader()


class Differing(Sinusoid):
    """Sinusoids with a different fingerprint in each process."""

    def fingerprint(self, split: str) -> str:
        return f"waves of process {distributed.get_rank() if distributed.is_initialized() else 0}"


def test_processes_that_read_different_data_all_stop_with_an_error(tmp_path: Path) -> None:
    data = wave_data()
    more = {"default_root_dir": tmp_path, "devices": 2, "strategy": "ddp_fork", "max_steps": 1}
    trainer(**more).fit(learner_of("maml"), data)
    data.source = Differing()
    with pytest.raises(Exception, match="processes of this run read different data"):
        trainer(**more).fit(learner_of("maml"), data)
