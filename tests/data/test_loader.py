"""Batches that are drawn ahead are those that would be drawn one by one."""

import pytest
import torch
from outer_loop import data_of
from torch.utils._pytree import tree_leaves

from innerloop.data.sets.sinusoid import Sinusoid
from innerloop.tasks import Episode


@pytest.mark.parametrize("ahead", [2, 5, 1000])
def test_batches_drawn_ahead_are_those_drawn_one_by_one(
    ahead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Sinusoid, "drawn_ahead", ahead)
    data, calls = data_of(Sinusoid(), Episode(1, 5, 5), Episode(1, 5, 10)), list[int]()
    draw = Sinusoid.tasks

    def counted(source: Sinusoid, split: str, indices: object, *more: object) -> object:
        calls.append(len(indices))  # type: ignore[arg-type]
        return draw(source, split, indices, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(Sinusoid, "tasks", counted)
    for loader in (data.train_dataloader(), data.val_dataloader()):
        batches = list(loader.batch_sampler)
        calls.clear()
        drawn = list(loader)
        assert len(drawn) == len(batches) and len(calls) == -(-len(batches) // ahead)
        for indices, batch in zip(batches, drawn, strict=True):
            alone = loader.dataset.__getitems__(indices)
            for one, other in zip(tree_leaves(batch), tree_leaves(alone), strict=True):
                assert torch.equal(one, other) and one.stride() == other.stride()
