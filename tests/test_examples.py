"""The examples in docstrings run, and every algorithm has one."""

import doctest
import importlib

import pytest
import torch
from helpers import ROOT, choices, kind

FILES = sorted((ROOT / "src" / "innerloop").rglob("*.py"))
MODULES = [
    ".".join(file.relative_to(ROOT / "src").with_suffix("").parts)
    for file in FILES
    if ">>> " in file.read_text()
]
PARTS = ("Shapes:", "References:", "Deviations:", "Example:")


def examples_of(module: str) -> list[doctest.DocTest]:
    loaded = importlib.import_module(module)
    finder = doctest.DocTestFinder(exclude_empty=True)
    return [example for example in finder.find(loaded, module) if example.examples]


@pytest.mark.parametrize("module", MODULES)
def test_docstring_examples_run(module: str) -> None:
    for example in examples_of(module):
        example.globs["torch"] = torch
        complaints: list[str] = []
        doctest.DocTestRunner().run(example, out=complaints.append)
        assert not complaints, "".join(complaints)


@pytest.mark.parametrize("name", choices("algorithm"))
def test_an_algorithms_docstring_is_complete(name: str) -> None:
    text = kind(name).__doc__ or ""
    missing = [part for part in PARTS if part not in text]
    assert not missing and ":math:" in text
