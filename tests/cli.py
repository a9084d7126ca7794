"""Calls the programs in this process, as the shell would."""

import json
import os
import runpy
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from helpers import ROOT

FAST = ("debug=fast", "logger=none")


def call(program: str, *arguments: str) -> None:
    """Runs `src/PROGRAM.py ARGUMENTS`; a user's mistake raises SystemExit with the message."""
    with (
        mock.patch.object(sys, "argv", [f"src/{program}.py", *arguments]),
        mock.patch.dict(os.environ),
    ):
        runpy.run_path(str(ROOT / "src" / f"{program}.py"), run_name="__main__")


def train(folder: Path, *overrides: str) -> dict[str, Any]:
    """Trains into a folder and returns its results."""
    call("train", f"hydra.run.dir={folder}", *overrides)
    return results(folder)


def evaluate(folder: Path, *overrides: str) -> dict[str, Any]:
    """Evaluates into a folder and returns its results."""
    call("evaluate", f"hydra.run.dir={folder}", *overrides)
    return results(folder)


def results(folder: Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((folder / "results.json").read_text())
    return result


def mistake(program: str, *arguments: str) -> str:
    """The error message of a wrong call; fails if it is missing, long or a traceback."""
    with pytest.raises(SystemExit) as end:
        call(program, *arguments)
    message = str(end.value.code).replace("(HYDRA_FULL_ERROR=1 shows where it happened.)", "")
    assert len(message) > 20, "no message"
    assert "Traceback" not in message
    assert len(message.strip().splitlines()) <= 2
    return message
