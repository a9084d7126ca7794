"""Lines as a terminal of 80 columns shows them, and as a pipe gets them."""

import io
import os
from pathlib import Path
from unittest import mock

import pytest

from innerloop.machine.screen import RED, painted, short, wrapped

LONG = "word " * 30 + "/a/very/long/path" * 8


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)


def test_lines_are_broken_between_words() -> None:
    lines = wrapped(LONG, Terminal()).splitlines()
    assert " ".join(line.strip() for line in lines) == LONG
    assert all(len(line) <= 80 or line.split() == [line.strip()] for line in lines)


def test_a_pipe_gets_lines_as_they_are_and_no_colour() -> None:
    assert wrapped(LONG, io.StringIO()) == LONG
    assert painted("word", RED, io.StringIO()) == "word"


@pytest.mark.parametrize("without", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colour_can_be_switched_off(without: dict[str, str]) -> None:
    assert painted("word", RED, Terminal()) == "\x1b[31mword\x1b[0m"
    with mock.patch.dict(os.environ, without):
        assert painted("word", RED, Terminal()) == "word"


def test_paths_below_the_current_folder_are_relative(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert short(tmp_path / "a" / "b") == "a/b" == short(Path("a/b"))
    assert short(tmp_path.parent) == str(tmp_path.parent)
