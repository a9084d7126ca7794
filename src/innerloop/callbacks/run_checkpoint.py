"""Checkpoints of a run whose folder may have been moved since the last one was written."""

from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import ModelCheckpoint

PATHS = ("best_model_path", "kth_best_model_path", "last_model_path")


class RunCheckpoint(ModelCheckpoint):
    """Lightning's, which keeps the best score so far when it finds itself in another folder."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        moved = {key: self._here(state_dict[key]) for key in PATHS}
        best = {self._here(path): score for path, score in state_dict["best_k_models"].items()}
        here = {"dirpath": self.dirpath, "best_k_models": best}
        super().load_state_dict(state_dict | moved | here)

    def _here(self, path: str) -> str:
        return str(Path(str(self.dirpath)) / Path(path).name) if path else path
