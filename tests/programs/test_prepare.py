"""The program prepare.py: downloads from a server, packs, and says what a data set is."""

from pathlib import Path

import pytest
from cli import call, mistake
from data import publishers
from data.server import serving

from innerloop.data.sets import card


def test_all_sets_are_listed_with_their_state(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    publishers.publish("cub", tmp_path / "cub", monkeypatch)
    call("prepare", f"paths.data={tmp_path}")
    rows = {row.split(" ")[0]: row for row in capsys.readouterr().out.splitlines()[2:]}
    assert set(card.names()) <= set(rows)
    assert "downloaded" in rows["cub"] and "downloaded" not in rows["dtd"]


def test_sets_are_downloaded_packed_and_described(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(tmp_path / "server") as server:
        for name in ("cub", "vgg_flower"):
            publishers.publish(name, server.folder, monkeypatch)
            publishers.served_from(server.url, name, server.folder)
        call("prepare", "dataset=cub,vgg_flower", f"paths.data={tmp_path / 'data'}")
    shown = capsys.readouterr().out
    for text in ("Wah et al.", "Nilsback", "2 classes, 8 images", server.url("102flowers.tgz")):
        assert text in shown
    for name in ("cub", "vgg_flower"):
        assert list((tmp_path / "data" / name / "packed").glob("*/pack.json"))


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["cub"], ["does not take cub", "dataset=NAME"]),
        (["algorithm=maml"], ["does not take algorithm=maml"]),
        (["dataset=cubb"], ["cubb"]),
        (["dataset=ilsvrc"], ["log in at", "dataset.path=FOLDER"]),
        (["dataset=meta_album", "dataset.name=BRD_Mini"], ["OpenML", "BRD_Mini", "labels.csv"]),
        (["dataset=cub", "dataset.split=mine"], ["dataset.split=mine", "chen or meta_dataset"]),
    ],
)
def test_mistakes_are_explained(words: list[str], parts: list[str], tmp_path: Path) -> None:
    message = mistake("prepare", *words, f"paths.data={tmp_path}")
    for part in parts:
        assert part in message
