"""Writes the tables of kept results into README.md and docs/results.md: `make results`."""

from pathlib import Path

from innerloop.machine.files import write_whole
from innerloop.reporting.summary import by_data_set, load, summary

ROOT = Path(__file__).resolve().parents[1]
START, END = "<!-- results: make results -->\n", "\n<!-- end of results -->"


def tabulated() -> dict[Path, str]:
    """The text that each file must contain."""
    kept = load(ROOT / "docs" / "results")
    texts = {}
    for name, table in (("README.md", summary(kept)), ("docs/results.md", by_data_set(kept))):
        before, rest = (ROOT / name).read_text().split(START)
        texts[ROOT / name] = before + START + table + END + rest.split(END)[1]
    return texts


if __name__ == "__main__":
    for file, text in tabulated().items():
        write_whole(file, text)
