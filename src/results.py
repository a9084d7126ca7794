"""Writes what is generated in README.md and docs: tables of kept results, the pages of algorithms,
data sets and the configuration: `make results`."""

from pathlib import Path

from innerloop.experiment.described import accepted
from innerloop.machine.files import write_whole
from innerloop.reporting import algorithm_pages, configuration_page, data_set_page
from innerloop.reporting.summary import by_data_set, load, summary

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
START, END = "<!-- results: make results -->\n", "\n<!-- end of results -->"


def tabulated() -> dict[Path, str]:
    """The text that each file must contain."""
    kept, folder, conf = load(DOCS / "results"), DOCS / "algorithms", ROOT / "conf"
    texts = {
        ROOT / "README.md": summary(kept),
        DOCS / "results.md": by_data_set(kept),
        folder / "README.md": algorithm_pages.index(conf),
        DOCS / "configuration.md": configuration_page.page(conf, accepted()),
        DOCS / "data_sets.md": data_set_page.page(conf),
    }
    filled = {file: _filled(file.read_text(), text) for file, text in texts.items()}
    for target, names in algorithm_pages.choices(conf).items():
        file = folder / f"{algorithm_pages.stem(target)}.md"
        empty = f"# {target.split('.')[-1]}\n\n{START}{END}\n"
        before = file.read_text() if file.exists() else empty
        filled[file] = _filled(before, algorithm_pages.generated(target, names, DOCS))
    return filled


def _filled(before: str, text: str) -> str:
    """A file's text with what is generated between its marks."""
    start, rest = before.split(START)
    return start + START + text + END + rest.split(END)[1]


if __name__ == "__main__":
    for file, text in tabulated().items():
        file.parent.mkdir(exist_ok=True)
        write_whole(file, text)
