"""Every test starts with the same random seed, one thread and settings that save time."""

import os
from pathlib import Path
from typing import Any

import pytest
import torch

torch.set_num_threads(1)  # also for fixtures of modules, which run before those of functions


@pytest.fixture(autouse=True)
def _same_start() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture(autouse=True)
def _one_figure(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs draw only their first figure, because drawing all takes half the time of a short run."""
    if "figures" in request.keywords:
        return
    from innerloop.reporting.figures import Figures

    draw = Figures.save

    def save(self: Any, name: str, folder: Path) -> Path | None:
        return draw(self, name, folder) if name == "adaptation" else None

    monkeypatch.setattr(Figures, "save", save)
