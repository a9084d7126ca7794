"""The notebooks run from top to bottom, and are stored without outputs."""

import re
from pathlib import Path

import nbformat
import pytest
from helpers import ROOT
from nbclient import NotebookClient

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.slow
@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_every_notebook_runs(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in (("PYTHONPATH", str(ROOT / "src")), ("TMPDIR", str(tmp_path))):
        monkeypatch.setenv(key, value)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    book = nbformat.read(file, as_version=4)
    NotebookClient(book, timeout=300, resources={"metadata": {"path": file.parent}}).execute()
    printed = [o for c in book.cells for o in c.get("outputs", []) if o["output_type"] == "stream"]
    assert not [o for o in printed if "Error" in o["text"] or o["name"] == "stderr"]
    assert any("image/png" in o.get("data", {}) for c in book.cells for o in c.get("outputs", []))


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_the_page_of_a_notebook_has_all_of_its_cells_and_pictures(file: Path) -> None:
    page = (ROOT / "docs" / "notebooks" / f"{file.stem}.md").read_text()
    missing = [c.source for c in nbformat.read(file, as_version=4).cells if c.source not in page]
    assert missing == [], "make notebooks writes the page anew"
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", page)
    assert pictures and all((ROOT / "docs" / "notebooks" / name).is_file() for name in pictures)


def test_the_four_notebooks_are_stored_without_outputs() -> None:
    assert len(NOTEBOOKS) == 4
    for file in NOTEBOOKS:
        book = nbformat.read(file, as_version=4)
        nbformat.validate(book)
        assert [c for c in book.cells if c.get("outputs") or c.get("execution_count")] == []
        assert file.stat().st_size < 20_000
