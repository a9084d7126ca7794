"""Every data set that has files: downloaded from a server on this machine, packed and compared."""

import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from cli import FAST, results, train
from data import publishers
from data.publishers import Published
from data.server import Server, serving
from helpers import choices, config
from hydra.utils import get_class
from PIL import Image

from innerloop.data.images import ImageClasses
from innerloop.data.packs.pictures import Reading
from innerloop.data.sets import card
from innerloop.errors import UserError
from innerloop.experiment.parts.data import build_source
from innerloop.tasks import Episode, Range

SETS = card.names()
DOWNLOADED = [name for name in SETS if not card.card(name).by_hand]


def source(name: str, data: Path, published: Published) -> ImageClasses:
    settings = config(f"dataset={name}", f"paths.data={data}", *published.overrides)
    built = build_source(settings)
    assert isinstance(built, ImageClasses)
    return built


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "server").mkdir()
    with serving(tmp_path / "server") as server:
        yield server


def as_packed(image: np.ndarray, reading: Reading) -> np.ndarray:
    size = (reading.size, reading.size)
    small = Image.fromarray(image.squeeze()).resize(size, Image.Resampling.LANCZOS)
    return np.asarray(small).reshape(*size, reading.channels)


def compare(data: ImageClasses, published: Published) -> None:
    """The pack holds every published image, in the class and split that it belongs to."""
    assert data.pack.splits == [split for split, names in published.lists.items() if names]
    for split in data.pack.splits:
        assert data.pack.classes(split) == published.lists[split]
        ends = np.cumsum(data.pack.counts(split))
        parts = np.split(data.pack.images(split), ends[:-1])
        for name, images in zip(published.lists[split], parts, strict=True):
            expected = {as_packed(i, data.reading).tobytes() for i in published.images[name]}
            if published.dark:
                expected = {bytes(255 - np.frombuffer(e, np.uint8)) for e in expected}
            assert {image.tobytes() for image in images} == expected, (split, name)


def test_every_data_set_with_files_has_a_card() -> None:
    """Data sets of images; those of other fields have a page in docs/fields."""
    with_files = {name for name in choices("dataset") if "data_dir" in config_of(name)}
    images = {name for name in with_files if holds_images(config_of(name)["_target_"])}
    assert set(SETS) == images


def holds_images(target: str) -> bool:
    kind = get_class(target)
    return issubclass(kind, ImageClasses) and kind.holds == "images"


def config_of(name: str) -> dict:
    import yaml
    from helpers import CONF

    return yaml.safe_load((CONF / "dataset" / f"{name}.yaml").read_text())["dataset"]


