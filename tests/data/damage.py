"""Ways to damage a file or a data folder, each controlled by a random generator."""

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image


def some(files: list[Path], rng: np.random.Generator) -> Path:
    return files[int(rng.integers(len(files)))]


def cut(file: Path, rng: np.random.Generator) -> None:
    os.truncate(file, int(rng.integers(file.stat().st_size)))


def empty(file: Path, rng: np.random.Generator) -> None:
    file.write_bytes(b"")


def noise(file: Path, rng: np.random.Generator) -> None:
    file.write_bytes(rng.bytes(int(rng.integers(1, 3000))))


def web_page(file: Path, rng: np.random.Generator) -> None:
    file.write_text("<!DOCTYPE html><html><body>Please log in to download.</body></html>")


def flips(file: Path, rng: np.random.Generator) -> None:
    """Changes a few bytes at random places."""
    data = bytearray(file.read_bytes())
    for place in rng.integers(0, min(len(data), 4000), 6):
        data[place] ^= int(rng.integers(1, 256))
    file.write_bytes(data)


def hole(file: Path, rng: np.random.Generator) -> None:
    """Replaces the middle by zeros."""
    data = bytearray(file.read_bytes())
    start = int(rng.integers(len(data)))
    stop = min(start + 40, len(data))
    data[start:stop] = bytes(stop - start)
    file.write_bytes(data)


def more(file: Path, rng: np.random.Generator) -> None:
    with file.open("ab") as stream:
        stream.write(rng.bytes(int(rng.integers(1, 3000))))


def sparse(file: Path, rng: np.random.Generator) -> None:
    os.truncate(file, 20 * 2**30)


def folder(file: Path, rng: np.random.Generator) -> None:
    file.unlink()
    file.mkdir()


def pipe(file: Path, rng: np.random.Generator) -> None:
    file.unlink()
    os.mkfifo(file)


def device(file: Path, rng: np.random.Generator) -> None:
    link(file, some([Path("/dev/zero"), Path("/dev/full"), Path("/dev/null")], rng))


def loop(file: Path, rng: np.random.Generator) -> None:
    link(file, file)


def dangling(file: Path, rng: np.random.Generator) -> None:
    link(file, Path("nowhere"))


def link(file: Path, target: Path) -> None:
    file.unlink()
    file.symlink_to(target)


def postscript(file: Path, rng: np.random.Generator) -> None:
    file.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n%%EOF\n")


def png(width: int, height: int, data: bytes, extra: bytes = b"") -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + extra + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def huge_header(file: Path, rng: np.random.Generator) -> None:
    side = int(rng.integers(8_000, 2**31))
    file.write_bytes(png(side, side, zlib.compress(bytes(1000))))


def deflate(file: Path, rng: np.random.Generator) -> None:
    """Compressed data that cannot be decompressed, with correct checksums."""
    data = bytearray(zlib.compress(rng.bytes(400)))
    data[int(rng.integers(2, len(data)))] ^= 0xFF
    data[2] |= 0b110  # a block of a type that does not exist
    file.write_bytes(png(10, 10, bytes(data), chunk(b"iCCP", b"x\0\0" + bytes(data))))


def bomb_of_text(file: Path, rng: np.random.Generator) -> None:
    text = chunk(b"zTXt", b"x\0\0" + zlib.compress(bytes(2**26)))
    file.write_bytes(png(10, 10, zlib.compress(bytes(310)), text))


def floats(file: Path, rng: np.random.Generator) -> None:
    Image.fromarray(rng.normal(size=(9, 9)).astype(np.float32)).save(file, "TIFF")


def exif(file: Path, rng: np.random.Generator) -> None:
    Image.new("RGB", (9, 9)).save(file, "JPEG", exif=b"Exif\0\0" + rng.bytes(60))


FILE: list[Callable[[Path, np.random.Generator], None]] = [
    cut, empty, noise, web_page, flips, hole, more, sparse, folder, pipe, device, loop, dangling,
]  # fmt: skip
IMAGE = [*FILE, postscript, huge_header, deflate, bomb_of_text, floats, exif]
