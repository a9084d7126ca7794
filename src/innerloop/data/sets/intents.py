"""Short texts by class: news headlines, intents of users, and relations between two names."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from innerloop.data.packs.regular_file import regular_file
from innerloop.data.sets.class_lists import class_lists
from innerloop.data.source import SPLITS
from innerloop.data.texts.text_classes import TextClasses, Texts
from innerloop.errors import UserError, one_line

MOST = 2**28  #: bytes of a file

Rows = Iterator[tuple[str, str]]  #: classes and texts


def of_lines(content: str) -> Rows:
    """A JSON object on each line, whose names differ between publishers."""
    for line in content.splitlines():
        row = json.loads(line)
        text = row.get("raw") or row.get("sentence") or row["text"]
        yield str(row["label"]), " ".join(text) if isinstance(text, list) else text


def of_clinc(content: str) -> Rows:
    """Lists of pairs by part; texts out of scope have no class."""
    for part, pairs in json.loads(content).items():
        if not part.startswith("oos"):
            for text, label in pairs:
                yield label, text


def of_table(content: str) -> Rows:
    for row in csv.DictReader(io.StringIO(content)):
        yield row["category"], row["text"]


def of_relations(content: str) -> Rows:
    """Sentences with their two entities marked as `[head]` and `<tail>`."""
    for label, sentences in json.loads(content).items():
        for sentence in sentences:
            tokens = list(sentence["tokens"])
            for (_, _, places), form in zip(
                (sentence["h"], sentence["t"]), ("[{}]", "<{}>"), strict=True
            ):
                for place in places[0]:
                    tokens[place] = form.format(tokens[place])
            yield label, " ".join(tokens)


class Format(NamedTuple):
    """Where the texts of a data set are, and how they are read."""

    files: tuple[str, ...]
    rows: Callable[[str], Rows]
    address: str
    classes: int
    lists: str | None  #: of the classes of each split; None: all classes are for the test


PROTAUGMENT = "https://github.com/tdopierre/ProtAugment, folder data"
FORMATS = {
    "huffpost": Format(
        ("huffpost.jsonl",), of_lines,
        "https://github.com/YujiaBao/Distributional-Signatures", 41, "huffpost_bao",
    ),
    "clinc150": Format(
        ("data_full.json",), of_clinc, "https://github.com/clinc/oos-eval, folder data", 150,
        "clinc150_fold1",
    ),
    "banking77": Format(
        ("train.csv", "test.csv"), of_table,
        "https://github.com/PolyAI-LDN/task-specific-datasets, folder banking_data", 77,
        "banking77_fold1",
    ),
    "hwu64": Format(("full.jsonl",), of_lines, f"{PROTAUGMENT}/HWU64", 64, "hwu64_fold1"),
    "liu54": Format(("full.jsonl",), of_lines, f"{PROTAUGMENT}/Liu", 54, "liu54_fold1"),
    "snips": Format(
        ("snips.jsonl",), of_lines, "https://github.com/sonos/nlu-benchmark", 7, None
    ),
    "fewrel": Format(
        ("val_wiki.json",), of_relations, "https://github.com/thunlp/FewRel, folder data", 16, None
    ),
}  # fmt: skip


class Intents(TextClasses):
    """A published data set of texts, one of `FORMATS`.

    The class lists are in `innerloop/data/splits`: those of Bao et al. 2020 for `huffpost`, and the
    first of five of ProtAugment (Dopierre et al. 2021) for the intents. `snips` has too few classes
    to train on, and of `fewrel` only the validation relations are public: both are tests of a
    learner that was trained elsewhere, `evaluation.on=[snips]`.

    Arguments:
        name: of the data set.
        data_dir: folder of all data sets; the files are in `text/NAME`.
    """

    def __init__(self, name: str, data_dir: str) -> None:
        if name not in FORMATS:
            raise UserError(f"dataset.name={name}: choose {', '.join(FORMATS)}.")
        super().__init__(name, data_dir)
        self.format = FORMATS[name]

    def texts(self) -> Mapping[str, Texts]:
        classes: dict[str, list[str]] = {}
        for file in self.format.files:
            for label, text in self._rows(self.folder / file):
                classes.setdefault(label, []).append(text)
        if len(classes) != self.format.classes:
            raise UserError(
                f"{self.folder}: {self.name} has {self.format.classes} classes, and these files "
                f"have {len(classes)}: replace them."
            )
        if self.format.lists is None:
            return {"test": classes}
        lists = class_lists(self.format.lists)
        missing = [name for names in lists.values() for name in names if name not in classes]
        if missing:
            raise UserError(f"{self.folder} has no texts of the class {missing[0]}: replace it.")
        return {split: {name: classes[name] for name in lists[split]} for split in SPLITS}

    def _rows(self, file: Path) -> list[tuple[str, str]]:
        if not file.exists():
            raise UserError(
                f"{file} is not there: get {', '.join(self.format.files)} from "
                f"{self.format.address}, and put them into {self.folder}."
            )
        try:
            content = regular_file(file, MOST).read_text(encoding="utf-8")
            rows = [(label, " ".join(text.split())) for label, text in self.format.rows(content)]
            if not rows:
                raise ValueError("it holds no texts")
            return rows
        except UserError:
            raise
        except Exception as error:  # a damaged file can raise nearly anything
            raise UserError(
                f"{file} is not what {self.name} publishes ({one_line(error, 120)}): replace it."
            ) from error
