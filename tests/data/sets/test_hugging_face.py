"""Images by the library `datasets`: a saved data set, parquet, an image folder, and WebDataset."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from innerloop.data.sets.hugging_face import HuggingFace
from innerloop.data.sets.hugging_face_text import HuggingFaceText
from innerloop.data.texts import as_bytes
from innerloop.errors import UserError
from innerloop.tasks import Episode

datasets = pytest.importorskip("datasets")

CLASSES, EACH = 10, 4
IMAGES = np.random.default_rng(0).integers(0, 255, (CLASSES, EACH, 8, 8, 3), np.uint8)
NAMES = [f"kind_{c}" for c in range(CLASSES)]


def rows() -> dict[str, list[Any]]:
    pictures = [Image.fromarray(image) for own in IMAGES for image in own]
    return {"picture": pictures, "kind": [c for c in range(CLASSES) for _ in range(EACH)]}


def dataset() -> Any:
    kinds = datasets.ClassLabel(names=NAMES)
    features = datasets.Features({"picture": datasets.Image(), "kind": kinds})
    return datasets.Dataset.from_dict(rows(), features=features)


def saved(folder: Path) -> dict[str, str]:
    dataset().save_to_disk(folder / "saved")
    return {"name": str(folder / "saved"), "image": "picture", "label": "kind"}


def parquet(folder: Path) -> dict[str, str]:
    dataset().to_parquet(folder / "rows.parquet")
    file = str(folder / "rows.parquet")
    return {"name": "parquet", "files": file, "image": "picture", "label": "kind"}


def image_folder(folder: Path) -> dict[str, str]:
    for name, own in zip(NAMES, IMAGES, strict=True):
        (folder / "images" / name).mkdir(parents=True)
        for number, image in enumerate(own):
            Image.fromarray(image).save(folder / "images" / name / f"{number}.png")
    return {"name": "imagefolder", "files": str(folder / "images")}


def web_dataset(folder: Path) -> dict[str, str]:
    """Two shards, each an archive with an image and a text of the same name for every example."""
    for shard in range(2):
        with tarfile.open(folder / f"shard-{shard}.tar", "w") as archive:
            for c, name in list(enumerate(NAMES))[shard::2]:
                for number, image in enumerate(IMAGES[c]):
                    file = io.BytesIO()
                    Image.fromarray(image).save(file, "PNG")
                    about = json.dumps({"kind": name}).encode()
                    for ending, content in (("png", file.getvalue()), ("json", about)):
                        entry = tarfile.TarInfo(f"{c}_{number}.{ending}")
                        entry.size = len(content)
                        archive.addfile(entry, io.BytesIO(content))
    files = str(folder / "shard-*.tar")
    return {"name": "webdataset", "files": files, "image": "png", "label": "json.kind"}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("written", [saved, parquet, image_folder, web_dataset])
def test_images_and_classes_are_those_of_the_files(tmp_path: Path, written: Any) -> None:
    source = HuggingFace(**written(tmp_path), folder=str(tmp_path / "packs"), size=8)
    seen: list[str] = []
    for split, classes in (("train", 6), ("val", 2), ("test", 2)):
        pack = source.pack
        assert len(pack.classes(split)) == classes
        images = pack.images(split).reshape(classes, EACH, 8, 8, 3)
        for name, own in zip(pack.classes(split), images, strict=True):
            expected = IMAGES[int(name.removeprefix("kind_"))]
            np.testing.assert_array_equal(np.sort(own, 0), np.sort(expected, 0))
        seen += pack.classes(split)
    assert len(set(seen)) == CLASSES
    task = source.tasks("test", np.arange(3), Episode(2, 1, 2), 0)
    assert task.query.inputs.shape == (3, 4, 3, 8, 8)


def test_a_list_decides_which_class_is_in_which_split(tmp_path: Path) -> None:
    lists = {"train": NAMES[:3], "val": NAMES[3:5], "test": NAMES[5:7]}
    (tmp_path / "split.yaml").write_text(yaml.safe_dump(lists))
    split = str(tmp_path / "split.yaml")
    packs = str(tmp_path / "packs")
    source = HuggingFace(**saved(tmp_path), folder=packs, size=8, split=split)
    assert {s: source.pack.classes(s) for s in lists} == lists


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"label": "class"}, "no column class, but picture, kind"),
        ({"name": "no/such/folder"}, "cannot be read"),
        ({"name": "parquet", "files": "nowhere.parquet"}, "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_said(
    tmp_path: Path, changed: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    given = saved(tmp_path) | changed
    with pytest.raises(UserError, match=message):
        HuggingFace(**given, folder=str(tmp_path / "packs"), size=8).prepare()


def test_a_damaged_parquet_file_is_refused_in_one_line(tmp_path: Path) -> None:
    given = parquet(tmp_path)
    Path(given["files"]).write_bytes(b"PAR1 and nothing else")
    with pytest.raises(UserError, match="cannot be read"):
        HuggingFace(**given, folder=str(tmp_path / "packs"), size=8).prepare()


TEXTS = {name: [f"text {i}  of {name}" for i in range(EACH)] for name in NAMES}


def table_of_texts(folder: Path, kind: str) -> dict[str, str]:
    """The texts as the library saves them, or in a file of columns with other names."""
    kinds = datasets.ClassLabel(names=NAMES)
    pairs = [(text, name) for name, own in TEXTS.items() for text in own]
    columns = {"words": [t for t, _ in pairs], "kind": [n for _, n in pairs]}
    table = datasets.Dataset.from_dict(columns)
    names = {"text": "words", "label": "kind"}
    if kind == "saved":
        table.cast_column("kind", kinds).save_to_disk(folder / "saved")
        return {"name": str(folder / "saved")} | names
    file = folder / f"rows.{kind}"
    getattr(table, f"to_{kind}")(file)
    return {"name": kind, "files": str(file)} | names


@pytest.mark.parametrize("kind", ["saved", "csv", "json", "parquet"])
def test_texts_and_classes_are_those_of_the_files(tmp_path: Path, kind: str) -> None:
    source = HuggingFaceText(**table_of_texts(tmp_path, kind), data_dir=str(tmp_path / "data"))
    seen: list[str] = []
    for split, classes in (("train", 6), ("val", 2), ("test", 2)):
        pack = source.pack
        texts = as_bytes.decoded(torch.from_numpy(np.array(pack.images(split))))
        for number, name in enumerate(pack.classes(split)):
            own = texts[EACH * number : EACH * (number + 1)]
            assert own == [" ".join(text.split()) for text in TEXTS[name]]
        assert len(pack.classes(split)) == classes
        seen += pack.classes(split)
    assert sorted(seen) == sorted(NAMES)


def test_a_column_without_texts_is_refused(tmp_path: Path) -> None:
    given = table_of_texts(tmp_path, "parquet")
    numbers = datasets.Dataset.from_dict({"words": [1, 2, 3], "kind": ["a", "b", "c"]})
    numbers.to_parquet(given["files"])
    with pytest.raises(UserError, match="Row 0 .* holds no text in its column words"):
        HuggingFaceText(**given, data_dir=str(tmp_path / "data")).prepare()
    with pytest.raises(UserError, match="no column text, but words, kind: set dataset.text"):
        HuggingFaceText(**given | {"text": "text"}, data_dir=str(tmp_path / "data")).prepare()
