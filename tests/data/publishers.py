"""Small data sets in the exact layouts of their publishers, one function for each data set.

`publish` also makes the program expect that few classes and images: it writes small class lists and
cards, whose addresses lead to a server on this machine.
"""

import hashlib
import io
import json
import pickle
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import yaml
from data import python2
from PIL import Image
from scipy.io import savemat

from innerloop.data.sets import (
    card,
    cifar100,
    class_lists,
    imagenet,
    miniimagenet,
    omniglot,
    tieredimagenet,
)

SPLITS = ("train", "val", "test")
EACH = 4  #: images of a class
Lists = dict[str, list[str]]
Images = dict[str, list[np.ndarray]]  #: by class, `(height, width, channels)` before resizing


class Published(NamedTuple):
    """What a publisher has put into a folder."""

    lists: Lists  #: classes of each split
    images: Images
    files: list[str]  #: names, as on the publisher's server
    overrides: tuple[str, ...] = ()  #: of the program's configuration
    dark: bool = False  #: whether ink is dark on light; the program turns it around


def publish(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Published:
    """Writes the publisher's files of a data set into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    small = folder.parent / f"small {name}"
    for kind, module in (("cards", card), ("splits", class_lists)):
        (small / kind).mkdir(parents=True)
        for file in module.FOLDER.iterdir():
            (small / kind / file.name).write_bytes(file.read_bytes())
        monkeypatch.setattr(module, "FOLDER", small / kind)
    monkeypatch.setattr(imagenet, "FOLDER", small / "splits")
    published: Published = globals()[f"publish_{name}"](folder, monkeypatch)
    content = yaml.safe_load((small / "cards" / f"{name}.yaml").read_text())
    content["classes"] = len(published.images)
    content["download"] = "1 MB"
    content["images"] = sum(map(len, published.images.values()))
    (small / "cards" / f"{name}.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return published


def served_from(url: Callable[[str], str], name: str, folder: Path) -> None:
    """Makes the card of a data set name a server, after `publish`."""
    file = Path(str(card.FOLDER)) / f"{name}.yaml"
    content = yaml.safe_load(file.read_text())
    for entry in content["files"]:
        checksum = f"md5:{hashlib.md5((folder / entry).read_bytes()).hexdigest()}"
        content["files"][entry] = {"url": url(entry), "checksum": checksum}
    file.write_text(yaml.safe_dump(content, sort_keys=False))


def few(name: str, each: int = 2) -> Lists:
    """The first classes of each split of a published list, which become the whole list."""
    lists = {s: names[:each] for s, names in class_lists.class_lists(name).items()}
    (Path(str(class_lists.FOLDER)) / f"{name}.json").write_text(json.dumps(lists))
    return lists


def every(lists: Lists) -> list[str]:
    return [name for names in lists.values() for name in names]


def random(key: str, shape: tuple[int, ...] = (14, 11, 3)) -> np.ndarray:
    """An image that depends on a key."""
    seed = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4])
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def encoded(pixels: np.ndarray, kind: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels.squeeze()).save(stream, kind)
    return stream.getvalue()


def decoded(file: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))


def write_tgz(path: Path, members: Mapping[str, bytes]) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def write_zip(path: Path, members: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def jpegs(classes: list[str], place: str) -> tuple[dict[str, bytes], Images]:
    """Files for the images of each class, and the images in them.

    Arguments:
        classes: names.
        place: of a file, with `{name}` and `{number}`.
    """
    files: dict[str, bytes] = {}
    images: Images = {}
    for name in classes:
        for number in range(EACH):
            file = encoded(random(f"{name} {number}"), "JPEG")
            files[place.format(name=name, number=number)] = file
            images.setdefault(name, []).append(decoded(file))
    return files, images


def publish_cub(folder: Path, monkeypatch: Any) -> Published:
    lists = few("cub_chen")
    files, images = jpegs(every(lists), "CUB_200_2011/images/{name}/{name}_{number:04}.jpg")
    extra = {"CUB_200_2011/README": b"about", "attributes.txt": b"1 has_bill_shape"}
    write_tgz(folder / "CUB_200_2011.tgz", files | extra)
    return Published(lists, images, ["CUB_200_2011.tgz"])


def publish_dtd(folder: Path, monkeypatch: Any) -> Published:
    lists = few("dtd_meta_dataset")
    files, images = jpegs(every(lists), "dtd/images/{name}/{name}_{number:04}.jpg")
    extra = {"dtd/images/waffled/.directory": b"of KDE", "dtd/labels/train1.txt": b"a/b.jpg"}
    write_tgz(folder / "dtd-r1.0.1.tar.gz", files | extra)
    return Published(lists, images, ["dtd-r1.0.1.tar.gz"])


def publish_tinyimagenet(folder: Path, monkeypatch: Any) -> Published:
    lists = few("tinyimagenet_foreign")
    place = "tiny-imagenet-200/train/{name}/images/{name}_{number}.JPEG"
    files, images = jpegs(every(lists), place)
    boxes = {f"tiny-imagenet-200/train/{n}/{n}_boxes.txt": b"0 0 9 9" for n in images}
    val = {"tiny-imagenet-200/val/images/val_0.JPEG": encoded(random("val"), "JPEG")}
    write_zip(folder / "tiny-imagenet-200.zip", files | boxes | val)
    return Published(lists, images, ["tiny-imagenet-200.zip"])


def publish_ilsvrc(folder: Path, monkeypatch: Any) -> Published:
    lists = few("ilsvrc_meta_dataset")
    files, images = jpegs(every(lists), "{name}/{name}_{number}.JPEG")
    duplicate = (Path(str(class_lists.FOLDER)) / "ilsvrc_duplicates.txt").read_text().split()[0]
    files[f"{every(lists)[0]}/{duplicate}"] = encoded(random("copy"), "JPEG")
    write_tree(folder, files)
    return Published(lists, images, [], (f"dataset.path={folder}",))


def write_tree(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def publish_aircraft(folder: Path, monkeypatch: Any) -> Published:
    lists, root = few("aircraft_meta_dataset"), "fgvc-aircraft-2013b/data"
    files: dict[str, bytes] = {}
    images: Images = {}
    lines: dict[str, list[str]] = {"variant_trainval": [], "variant_test": [], "box": []}
    for name in every(lists):
        for number in range(EACH):
            image = f"{len(files):07}"
            file = encoded(random(image), "JPEG")
            files[f"{root}/images/{image}.jpg"] = file
            lines[f"variant_{'test' if number % 2 else 'trainval'}"].append(f"{image} {name}")
            lines["box"].append(f"{image} 2 1 9 {10 + number}")
            images.setdefault(name, []).append(decoded(file)[1 : 10 + number, 2:9])
    for part, text in lines.items():
        files[f"{root}/images_{part}.txt"] = "\n".join([*text, ""]).encode()
    write_tgz(folder / "fgvc-aircraft-2013b.tar.gz", files)
    return Published(lists, images, ["fgvc-aircraft-2013b.tar.gz"])


def publish_vgg_flower(folder: Path, monkeypatch: Any) -> Published:
    lists = few("vgg_flower_meta_dataset")
    names, files = every(lists), {}
    images: Images = {}
    numbers = [int(name[:3]) for name in names for _ in range(EACH)][::-1]
    for image, number in enumerate(numbers, 1):
        name = next(n for n in names if n.startswith(f"{number:03}"))
        file = encoded(random(f"{name} {image}"), "JPEG")
        files[f"jpg/image_{image:05}.jpg"] = file
        images.setdefault(name, []).append(decoded(file))
    write_tgz(folder / "102flowers.tgz", files)
    savemat(folder / "imagelabels.mat", {"labels": np.array([numbers], np.uint8)})
    return Published(lists, images, ["102flowers.tgz", "imagelabels.mat"])


def publish_fungi(folder: Path, monkeypatch: Any) -> Published:
    lists = few("fungi_meta_dataset")
    files, images = jpegs(every(lists), "images/{name}/{number}.JPG")
    species = [{"id": int(n[:4]), "name": n[5:]} for n in images]
    entries = [{"id": i, "file_name": file} for i, file in enumerate(files)]
    owners = [{"image_id": i, "category_id": int(f.split("/")[1][:4])} for i, f in enumerate(files)]
    annotations = {}
    for part, start in (("train", 0), ("val", 1)):
        content = {"categories": species, "images": entries[start::2]}
        content["annotations"] = owners[start::2]
        annotations[f"{part}.json"] = json.dumps(content).encode()
    write_tgz(folder / "fungi_train_val.tgz", files)
    write_tgz(folder / "train_val_annotations.tgz", annotations)
    return Published(lists, images, ["fungi_train_val.tgz", "train_val_annotations.tgz"])


def publish_mscoco(folder: Path, monkeypatch: Any) -> Published:
    lists = few("mscoco_meta_dataset")
    files, annotations = {}, []
    images: Images = {}
    for number in range(EACH):
        file = encoded(random(f"photograph {number}", (40, 50, 3)), "JPEG")
        files[f"train2017/{number:012}.jpg"] = file
        for identity, name in enumerate(every(lists)):
            box = [10.25 + identity, 10.25, 10.0, 20.0]  # with its margin, 9.25 to 21.25
            annotations.append({"image_id": number, "bbox": box, "category_id": identity})
            cut = decoded(file)[8:33, 9 + identity : 22 + identity]
            images.setdefault(name, []).append(cut)
    categories = [{"id": i, "name": n} for i, n in enumerate(images)]
    content = {"annotations": annotations, "categories": categories}
    write_zip(folder / "train2017.zip", files)
    name = "annotations/instances_train2017.json"
    write_zip(folder / "annotations_trainval2017.zip", {name: json.dumps(content).encode()})
    return Published(lists, images, ["train2017.zip", "annotations_trainval2017.zip"])


def publish_traffic_sign(folder: Path, monkeypatch: Any) -> Published:
    lists = few("traffic_sign_meta_dataset", 5)
    files: dict[str, bytes] = {}
    images: Images = {}
    for name in every(lists):
        place = f"GTSRB/Final_Training/Images/{int(name[:2]):05}"
        files[f"{place}/GT-{int(name[:2]):05}.csv"] = b"Filename;Width"
        for number in range(12):  # four tracks of three images
            pixels = random(f"{name} {number}")
            files[f"{place}/{number // 3:05}_{number % 3:05}.ppm"] = encoded(pixels, "PPM")
            images.setdefault(name, []).append(pixels)
    write_zip(folder / "GTSRB_Final_Training_Images.zip", files)
    return Published(lists, images, ["GTSRB_Final_Training_Images.zip"])


def publish_quickdraw(folder: Path, monkeypatch: Any) -> Published:
    lists = few("quickdraw_meta_dataset")
    images: Images = {}
    for name in every(lists):
        rows = random(name, (6, 784))
        np.save(folder / f"{name}.npy", rows)
        images[name] = list(rows[:EACH].reshape(-1, 28, 28, 1))
    names = [f"{name}.npy" for name in every(lists)]
    return Published(lists, images, names, (f"dataset.images={EACH}",))


def publish_eurosat(folder: Path, monkeypatch: Any) -> Published:
    lists = few("eurosat_bscd_fsl", 3)
    files, images = jpegs(every(lists), "2750/{name}/{name}_{number}.jpg")
    write_zip(folder / "EuroSAT.zip", files)
    return Published(lists, images, ["EuroSAT.zip"])


def publish_crop_disease(folder: Path, monkeypatch: Any) -> Published:
    lists = few("crop_disease_bscd_fsl", 3)
    files, images = jpegs(every(lists), "dataset/train/{name}/{number}___RS_HL.JPG")
    write_tree(folder, files)
    return Published(lists, images, [], (f"dataset.path={folder}",))


def publish_isic2018(folder: Path, monkeypatch: Any) -> Published:
    lists, name = few("isic2018_bscd_fsl", 3), "ISIC2018_Task3_Training"
    place = f"{name}_Input/ISIC_{{name}}{{number}}.jpg"
    files, images = jpegs(every(lists), place)
    rows = [",".join(["image", *images])]
    for file in files:
        image = Path(file).stem
        rows.append(",".join([image, *[f"{float(n == image[5:-1])}" for n in images]]))
    write_zip(folder / f"{name}_Input.zip", files | {f"{name}_Input/LICENSE.txt": b"CC BY-NC"})
    truths = {f"{name}_GroundTruth/{name}_GroundTruth.csv": "\n".join(rows).encode()}
    write_zip(folder / f"{name}_GroundTruth.zip", truths)
    return Published(lists, images, [f"{name}_Input.zip", f"{name}_GroundTruth.zip"])


def publish_chestx(folder: Path, monkeypatch: Any) -> Published:
    lists = few("chestx_bscd_fsl", 3)
    files, rows = {}, ["Image Index,Finding Labels,Follow-up #"]
    images: Images = {}
    findings = [*every(lists) * EACH, "No Finding", "Pneumonia", "|".join(every(lists))]
    for number, finding in enumerate(findings):
        pixels = random(f"chest {number}", (14, 11))
        rows.append(f"{number:08}_000.png,{finding},0")
        if finding in every(lists):
            files[f"images/{number:08}_000.png"] = encoded(pixels, "PNG")
            images.setdefault(finding, []).append(np.repeat(pixels[..., None], 3, -1))
    write_tree(folder, files | {"Data_Entry_2017.csv": "\n".join(rows).encode()})
    return Published(lists, images, [], (f"dataset.path={folder}",))


def publish_omniglot(folder: Path, monkeypatch: Any) -> Published:
    names = {"train": ["Greek/character01", "Latin/character02"], "val": ["Greek/character02"]}
    lists = names | {"test": ["Latin/character01"]}
    monkeypatch.setattr(omniglot, "_class_list", lists.__getitem__)
    images: Images = {}
    for name, alphabet in (("background", "Greek"), ("evaluation", "Latin")):
        files = {}
        for character in (1, 2):
            place = f"{alphabet}/character{character:02}"
            for number in range(20):
                ink = random(f"{place} {number}", (105, 105)) > 128
                file = io.BytesIO()
                Image.fromarray(ink).save(file, "PNG")
                files[f"images_{name}/{place}/0001_{number + 1:02}.png"] = file.getvalue()
                images.setdefault(place, []).append(255 * ink[..., None].astype(np.uint8))
        write_zip(folder / f"images_{name}.zip", files)
    return Published(lists, images, ["images_background.zip", "images_evaluation.zip"], dark=True)


def publish_miniimagenet(folder: Path, monkeypatch: Any) -> Published:
    monkeypatch.setattr(miniimagenet, "CLASSES", dict.fromkeys(SPLITS, 1))
    lists = {split: [f"n{number}"] for number, split in enumerate(SPLITS)}
    images = {}
    for split, (name,) in lists.items():
        pixels = random(split, (600, 84, 84, 3))
        content = {"image_data": pixels, "class_dict": {name: list(range(600))}}
        (folder / miniimagenet.FILES[split]).write_bytes(pickle.dumps(content))
        images[name] = list(pixels)
    return Published(lists, images, list(miniimagenet.FILES.values()))


def publish_tieredimagenet(folder: Path, monkeypatch: Any) -> Published:
    monkeypatch.setattr(tieredimagenet, "SIZES", dict.fromkeys(SPLITS, (2, 2 * EACH)))
    lists = {split: [f"{split}000", f"{split}001"] for split in SPLITS}
    images: Images = {}
    for split, names in lists.items():
        pixels = [random(f"{name} {i}", (84, 84, 3)) for i in range(EACH) for name in names]
        pngs = [np.frombuffer(encoded(p, "PNG"), np.uint8).reshape(-1, 1).copy() for p in pixels]
        labels = {"label_specific": np.tile(np.arange(2), EACH), "label_specific_str": names}
        place = folder / f"tiered-imagenet-{split}"
        Path(f"{place}_images_png.pkl").write_bytes(python2.dumps(pngs))
        Path(f"{place}_labels.pkl").write_bytes(python2.dumps(labels))
        images |= {name: pixels[number::2] for number, name in enumerate(names)}
    files = [f"tiered-imagenet-{s}_{k}.pkl" for s in SPLITS for k in ("images_png", "labels")]
    return Published(lists, images, files)


def publish_cifarfs(folder: Path, monkeypatch: Any) -> Published:
    return _publish_cifar100("cifarfs", folder, monkeypatch)


def publish_fc100(folder: Path, monkeypatch: Any) -> Published:
    return _publish_cifar100("fc100", folder, monkeypatch)


def _publish_cifar100(split: str, folder: Path, monkeypatch: Any) -> Published:
    lists = few(split)
    names, images = sorted(every(lists)), {}
    monkeypatch.setattr(cifar100, "PARTS", {"train": 3, "test": 1})
    files = {"cifar-100-python/meta": python2.dumps({"fine_label_names": names})}
    for part, each in cifar100.PARTS.items():
        pixels = random(f"{split} {part}", (each, len(names), 32, 32, 3))
        rows = np.ascontiguousarray(pixels.transpose(0, 1, 4, 2, 3).reshape(-1, 3072))
        content = {"data": rows, "fine_labels": np.tile(np.arange(len(names)), each).tolist()}
        files[f"cifar-100-python/{part}"] = python2.dumps(content)
        for number, name in enumerate(names):
            images.setdefault(name, []).extend(pixels[:, number])
    write_tgz(folder / cifar100.ARCHIVE, files)
    return Published(lists, images, [cifar100.ARCHIVE])


def publish_meta_album(folder: Path, monkeypatch: Any) -> Published:
    lists = {"train": [], "val": [], "test": ["a bird", "another"]}
    files, images = jpegs(lists["test"], "BRD_Mini/images/{name}{number}.jpg")
    rows = ["FILE_NAME,CATEGORY,SUPER_CATEGORY"]
    rows += [f"{Path(file).name},{Path(file).stem[:-1]},birds" for file in files]
    columns = {"image_column_name": "FILE_NAME", "category_column_name": "CATEGORY"}
    info = json.dumps({"dataset_name": "BRD_Mini", "total_categories": 2} | columns)
    texts = {"BRD_Mini/info.json": info.encode(), "BRD_Mini/labels.csv": "\n".join(rows).encode()}
    write_tree(folder, files | texts)
    return Published(lists, images, [], ("dataset.name=BRD_Mini",))
