"""Classes of texts: bytes, TF-IDF against scikit-learn, readers of every layout, damage."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from data import damage

from innerloop.data.features.encoder import Encoder
from innerloop.data.features.feature_classes import FeatureClasses
from innerloop.data.sets import intents
from innerloop.data.sets.class_lists import class_lists
from innerloop.data.sets.glyphs import Glyphs
from innerloop.data.sets.intents import FORMATS, Intents
from innerloop.data.texts import as_bytes
from innerloop.data.texts.tfidf import TfIdf, words
from innerloop.errors import UserError
from innerloop.tasks import Episode, Examples, Task

TEXTS = ["play some jazz", "play the next song", "what is the weather", "¿qué tiempo hace?", ""]


def test_texts_survive_as_bytes_and_long_ones_are_cut_between_letters() -> None:
    assert as_bytes.decoded(torch.from_numpy(as_bytes.encoded(TEXTS))) == TEXTS
    (cut,) = as_bytes.decoded(torch.from_numpy(as_bytes.encoded(["ü" * as_bytes.LENGTH])))
    assert cut == "ü" * (as_bytes.LENGTH // 2)


def test_tfidf_vectors_are_those_of_scikit_learn() -> None:
    text = pytest.importorskip("sklearn.feature_extraction.text")
    known = text.TfidfVectorizer(token_pattern=r"(?u)\b\w\w+\b").fit(TEXTS[:4])
    expected = known.transform(TEXTS[:4]).toarray()
    vectors = TfIdf(TEXTS[:4]).vectors(TEXTS[:4])
    names = list(dict.fromkeys(name for text in TEXTS[:4] for name in words(text)))
    order = [known.vocabulary_[name] for name in names]
    np.testing.assert_allclose(vectors.numpy(), expected[:, order], rtol=1e-5, atol=1e-6)


def test_the_nearest_centroid_shares_the_most_words() -> None:
    support = Examples(torch.from_numpy(as_bytes.encoded(TEXTS[:3])), torch.tensor([0, 0, 1]))
    asked = ["a song to play", "weather today"]
    query = Examples(torch.from_numpy(as_bytes.encoded(asked)), torch.tensor([0, 1]))
    assert TfIdf(TEXTS)(Task(support, query)).argmax(1).tolist() == [0, 1]


def written(name: str, folder: Path) -> Path:
    """A small data set in its publisher's layout: four texts for each of its classes."""
    form = FORMATS[name]
    lists = {} if form.lists is None else class_lists(form.lists)
    classes = [c for own in lists.values() for c in own] or [f"c{i}" for i in range(form.classes)]
    pairs = [(f"the text {i} of {c}", c) for c in classes for i in range(4)]
    place = folder / "text" / name
    place.mkdir(parents=True)
    if form.rows is intents.of_lines:
        lines = [json.dumps({"raw": text, "label": label}) for text, label in pairs]
        (place / form.files[0]).write_text("\n".join(lines))
    elif form.rows is intents.of_clinc:
        content = {"train": pairs[::2], "test": pairs[1::2], "oos_test": [["what?", "oos"]]}
        (place / form.files[0]).write_text(json.dumps(content))
    elif form.rows is intents.of_table:
        for file, part in zip(form.files, (pairs[::2], pairs[1::2]), strict=True):
            (place / file).write_text("text,category\n" + "".join(f'"{t}",{c}\n' for t, c in part))
    else:
        relations: dict[str, list[Any]] = {c: [] for c in classes}
        for text, label in pairs:
            tokens = text.split()
            relations[label].append(
                {"tokens": tokens, "h": ["", "", [[1]]], "t": ["", "", [[len(tokens) - 1]]]}
            )
        (place / form.files[0]).write_text(json.dumps(relations))
    return folder


@pytest.mark.parametrize("name", FORMATS)
def test_every_layout_is_read(name: str, tmp_path: Path) -> None:
    source = Intents(name, str(written(name, tmp_path)))
    source.prepare()
    sizes = {split: len(source.pack.classes(split)) for split in source.pack.splits}
    lists = FORMATS[name].lists
    expected = {"test": FORMATS[name].classes} if lists is None else {
        split: len(names) for split, names in class_lists(lists).items()
    }  # fmt: skip
    assert sizes == expected
    tasks = source.tasks("test", np.arange(2), Episode(5, 1, 2), seed=0)
    (text, *_) = as_bytes.decoded(tasks.support.inputs[0])
    assert "text" in text
    if name == "fewrel":
        assert "[text]" in text and "<" in text
    baseline = source.baselines()["nearest centroid of TF-IDF"]
    task = Task(*[Examples(part.inputs[0], part.targets[0]) for part in tasks])
    assert (baseline(task).argmax(1) == task.query.targets).all()  # each text names its class


@pytest.mark.parametrize("lists", sorted({f.lists for f in FORMATS.values() if f.lists}))
def test_no_class_is_in_two_splits(lists: str) -> None:
    names = [name for own in class_lists(lists).values() for name in own]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("way", damage.FILE, ids=lambda way: way.__name__)
@pytest.mark.parametrize("name", ["huffpost", "clinc150", "banking77", "fewrel"])
def test_a_damaged_file_is_refused_in_one_line(name: str, way: Any, tmp_path: Path) -> None:
    written(name, tmp_path)
    rng = np.random.default_rng(0)
    way(damage.some(sorted(p for p in tmp_path.rglob("*") if p.is_file()), rng), rng)
    message = refusal(Intents(name, str(tmp_path)))
    if message is None:
        assert way.__name__ in {"flips", "hole", "more", "cut"}
    else:
        assert str(tmp_path) in message and len(message) < 500 and "\n" not in message


def refusal(source: Intents) -> str | None:
    """The message with which a data set is refused; None if it is read."""
    try:
        source.prepare()
    except UserError as error:
        return str(error)
    return None


def test_a_missing_file_is_named_with_its_address(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="https://github.com/clinc"):
        Intents("clinc150", str(tmp_path)).prepare()


class Lengths(Encoder):
    """Features of texts that can be recognised: the number of letters and of blanks."""

    encodes = "texts"

    def __init__(self) -> None:
        super().__init__(width=2, batch=3, pretrained_on="nothing")

    @property
    def recipe(self) -> dict[str, Any]:
        return {"network": "lengths"}

    def load(self) -> torch.nn.Module:
        return torch.nn.Identity()

    def encode(self, rows: torch.Tensor, device: torch.device) -> torch.Tensor:
        pairs = [(float(len(text)), float(text.count(" "))) for text in as_bytes.decoded(rows)]
        return self.checked(torch.tensor(pairs))


def test_features_are_those_of_the_texts_of_the_same_tasks(tmp_path: Path) -> None:
    source = Intents("huffpost", str(written("huffpost", tmp_path)))
    features = FeatureClasses(source, Lengths(), torch.device("cpu"))
    drawn = np.arange(3), Episode(5, 1, 2), 1
    texts, seen = source.tasks("test", *drawn), features.tasks("test", *drawn)
    for t in range(3):
        own = as_bytes.decoded(texts.query.inputs[t])
        expected = torch.tensor([(float(len(text)), float(text.count(" "))) for text in own])
        torch.testing.assert_close(seen.query.inputs[t], expected)
    assert features.underlying is source


def test_an_encoder_of_texts_refuses_images() -> None:
    with pytest.raises(UserError):
        FeatureClasses(Glyphs(), Lengths(), torch.device("cpu"))