@pytest.mark.parametrize("name", SETS)
def test_every_set_is_read_as_it_was_published(
    name: str, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_hand = card.card(name).by_hand
    folder = tmp_path / "data" / name if by_hand else server.folder
    published = publishers.publish(name, folder, monkeypatch)
    if not by_hand:
        publishers.served_from(server.url, name, server.folder)
        monkeypatch.setattr("innerloop.data.sets.quickdraw.PUBLISHER", server.url("").rstrip("/"))
    data = source(name, tmp_path / "data", published)
    data.prepare()
    compare(data, published)


def test_support_and_query_show_different_traffic_signs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "data" / "traffic_sign"
    published = publishers.publish("traffic_sign", folder, monkeypatch)
    data = source("traffic_sign", tmp_path / "data", published)
    track = {
        as_packed(image, data.reading).tobytes(): (name, number // 3)
        for name, images in published.images.items()
        for number, image in enumerate(images)
    }
    tasks = data.tasks("test", np.arange(200), Episode(3, 2, 4), 0)
    both = [e.inputs.movedim(-3, -1).contiguous().numpy() for e in tasks]
    used = set()
    for support, query in zip(*both, strict=True):
        tracks = [{track[image.tobytes()] for image in images} for images in (support, query)]
        assert not tracks[0] & tracks[1]
        assert len({image.tobytes() for image in (*support, *query)}) == 3 * 6
        used |= tracks[0]
    assert used == set(track.values())


def test_tasks_of_unequal_size_show_different_traffic_signs_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "data" / "traffic_sign"
    published = publishers.publish("traffic_sign", folder, monkeypatch)
    data = source("traffic_sign", tmp_path / "data", published)
    track = {
        as_packed(image, data.reading).tobytes(): (name, number // 3)
        for name, images in published.images.items()
        for number, image in enumerate(images)
    }
    episode = Episode(Range(2, 5), Range(1, 20), Range(1, 6), "meta_dataset")
    data.check("test", episode)
    both = data.tasks("test", np.arange(100), episode, 0)
    for row in range(100):
        tracks = []
        for inputs, targets in both:
            images = inputs.values[row][inputs.real[row]].movedim(-3, -1).contiguous().numpy()
            tracks.append({track[image.tobytes()] for image in images})
            assert len({name for name, _ in tracks[-1]}) == len(set(targets[row].tolist()) - {-100})
        assert not tracks[0] & tracks[1]


def test_a_part_of_the_traffic_signs_is_packed_again_when_there_are_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = publishers.publish("traffic_sign", tmp_path / "archive", monkeypatch)
    folder = tmp_path / "data" / "gtsrb" / "Train"
    settings = config("dataset=traffic_sign_part", f"paths.data={tmp_path / 'data'}")
    for each in (4, 8):  # the first images of each class, three of a sign
        for name in published.lists["test"]:
            for number, pixels in enumerate(published.images[name][:each]):
                file = f"{int(name[:2])}/{int(name[:2]):05}_{number // 3:05}_{number % 3:05}.png"
                publishers.write_tree(folder, {file: publishers.encoded(pixels, "PNG")})
        data = build_source(settings)
        assert isinstance(data, ImageClasses)
        few = {name: images[:each] for name, images in published.images.items()}
        compare(data, published._replace(images=few))
        assert data.pack.series("test") == [[3, 1] if each == 4 else [3, 3, 2]] * 5
    for file in (folder / "1").iterdir():
        file.unlink()
    with pytest.raises(UserError, match=r"and class 01.Speed limit \(30km/h\) has none"):
        build_source(settings).prepare()


@pytest.mark.parametrize("name", ["ilsvrc", "crop_disease", "chestx"])
def test_a_set_that_cannot_be_downloaded_is_read_from_its_folder(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = publishers.publish(name, tmp_path / "elsewhere", monkeypatch)
    without_path = published._replace(overrides=())
    with pytest.raises(UserError, match=f"(?s)cannot be downloaded: .*FOLDER be .*data/{name}"):
        source(name, tmp_path / "data", without_path).prepare()
    shutil.copytree(tmp_path / "elsewhere", tmp_path / "data" / name, dirs_exist_ok=True)
    compare(source(name, tmp_path / "data", without_path), published)


def test_a_set_to_test_on_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published = publishers.publish("mscoco", tmp_path / "data" / "mscoco", monkeypatch)
    data = source("mscoco", tmp_path / "data", published)
    with pytest.raises(UserError, match=r"no train classes, only val, test: .*on=\[mscoco\]"):
        data.check("train", Episode(2, 1, 1))
    data.check("test", Episode(2, 1, 1))


def test_a_run_is_tested_on_published_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("cub", "traffic_sign"):
        publishers.publish(name, tmp_path / "data" / name, monkeypatch)
    sizes = ("episode.ways=2", "episode.queries=2", "inner.steps=1", "model.body.filters=4")
    on = ("dataset=cub", "evaluation.on=[traffic_sign]", f"paths.data={tmp_path / 'data'}")
    result = train(tmp_path / "run", "algorithm=protonet", *on, *sizes, *FAST)
    assert result["test"]["accuracy"]["tasks"] == 4
    elsewhere = results(tmp_path / "run" / "tested_on" / "traffic_sign")
    assert elsewhere["dataset"] == "traffic_sign" and elsewhere["trained_on"] == "cub"


@pytest.mark.parametrize("name", ["cub", "fc100"])
def test_a_preparation_killed_at_any_moment_ends_right_when_repeated(
    name: str, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = publishers.publish(name, server.folder, monkeypatch)
    publishers.served_from(server.url, name, server.folder)
    built = source(name, tmp_path / "whole", published)
    start = time.perf_counter()
    built.prepare()
    seconds = time.perf_counter() - start
    for moment in np.random.default_rng(0).uniform(0.002, seconds, 10):
        data = source(name, tmp_path / f"{moment}", published)
        if child := os.fork():
            os.waitpid(child, 0)
        else:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)  # which ends the process
            signal.setitimer(signal.ITIMER_REAL, moment)
            data.prepare()
            os._exit(0)
        compare(data, published)


def test_a_full_disk_has_its_own_message(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = publishers.publish("cub", server.folder, monkeypatch)
    publishers.served_from(server.url, "cub", server.folder)
    (tmp_path / "data" / "cub").mkdir(parents=True)
    (tmp_path / "data" / "cub" / ".CUB_200_2011.tgz.part").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left") as caught:
        source("cub", tmp_path / "data", published).prepare()
    assert str(tmp_path / "data" / "cub") in str(caught.value.filename)
