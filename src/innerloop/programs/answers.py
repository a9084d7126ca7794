"""The output of adapt.py: a table of predictions, and the adapted weights."""

import csv
import io
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from innerloop.experiment import notices
from innerloop.machine.files import whole_file, write_whole
from innerloop.reporting.drawing import style
from innerloop.reporting.drawing.contact import contact_sheet

TABLE, WEIGHTS, SHEET = "predictions.csv", "adapted.safetensors", "predictions"


class Answers(NamedTuple):
    """Predictions for a user's images.

    Arguments:
        classes: names of the `c` classes.
        files: the `n` images.
        truths: names of their classes; None if unknown.
        confidences: `(n, c)`, each row a distribution.
        adapted: a line about the learner and its support set.
    """

    classes: list[str]
    files: list[Path]
    truths: list[str | None]
    confidences: Tensor
    adapted: str

    @property
    def predicted(self) -> list[str]:
        """For each image, the class of highest confidence."""
        return [self.classes[i] for i in self.confidences.argmax(-1).tolist()]

    @property
    def accuracy(self) -> tuple[int, int]:
        """The number of right answers, and of images whose class is known and in the support."""
        pairs = list(zip(self.predicted, self.truths, strict=True))
        known = [(p, truth) for p, truth in pairs if truth in self.classes]
        return sum(p == truth for p, truth in known), len(known)

    @property
    def score(self) -> str:
        """How many answers are right, in words; empty if no class is known."""
        right, known = self.accuracy
        return f"right: {right} of the {known} images whose class is known" if known else ""

    def announce(self, modes: set[str]) -> None:
        """Prints what was adapted, whether answers depend on each other, and how many are right.

        Arguments:
            modes: of batch norm, see `innerloop.layers.norm`.
        """
        notices.say(self.adapted)
        if "transductive" in modes:
            notices.say("batch norm is transductive: each answer depends on the other images too")
        if self.score:
            notices.say(self.score)

    def write(
        self, out: Path, inputs: Tensor, weights: dict[str, Tensor], record: dict[str, str]
    ) -> None:
        """Writes `predictions.csv`, `predictions.png` and `adapted.safetensors` into a folder.

        Arguments:
            inputs: `(n, channels, height, width)`, the images as the learner sees them.
            weights: adapted tensors by name.
            record: facts that the file of weights keeps, besides the names of the classes.
        """
        from safetensors.torch import save

        write_whole(out / TABLE, self.table())
        plain = {name: value.detach().contiguous().clone() for name, value in weights.items()}
        with whole_file(out / WEIGHTS) as file:
            file.write(save(plain, record | {"classes": "\n".join(self.classes)}))
        title = "; ".join(filter(None, (self.adapted, self.score)))
        with style.printed():
            figure = contact_sheet(inputs, self.confidences, self.truths, self.classes, title)
        picture = style.save(figure, out / SHEET)
        files = {"predictions": out / TABLE, "picture": picture, "weights": out / WEIGHTS}
        notices.say(*[f"{name} {file}" for name, file in files.items()])

    def table(self) -> str:
        """The predictions as CSV."""
        text = io.StringIO(newline="")
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(["file", "predicted", "true", *(f"confidence {c}" for c in self.classes)])
        values = self.confidences.to(torch.float64).tolist()
        for file, predicted, truth, row in zip(
            self.files, self.predicted, self.truths, values, strict=True
        ):
            rows.writerow([file, predicted, truth or "", *(f"{v:.6f}" for v in row)])
        return text.getvalue()
