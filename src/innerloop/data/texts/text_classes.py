"""Episodes of classes of texts."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

from torch import Tensor

from innerloop.data.images import ImageClasses
from innerloop.data.packs.pack import Pack
from innerloop.data.packs.record import Recipe
from innerloop.data.packs.writing import Classes
from innerloop.data.sketch import Listing, Sketch
from innerloop.data.texts import as_bytes
from innerloop.data.texts.tfidf import TfIdf
from innerloop.tasks import Task

Texts = Mapping[str, list[str]]  #: by class
VERSION = 1  #: increase it whenever the same files would make other rows


class TextClasses(ImageClasses):
    """N-way episodes of texts. Learners see the features of an `encoder=`.

    The texts are packed as rows of bytes, and sampled as images are. A text that occurs twice in a
    split is left out once.

    Arguments:
        name: of the data set.
        data_dir: folder of all data sets; the files are in `text/NAME`.
    """

    holds = "texts"
    skips_small = True

    def __init__(self, name: str, data_dir: str) -> None:
        super().__init__(name, Path(data_dir) / "text" / name, on_device=False)

    @abstractmethod
    def texts(self) -> Mapping[str, Texts]:
        """The texts of each class of each split.

        Raises:
            UserError: if files are missing or damaged.
        """

    @property
    def recipe(self) -> Recipe:
        return {"set": self.name, "bytes": as_bytes.LENGTH, "version": VERSION}

    def read(self) -> Mapping[str, Classes]:
        return {
            split: [(name, as_bytes.encoded(texts)) for name, texts in sorted(classes.items())]
            for split, classes in self.texts().items()
        }

    def warn(self, pack: Pack) -> None:
        """Says nothing: short texts such as "yes" recur in other splits."""

    def normalised(self, images: Tensor) -> Tensor:
        return images  # bytes, which only an encoder and the baselines read

    def baselines(self) -> Mapping[str, Callable[[Task], Tensor]]:
        return {"nearest centroid of TF-IDF": self._tfidf}

    @cached_property
    def _tfidf(self) -> TfIdf:
        if "train" not in self.pack.splits:
            return TfIdf([])  # all words weigh the same
        return TfIdf.of(self.pack.images("train"))

    def sketch(self, task: Task, outputs: Tensor) -> Sketch:
        support, queries = (as_bytes.decoded(examples.inputs) for examples in task)
        known = zip(support, map(str, task.support.targets.tolist()), strict=True)
        rows = [["support", text, label, ""] for text, label in known]
        answers = outputs.argmax(1).tolist()
        labels = task.query.targets.tolist()
        rows += [
            ["query", text, str(label), str(answer)]
            for text, label, answer in zip(queries, labels, answers, strict=True)
        ]
        columns = ["", "text", "class", "predicted"]
        return Listing("one test task", columns, rows)
