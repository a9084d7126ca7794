"""Ways to damage a zip, a tar or a folder by what is in it, with all of its checksums right."""

import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from data.damage import some
from PIL import Image

Entries = list[tuple[str, bytes]]  #: names and contents, in the order of the archive
Way = Callable[[Entries, np.random.Generator], Entries]
ENDINGS = (".png", ".jpg", ".jpeg", ".JPEG", ".JPG", ".ppm", ".bmp")


def entries(file: Path) -> Entries:
    """The files of an archive; empty if it is none."""
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            return [(i.filename, archive.read(i)) for i in archive.infolist() if not i.is_dir()]
    if tarfile.is_tarfile(file):
        with tarfile.open(file) as opened:
            return [(m.name, opened.extractfile(m).read()) for m in opened if m.isreg()]  # type: ignore[union-attr]
    return []


def write(file: Path, content: Entries) -> None:
    """Replaces an archive by one of the same kind."""
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file, "w") as archive:
            for name, data in content:
                archive.writestr(name, data)
        return
    compressed = file.read_bytes()[:2] == b"\x1f\x8b"
    with tarfile.open(file, "w:gz" if compressed else "w") as opened:
        for name, data in content:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            opened.addfile(member, io.BytesIO(data))


def of_images(content: Entries) -> list[int]:
    return [i for i, (name, _) in enumerate(content) if name.endswith(ENDINGS)]


def _place(content: Entries, rng: np.random.Generator) -> int:
    return int(rng.choice(of_images(content)))


def _renamed(content: Entries, rng: np.random.Generator, form: str) -> Entries:
    place = _place(content, rng)
    name = form.format(name=content[place][0], file=Path(content[place][0]).name)
    return [(name if i == place else old, data) for i, (old, data) in enumerate(content)]


def _redrawn(content: Entries, rng: np.random.Generator, mode: str) -> Entries:
    """An image in another mode, stored as PNG under its old name, as happens in published sets."""
    place = _place(content, rng)
    name, data = content[place]
    file = io.BytesIO()
    with Image.open(io.BytesIO(data)) as image:
        grey = image.convert("L")
        changed = image.convert(mode) if mode != "I;16" else Image.fromarray(
            np.asarray(grey).astype(np.uint16) * 257
        )  # fmt: skip
        changed.save(file, "TIFF" if mode == "CMYK" else "PNG")
    return [*content[:place], (name, file.getvalue()), *content[place + 1 :]]


def _replaced(content: Entries, rng: np.random.Generator, data: bytes) -> Entries:
    place = _place(content, rng)
    return [*content[:place], (content[place][0], data), *content[place + 1 :]]


def upwards(content: Entries, rng: np.random.Generator) -> Entries:
    return _renamed(content, rng, "../../../{name}")


def absolute(content: Entries, rng: np.random.Generator) -> Entries:
    return _renamed(content, rng, "/tmp/{name}")


def drive(content: Entries, rng: np.random.Generator) -> Entries:
    return _renamed(content, rng, "C:\\{file}")


def long_name(content: Entries, rng: np.random.Generator) -> Entries:
    return _renamed(content, rng, f"{'x' * 5000}/{{file}}")


def control_name(content: Entries, rng: np.random.Generator) -> Entries:
    return _renamed(content, rng, "\x1b[2J\n{file}")


def twice(content: Entries, rng: np.random.Generator) -> Entries:
    place = _place(content, rng)
    return [*content, content[place]]


def lacking(content: Entries, rng: np.random.Generator) -> Entries:
    place = _place(content, rng)
    return [*content[:place], *content[place + 1 :]]


def lacking_class(content: Entries, rng: np.random.Generator) -> Entries:
    folder = str(Path(content[_place(content, rng)][0]).parent)
    return [(name, data) for name, data in content if str(Path(name).parent) != folder]


def none(content: Entries, rng: np.random.Generator) -> Entries:
    return []


def junk(content: Entries, rng: np.random.Generator) -> Entries:
    folder = Path(content[0][0]).parent
    added = ["__MACOSX/._x.png", str(folder / ".DS_Store"), str(folder / "._0.png")]
    return [*content, *[(name, rng.bytes(50)) for name in added]]


def cut_image(content: Entries, rng: np.random.Generator) -> Entries:
    place = _place(content, rng)
    return _replaced(content, rng, content[place][1][:20])


def empty_image(content: Entries, rng: np.random.Generator) -> Entries:
    return _replaced(content, rng, b"")


def page_as_image(content: Entries, rng: np.random.Generator) -> Entries:
    return _replaced(content, rng, b"<!DOCTYPE html><html>Not found</html>")


def bomb_as_image(content: Entries, rng: np.random.Generator) -> Entries:
    file = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(file, "PNG")
    return _replaced(content, rng, file.getvalue())


def palette(content: Entries, rng: np.random.Generator) -> Entries:
    return _redrawn(content, rng, "P")


def transparent(content: Entries, rng: np.random.Generator) -> Entries:
    return _redrawn(content, rng, "RGBA")


def grey_transparent(content: Entries, rng: np.random.Generator) -> Entries:
    return _redrawn(content, rng, "LA")


def one_bit(content: Entries, rng: np.random.Generator) -> Entries:
    return _redrawn(content, rng, "1")


def sixteen_bits(content: Entries, rng: np.random.Generator) -> Entries:
    return _redrawn(content, rng, "I;16")


def ink_colours(content: Entries, rng: np.random.Generator) -> Entries:
    return _redrawn(content, rng, "CMYK")


NAMES: list[Way] = [
    upwards, absolute, drive, long_name, control_name, twice, lacking, lacking_class, none, junk,
]  # fmt: skip
BROKEN: list[Way] = [cut_image, empty_image, page_as_image, bomb_as_image]
MODES: list[Way] = [palette, transparent, grey_transparent, one_bit, sixteen_bits, ink_colours]


ONLY_IN_ARCHIVES = (upwards, absolute, long_name, twice)  #: no file system has such names


def damage(files: list[Path], way: Way, rng: np.random.Generator) -> bool:
    """Damages one of the archives that hold images, or a folder of images; whether there is one."""
    archives = [file for file in files if of_images(entries(file))]
    if archives:
        file = some(archives, rng)
        write(file, way(entries(file), rng))
        return True
    if way in ONLY_IN_ARCHIVES or not any(file.name.endswith(ENDINGS) for file in files):
        return False
    root = Path(os.path.commonpath(files))
    content = way([(file.relative_to(root).as_posix(), file.read_bytes()) for file in files], rng)
    for file in files:
        file.unlink()
    for name, data in content:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return True
