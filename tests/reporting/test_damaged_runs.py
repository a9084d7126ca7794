"""Damaged and malicious runs: each is left out or refused in one line, quickly."""

import base64
import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cli import FAST, call, train
from rich.console import Console
from run_damage import damages

from innerloop.sweeping import closing

DAMAGES = damages()
PATIENCE = 5  #: seconds of processor time
HANGS = 60  #: seconds of wall-clock time, which other processes may lengthen
SECRET = b"this is none of your business"
TOGETHER = 25  #: damaged runs on one page


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sound runs, and next to them a file that no program may show or change."""
    root = tmp_path_factory.mktemp("world")
    first = root / "runs" / "sound0"
    train(first, "dataset=glyphs", "inner.steps=2", FAST[0], "seed=0")
    shutil.rmtree(first / "checkpoints")
    for picture in (first / "figures").glob("[!t]*.png"):
        picture.unlink()
    seed(shutil.copytree(first, root / "runs" / "sound1"), 1)
    (root / "outside").mkdir()
    (root / "outside" / "secret.png").write_bytes(SECRET)
    return root


@pytest.fixture
def damaged(world: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Path]]:
    """Creates damaged runs next to the sound ones; afterwards everything else must be unchanged."""
    monkeypatch.chdir(world)
    before, folders = state(world), []

    def make(name: str) -> Path:
        folder = world / "runs" / f"damaged{len(folders)}"
        folders.append(shutil.copytree(world / "runs" / "sound0", folder))
        seed(folder, 10 + len(folders))
        DAMAGES[name](folder)
        return folder

    yield make
    for folder in folders:
        subprocess.run(["rm", "-rf", str(folder)], check=True)  # nested to any depth
    (world / "page.html").unlink(missing_ok=True)
    assert state(world) == before


def seed(run: Path, number: int) -> None:
    text = (run / "results.json").read_text()
    (run / "results.json").write_text(text.replace('"seed": 0,', f'"seed": {number},', 1))


def state(folder: Path) -> dict[str, Any]:
    """All files below a folder, with the values that change when a file does."""
    paths = [Path(place, name) for place, _, names in os.walk(folder) for name in names]
    return {str(file): (file.lstat().st_mtime_ns, file.lstat().st_size) for file in paths}


@contextlib.contextmanager
def patience() -> Iterator[None]:
    """Raises an error if the block takes too long, waiting or working."""

    def over(*_: Any) -> None:
        raise AssertionError(f"hangs for more than {HANGS} s")

    before, began = signal.signal(signal.SIGALRM, over), time.process_time()
    signal.alarm(HANGS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        assert time.process_time() - began < PATIENCE


def answer(program: str, *words: object) -> str | None:
    """None if a program succeeds, otherwise its message, which must be short."""
    try:
        with patience():
            call(program, *map(str, words))
    except SystemExit as end:
        message = str(end.code).replace("\n(HYDRA_FULL_ERROR=1 shows where it happened.)", "")
        assert 20 < len(message) < 1500 and len(message.splitlines()) <= 2, message
        return message
    return None


def printed(capsys: pytest.CaptureFixture[str]) -> tuple[str, list[str]]:
    """The output, and its lines about runs left out; there must be no control characters."""
    out, err = capsys.readouterr()
    assert not {c for c in out + err if ord(c) < 32 or 127 <= ord(c) < 160} - {"\n"}
    assert SECRET.decode() not in out + err
    return out, [line for line in err.splitlines() if line.startswith("left out: ")]


def test_at_least_200_damages_are_tried() -> None:
    assert len(DAMAGES) >= 200  # the fast tests try every second one


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] * (i % 2)) for i, n in enumerate(DAMAGES)]
)
def test_a_damaged_run_stops_no_program(
    name: str, world: Path, damaged: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    bad, sound = damaged(name), [world / "runs" / f"sound{seed}" for seed in (0, 1)]
    capsys.readouterr()
    assert answer("runs", "-v", "--outputs", world / "runs") is None
    out, left_out = printed(capsys)
    assert all(folder.name in out for folder in sound)
    faults = [line for line in left_out if bad.name in line]
    here = os.path.lexists(bad / "results.json")
    assert len(faults) + (bad.name in out) == here, "it is in the table or left out with a line"

    assert answer("compare", "--outputs", world / "runs", "seed=0", "seed=1") is None
    answer("compare", "--outputs", world / "runs", "algorithm=maml")
    refused = answer("compare", sound[0], bad)
    if faults or not here:
        assert refused is not None and bad.name in refused
    answer("replay", sound[0], bad)
    answer("replay", bad, sound[0])
    with patience(), open(os.devnull, "w") as nowhere:
        closing.close(world / "runs", Console(file=nowhere))
    printed(capsys)


@pytest.mark.parametrize(
    ("name", "refused"),
    [
        ("report.html as a folder", "report.html is a folder"),
        ("results.json a pipe", "results.json is not a regular file"),
        ("results.json deep", "results.json has more than"),
        ("config.yaml: alias bomb", "config.yaml has more than"),
        ("config.yaml: itself", "refers to itself"),
        ("config.yaml empty", "config.yaml holds nothing"),
        ("composed.yaml: merge bomb", None),
        ("metrics.csv: text", None),
        ("adaptation.png a link to a secret", None),
        ("scores.npz that says 20 GB", None),
    ],
)
def test_a_page_of_one_damaged_run_is_written_or_refused(
    name: str, refused: str | None, damaged: Callable[[str], Path]
) -> None:
    message = answer("report", damaged(name))
    assert message is None if refused is None else refused in str(message)


@pytest.mark.parametrize("first", range(0, len(DAMAGES), TOGETHER))
def test_damaged_runs_do_not_spoil_the_page(
    first: int, world: Path, damaged: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    for name in list(DAMAGES)[first : first + TOGETHER]:
        damaged(name)
    capsys.readouterr()
    assert answer("report", world / "runs", "--out", world / "page.html") is None
    printed(capsys)
    page = (world / "page.html").read_bytes()
    assert b"sound0" in page and b"sound1" in page
    assert SECRET not in page and base64.b64encode(SECRET)[:-4] not in page
