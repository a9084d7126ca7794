"""Makes docs/gallery: what people see, as small PNG files (`make gallery`).

With a folder as argument the trainings stay there, and a second call takes pictures of them anew.
"""

import fcntl
import io
import os
import pty
import re
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from browser import Browser
from helpers import ROOT
from PIL import Image
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from innerloop.data.sets.glyphs import Glyphs
from innerloop.tasks import Episode

GALLERY = ROOT / "docs" / "gallery"
COLOURS = 255  #: of a PNG file
SHOWN = 1  #: test task that is replayed
SINUSOID = ("dataset=sinusoid", "outer.steps=5000", "evaluation.validation.every=250",
            "log_every=50", "evaluation.tasks=500", "evaluation.scored_step=5")  # fmt: skip
SWEEP = ("algorithm=maml,anil", "seed=0,1,2", *SINUSOID)
IMAGES = ("algorithm=maml", "dataset=glyphs", "norm=support", "outer.steps=400",
          "dataset.classes={test: 20}", "evaluation.validation.every=100", "log_every=20",
          "evaluation.tasks=500")  # fmt: skip
UNDER_WAY = ("algorithm=reptile", "dataset=sinusoid", "outer.steps=200000", "log_every=50",
             "evaluation.validation.every=200")  # fmt: skip
PAGE = (
    "<!doctype html><meta charset=utf-8><style>html{{overflow:hidden}}"
    "body{{margin:0;padding:16px;background:#15171b;width:max-content}}"
    "pre{{margin:0;color:#e7e9ec;font:14px/1.25 monospace}}</style><pre>{code}</pre>"
)
MOVES = re.compile(r"(\r|\n|\x1b\[\d*[ABKJG]|\x1b\[\?25[lh])")


def main() -> None:
    """Trains a small sweep, and takes the pictures."""
    shutil.rmtree(GALLERY, ignore_errors=True)
    GALLERY.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(sys.argv[1] if len(sys.argv) > 1 else folder).absolute()
        sweep, images = place / "sweep", place / "images"
        if not (images / "results.json").is_file():
            call("train", "--multirun", *SWEEP, f"hydra.sweep.dir={sweep}")
            call("train", *IMAGES, f"hydra.run.dir={images}")
        pictures(place, sweep, images)
        browser = Browser(Path(folder))
        for columns in (80, 140):
            terminals(place, sweep, columns, browser)
        pages(place, sweep, browser)
        live(sweep, browser)
        browser.close()


def innerloop(command: str, *words: str) -> list[str]:
    """A command line."""
    return [sys.executable, str(ROOT / "src" / f"{command}.py"), *words]


def call(command: str, *words: str, place: Path | None = None) -> None:
    """Runs one of the programs, in a folder."""
    subprocess.run(innerloop(command, *words), check=True, cwd=place)


def pictures(place: Path, sweep: Path, images: Path) -> None:
    """All pictures of a run on sine waves and of one on images, and those of other programs."""
    waves = sweep / "0_sinusoid_maml_seed0"
    call("compare", str(sweep), "--picture", str(place / "compared" / "differences.png"))
    for run in (waves, images):
        call("replay", str(run), f"task=test/{SHOWN}")
    for part, examples in (("support", slice(0, 5)), ("query", slice(5, 15))):
        draw_glyphs(place / part, examples)
    given = "ckpt_path=images", "support=support", "query=query", f"out={place / 'adapted'}"
    call("adapt", *given, place=place)
    for name, run in (("sinusoid", waves), ("glyphs", images)):
        for file in [*run.glob("*.png"), *(run / "figures").glob("*.png")]:
            keep(file, GALLERY / "pictures" / name / file.name)
        keep(run / "replay" / f"test_{SHOWN}.png", GALLERY / "pictures" / name / "replay.png")
    keep(place / "compared" / "differences.png", GALLERY / "pictures" / "differences.png")
    keep(place / "adapted" / "predictions.png", GALLERY / "pictures" / "predictions.png")


def draw_glyphs(folder: Path, examples: slice) -> None:
    """Some drawings of five characters that no training has seen, a folder for each character."""
    episode = Episode(ways=5, shots=15, queries=1)
    task = Glyphs().tasks("test", np.array([0]), episode, seed=99)
    images, labels = task.support.inputs[0], task.support.targets[0]
    for label in range(5):
        (folder / f"character{label}").mkdir(parents=True, exist_ok=True)
        for number, image in enumerate(images[labels == label][examples]):
            file = folder / f"character{label}" / f"{number}.png"
            Image.fromarray(255 - image[0].numpy()).save(file)  # ink is dark on paper


