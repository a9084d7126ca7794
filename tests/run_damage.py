"""Ways to damage a run's folder, from a fixed seed: named functions of the folder."""

import io
import json
import os
import random
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

Damage = Callable[[Path], object]
FILES = ("results.json", "config.yaml", "composed.yaml", "metrics.csv", "scores.npz",
         "adaptation.png", "unfinished.json", ".member.lock")  # fmt: skip
FIELDS = (
    "algorithm", "dataset", "model", "command", "seed", "norm", "episode", "episode.ways",
    "episode.test", "episode.test.shots", "outer", "outer.steps", "protocol", "protocol.hash",
    "protocol.tasks", "protocol.scored_step", "protocol.seed", "checkpoint",
    "checkpoint.validation", "checkpoint.validation.accuracy", "checkpoint.step", "test",
    "test.accuracy", "test.accuracy.mean", "test.accuracy.ci95", "test.accuracy/step_1",
    "test.accuracy.tasks", "engine", "engine.name", "audit", "audit.stamps", "audit.relabelled",
    "seconds", "threads", "device", "versions", "git", "metric",
    "metric.name", "metric.unit", "metric.scale", "metric.log", "metric.higher_is_better",
)  # fmt: skip
DEEP = 100_000
LEVELS = [", ".join([f"*a{level}"] * 9) for level in range(9)]
ROWS = [f"a{level + 1}: &a{level + 1} [{row}]" for level, row in enumerate(LEVELS)]
BOMB = "\n".join(["a0: &a0 [x]", *ROWS])
MERGES = BOMB.replace("[x]", "{k: 1}").replace("[*", "{<<: [*").replace("]", "]}")
VALUES = ("null", "true", "-1", "0.5", "1e400", "NaN", '"text"', '"\\ud800\\u0000\\u001b[2J"', "[]",
          "{}", "[[1]]", "9" * 400, '"' + "x" * 100_000 + '"', '"$\\\\frac$"')  # fmt: skip
MAPPINGS = {
    "a list": "[1, 2]", "a word": "word", "only a comment": "# nothing", "itself": "&a {b: *a}",
    "alias bomb": BOMB, "merge bomb": MERGES, "a date": "a: 2020-01-01", "no date": "a: 2020-99-99",
    "python": "a: !!python/object/apply:os.system ['touch stolen']", "a tuple": "? [1, 2]\n: 3",
    "a tab": "\ta: b", "long number": f"a: 0x{'f' * 9999}", "base 60": f"a: 1{':59' * 9999}",
    "binary": "a: !!binary aGVsbG8=", "a set": "a: !!set {b}", "open": "a: {b: [",
    "mathtext": "inner: {rate: $\\frac$}", "numbers for names": "1: {2: 3}\nnull: 4",
    "escapes": 'inner: {rate: "\\e]52;c;aGk=\\a\\e[2J\\0"}', "wide": f"a: [{'1,' * 99_999}1]",
    "long": f"inner: {{rate: {'x' * 300_000}}}", "two": "a: 1\n---\nb: 2", "markup": "'[/x]': 1",
}  # fmt: skip
TABLES = {
    "text": "step,val/accuracy,train/accuracy\nsoon,high,low\n", "no step": "val/accuracy\n0.5\n",
    "short": "step,val/accuracy\n1\n2,0.5,3,4\n", "NUL": "step,val/accuracy\n1,\0\n",
    "infinite": "step,val/accuracy\n1,inf\n2,nan\n3,1e308\n4,1e29\n",
    "far": f"step,val/accuracy\n{'9' * 300},0.5\n{'9' * 5000},0.5\n",
    "wide": f"step,val/accuracy\n1,{'5' * 200_000}\n", "negative": "step,val/accuracy\n-9,-0.5\n",
}  # fmt: skip


def damages() -> dict[str, Damage]:
    """All damages, by name."""
    return {
        name: damage for part in (_files, _fields, _texts, _archives) for name, damage in part()
    }


def _files() -> Iterator[tuple[str, Damage]]:
    for name in FILES:
        for kind, damage in _KINDS.items():
            yield f"{name} {kind}", lambda folder, n=name, d=damage: d(folder / n)
    yield "a folder named x.png", lambda folder: (folder / "x.png").mkdir()
    yield "a linked folder", lambda folder: (folder / "figs").symlink_to(folder.parent / "outside")
    yield "report.html as a folder", lambda folder: (folder / "report.html").mkdir()
    yield "a time outside of calendars", lambda f: os.utime(f / "results.json", (0, 10**12))
    yield "folders in folders", _nested


def _nested(folder: Path) -> None:
    inside = str(folder)
    for _ in range(1100):
        inside += "/d"
        os.mkdir(inside)


