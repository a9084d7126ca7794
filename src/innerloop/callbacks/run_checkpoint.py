"""The best checkpoints of a run, whose folder may have moved and whose files may be damaged."""

from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from innerloop.callbacks.kept import BEST, read_newest
from innerloop.errors import UserError

PATHS = ("best_model_path", "kth_best_model_path", "last_model_path")


class RunCheckpoint(ModelCheckpoint):
    """Lightning's `ModelCheckpoint`, which on resuming looks at the files that exist.

    A run that is resumed in another folder keeps the best score so far. If its best checkpoint is
    damaged or missing, it has the score of the best one that is left, or none, so that a later
    validation can be the best.
    """

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        moved = {key: self._here(state_dict[key]) for key in PATHS}
        best = {self._here(path): score for path, score in state_dict["best_k_models"].items()}
        here = {"dirpath": self.dirpath, "best_k_models": best}
        super().load_state_dict(state_dict | moved | here)
        if self.best_k_models:
            self._correct_best_score()

    def _correct_best_score(self) -> None:
        best = str(Path(str(self.dirpath)) / BEST)
        score, believed = self._score(Path(best)), self.best_k_models.get(best)
        if score is None:
            worst = torch.tensor(torch.inf if self.mode == "min" else -torch.inf)
            self.best_k_models, self.best_model_score, self.kth_value = {}, None, worst
            self.best_model_path = self.kth_best_model_path = ""
        elif believed is None or (score > believed if self.mode == "min" else score < believed):
            self.best_k_models, self.best_model_score, self.kth_value = {best: score}, score, score

    def _score(self, best: Path) -> torch.Tensor | None:
        """The validation score of the best checkpoint that can be read."""
        try:
            newest = read_newest(best)
        except UserError:  # all are damaged
            return None
        validation = newest.content["innerloop"].get("validation", {}) if newest else {}
        score = validation.get(str(self.monitor).removeprefix("val/"))
        return None if score is None else torch.tensor(score, dtype=torch.float32)

    def _here(self, path: str) -> str:
        return str(Path(str(self.dirpath)) / Path(path).name) if path else path
