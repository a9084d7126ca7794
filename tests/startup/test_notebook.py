"""`innerloop.run(...)`, as a notebook calls it."""

import json
from pathlib import Path

import pytest

import innerloop
from innerloop.errors import UserError


def test_a_run_from_a_notebook_gives_its_folder_and_results(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["debug=fast", "outer.steps=2", f'paths.outputs="{tmp_path}/it\'s here"']
    finished = innerloop.run(words)
    assert finished.folder.is_relative_to(tmp_path / "it's here")
    assert finished.results == json.loads((finished.folder / "results.json").read_text())
    assert finished.results["algorithm"] == "maml"
    assert "after 10 steps" in capsys.readouterr().out


def test_a_run_that_fails_says_why() -> None:
    with pytest.raises(UserError, match="^inner.steps=-1: give a number of inner steps"):
        innerloop.run(["debug=fast", "inner.steps=-1"])


@pytest.mark.parametrize(
    ("words", "expected"),
    [(["algorithm=mamml"], "maml"), (["--multirun", "seed=0,1"], "innerloop train --multirun")],
)
def test_mistakes_are_answered_before_anything_starts(words: list[str], expected: str) -> None:
    with pytest.raises(UserError, match=expected):
        innerloop.run(words)
