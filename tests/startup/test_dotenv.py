"""The file `.env`, compared with how a shell reads the same lines."""

import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
from helpers import config

from innerloop.errors import UserError
from innerloop.startup import command, dotenv, places

LINES = """
# keys
INNERLOOP_DATA=/data/sets
export WANDB_MODE=offline   # for the train
WANDB_API_KEY="a key # with spaces"
EMPTY=
SINGLE='it costs $5'
HASH=a#b
"""


def test_a_shell_reads_the_same_values() -> None:
    read = dotenv.read(LINES)
    script, path = f"set -a; {LINES}\nenv -0", {"PATH": os.environ["PATH"]}
    shown = subprocess.check_output(["sh", "-c", script], text=True, env=path)
    by_shell = dict(entry.split("=", 1) for entry in shown.split("\0") if entry)
    assert len(read) == 6
    assert read == {name: by_shell[name] for name in read}


def test_the_environment_wins(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("INNERLOOP_DATA=file\nINNERLOOP_NEW=file\n")
    with (
        mock.patch.dict(os.environ, {"INNERLOOP_DATA": "shell"}),
        mock.patch.object(places, "root", return_value=tmp_path),
    ):
        dotenv.load()
        assert os.environ["INNERLOOP_DATA"] == "shell"
        assert os.environ["INNERLOOP_NEW"] == "file"


@pytest.mark.parametrize("line", ["WANDB_API_KEY: secret", "secret", "1A=secret", "A B=secret"])
def test_another_form_is_refused_without_showing_the_line(line: str) -> None:
    with pytest.raises(UserError, match="line 2: write NAME=VALUE") as error:
        dotenv.read(f"A=1\n{line}\n")
    assert "secret" not in str(error.value)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=\xff")
    with (
        mock.patch.object(places, "root", return_value=tmp_path),
        pytest.raises(UserError, match="cannot be read"),
    ):
        dotenv.load()


def test_a_program_reads_it_before_the_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".env").write_text("INNERLOOP_DATA=/elsewhere\n")
    with (
        mock.patch.dict(os.environ),
        mock.patch.object(places, "root", return_value=tmp_path),
        mock.patch.object(sys, "argv", ["train"]),
    ):
        os.environ.pop("INNERLOOP_DATA", None)
        command.run(lambda: print(config().paths.data))
    assert capsys.readouterr().out == "/elsewhere\n"