def _anew(file: Path) -> Path:
    if file.exists() or file.is_symlink():
        file.unlink()
    return file


def _sparse(file: Path) -> None:
    with file.open("ab") as opened:
        opened.truncate(20 * 2**30)


def _truncated(file: Path) -> None:
    content = file.read_bytes() if file.exists() else b'{"a'
    file.write_bytes(content[: len(content) // 2])


def _flipped(file: Path) -> None:
    content = bytearray(file.read_bytes() if file.exists() else b"0" * 100)
    chance = random.Random(len(content))
    for _ in range(20):
        content[chance.randrange(len(content))] = chance.randrange(256)
    file.write_bytes(content)


_KINDS: dict[str, Damage] = {
    "gone": _anew,
    "empty": lambda file: file.write_bytes(b""),
    "truncated": _truncated,
    "flipped": _flipped,
    "a folder": lambda file: _anew(file).mkdir(),
    "a pipe": lambda file: os.mkfifo(_anew(file)),
    "a link to nothing": lambda file: _anew(file).symlink_to("nowhere"),
    "a link to itself": lambda file: _anew(file).symlink_to(file.name),
    "a link to a device": lambda file: _anew(file).symlink_to("/dev/zero"),
    "a link to the terminal": lambda file: _anew(file).symlink_to("/dev/tty"),
    "a link to a secret": lambda f: _anew(f).symlink_to(f.parents[1] / "outside" / "secret.png"),
    "20 GB": _sparse,
    "no text": lambda file: file.write_bytes(bytes(range(256)) * 9),
    "deep": lambda file: file.write_text('{"a":' * DEEP),
    "deep lists": lambda file: file.write_text(f'{{"test": {"[" * DEEP}{"]" * DEEP}}}'),
}


def _fields() -> Iterator[tuple[str, Damage]]:
    chance = random.Random(0)
    for field in FIELDS:
        yield f"without {field}", partial(_set, field=field, value=None)
        value = chance.choice(VALUES)
        yield f"{field}={value[:20]}", partial(_set, field=field, value=value)


def _set(folder: Path, field: str, value: str | None) -> None:
    """Replaces a field by JSON text, or removes it."""
    content = json.loads((folder / "results.json").read_text())
    *path, last = field.split(".")
    place: Any = content
    for part in path:
        place = place.get(part) or {}
    place.pop(last, None)
    if value is not None:
        place[last] = "PLACE"
    text = json.dumps(content)
    (folder / "results.json").write_text(text.replace('"PLACE"', value or ""))


def _texts() -> Iterator[tuple[str, Damage]]:
    for name in ("config.yaml", "composed.yaml"):
        for kind, text in MAPPINGS.items():
            yield f"{name}: {kind}", lambda folder, n=name, t=text: (folder / n).write_text(t)
    for kind, text in TABLES.items():
        yield f"metrics.csv: {kind}", lambda folder, t=text: (folder / "metrics.csv").write_text(t)


def _archives() -> Iterator[tuple[str, Damage]]:
    good = np.full((4, 3), 0.5, np.float32)
    changes: dict[str, Any] = {
        "objects": np.array([[{}]], object), "words": np.array([["a"]]), "complex": good * 1j,
        "of another shape": good[0], "of more tasks": np.ones((9, 3)), "without steps": good[:, :1],
        "of nothing": good[:0], "a record": np.zeros(4, "f4,f4"), "infinite": good * np.inf,
        "whole numbers": good.astype(int), "a number": np.float32(1),
    }  # fmt: skip
    for kind, array in changes.items():
        yield f"scores.npz {kind}", partial(_archive, accuracy=_npy(array))
        yield f"classes {kind}", partial(_archive, accuracy=_npy(good), classes=_npy(array))
    header = {"descr": "<f4", "fortran_order": False}
    for kind, shape in {"20 GB": (5 * 10**9, 1), "negative": (-4, -3), "endless": (2**70,)}.items():
        yield f"scores.npz that says {kind}", partial(_archive, accuracy=_header(header, shape))
    yield "scores.npz deep header", partial(_archive, accuracy=_raw(b"(" * 9000))
    yield "scores.npz no header", partial(_archive, accuracy=b"\x93NUMPY")
    yield "scores.npz without accuracy", partial(_archive, other=_npy(good))
    yield "scores.npz bomb", lambda folder: _archive(folder, accuracy=bytes(300 * 2**20))


def _npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asarray(array), version=(1, 0), allow_pickle=True)
    return file.getvalue()


def _header(fields: dict[str, Any], shape: tuple[int, ...]) -> bytes:
    return _raw(repr(fields | {"shape": shape}).encode())


def _raw(header: bytes) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


def _archive(folder: Path, **members: bytes) -> None:
    with zipfile.ZipFile(folder / "scores.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
