"""The location of the real data sets, which are not part of the project."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data"


def folder(name: str, tmp: Path) -> Path:
    """A folder with the publisher's files of the data set; skips the test if there is none."""
    given = os.environ.get("INNERLOOP_DATA")
    if given and (Path(given) / name).is_dir():
        return Path(given)
    if not (BESIDE / name).is_dir():
        pytest.skip(f"the real {name} is neither in INNERLOOP_DATA nor in {BESIDE}")
    script = [sys.executable, str(BESIDE / "unpack.py"), str(tmp), name]
    subprocess.run(script, check=True, capture_output=True)
    return tmp


def beside(file: str) -> Path:
    """A file of the collection next to the checkout; skips the test if it is absent."""
    if not (BESIDE / file).exists():
        pytest.skip(f"{BESIDE / file} is not there")
    return BESIDE / file
