"""Writes the table of kept results into README.md: `python src/results.py`."""

from pathlib import Path

from innerloop.reporting.summary import load, summary

ROOT = Path(__file__).resolve().parents[1]
START, END = "<!-- results: make results -->\n", "\n<!-- end of results -->"


def tabulated(text: str) -> str:
    """The text with the table between its two marks made anew."""
    before, rest = text.split(START)
    table = summary(load(ROOT / "docs" / "results"), ROOT / "conf" / "experiment")
    return before + START + table + END + rest.split(END)[1]


if __name__ == "__main__":
    readme = ROOT / "README.md"
    readme.write_text(tabulated(readme.read_text()))