def terminals(place: Path, sweep: Path, columns: int, browser: Browser) -> None:
    """What programs print in a terminal."""
    train = ("algorithm=maml", *SINUSOID, f"hydra.run.dir={place / f'run{columns}'}")
    for name, words in {
        "train": innerloop("train", *train),
        "estimate": innerloop("train", "algorithm=maml", "dataset=sinusoid", "estimate=true"),
        "replay": innerloop("replay", str(sweep / "0_sinusoid_maml_seed0"), f"task=test/{SHOWN}"),
        "runs": innerloop("runs", "--outputs", str(sweep)),
        "compare": innerloop("compare", str(sweep)),
        "mistake": innerloop("train", "algorithm=malm"),
    }.items():
        shown = f"$ {shlex.join(['python', f'src/{Path(words[1]).name}', *words[2:]])}"
        text = screen(in_terminal(words, columns)).replace(str(place), "outputs")
        html = place / "terminal.html"
        html.write_text(as_html(f"{shown.replace(str(place), 'outputs')}\n{text}", columns))
        browser.look((900, 400))
        browser.open(html.as_uri())
        browser.until("document.readyState == 'complete' && document.querySelector('pre') !== null")
        width, height = browser.ask("[document.body.offsetWidth, document.body.offsetHeight]")
        browser.look((width, height))
        take(browser, f"terminal/{name}_{columns}.png")


def in_terminal(words: list[str], columns: int) -> str:
    """What a command writes to a terminal of so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": str(columns)}
    process = subprocess.Popen(words, stdout=theirs, stderr=theirs, env=environment, cwd=ROOT)
    os.close(theirs)
    parts = []
    while True:
        try:
            parts.append(os.read(ours, 65536))
        except OSError:  # the terminal's other end is closed
            break
        if not parts[-1]:
            break
    process.wait()
    os.close(ours)
    return b"".join(parts).decode(errors="replace")


def screen(written: str) -> str:
    """The lines on the screen in the end: a bar that was redrawn stands there once."""
    lines, row = [""], 0
    for part in MOVES.split(written):
        if part == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif part.startswith("\x1b[") and part.endswith("A"):
            row = max(0, row - int(part[2:-1] or 1))
        elif part.startswith("\x1b[") and part.endswith(("K", "J")):
            lines[row] = ""
        elif not MOVES.fullmatch(part):
            lines[row] += part
    return "\n".join(lines).rstrip()


def as_html(text: str, columns: int) -> str:
    """A page that shows a terminal's colours."""
    console = Console(width=columns, record=True, file=io.StringIO(), highlight=False)
    console.print(Text.from_ansi(text))
    return console.export_html(theme=MONOKAI, inline_styles=True, code_format=PAGE)


def pages(place: Path, sweep: Path, browser: Browser) -> None:
    """The report page, in two widths, light and dark."""
    page = place / "report.html"
    call("report", str(sweep), "--out", str(page))
    browser.open(page.as_uri())
    for width, dark in ((1400, False), (1400, True), (400, False), (400, True)):
        browser.look((width, 1000), dark)
        browser.until("document.querySelector('.board') !== null")
        take(browser, f"report/{width}_{'dark' if dark else 'light'}.png")


def live(sweep: Path, browser: Browser) -> None:
    """The live view while a training runs."""
    words = innerloop("train", *UNDER_WAY, f"hydra.run.dir={sweep / '6_sinusoid_reptile_seed0'}")
    with (
        background(words, "best validation"),
        background(innerloop("live", str(sweep), "--port", "0"), "http") as said,
    ):
        browser.look((1400, 1000))
        browser.open(re.findall(r"http\S+", said())[0])
        browser.until("document.querySelectorAll('#boards tr').length > 2")
        for width, dark in ((1400, False), (1400, True), (400, False)):
            browser.look((width, 1000), dark)
            take(browser, f"live/{width}_{'dark' if dark else 'light'}.png")
        browser.look((1400, 1000))
        browser.ask("document.querySelector('#boards th button').click()")
        browser.until("document.querySelector('.slider') !== null")
        take(browser, "live/run.png")


@contextmanager
def background(words: list[str], sign: str) -> Iterator[Callable[[], str]]:
    """While open, a program runs; begins once it has printed a sign."""
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    lines: list[str] = []
    begun = threading.Event()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if sign in line:
                begun.set()

    threading.Thread(target=read, daemon=True).start()
    assert begun.wait(300), "".join(lines)
    try:
        yield lambda: "".join(lines)
    finally:
        process.terminate()
        process.wait()


def take(browser: Browser, name: str) -> None:
    """Keeps a picture of the browser's window."""
    with tempfile.TemporaryDirectory() as folder:
        browser.picture(Path(folder) / "shot.png")
        keep(Path(folder) / "shot.png", GALLERY / name)


def keep(source: Path, target: Path) -> None:
    """Writes a smaller copy of a PNG file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(source) as image:
        image.convert("RGB").quantize(COLOURS).save(target, optimize=True)


if __name__ == "__main__":
    main()
