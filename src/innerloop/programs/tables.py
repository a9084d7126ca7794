"""Tables of whole fields of methods: their runs, and what is kept of them: `make table TABLE=NAME`.

`docs/tables/NAME.yaml` defines a table. Its runs are stored in `outputs/tables/NAME/`, what is kept
of their results in `docs/tables/NAME/`, and the page is `docs/tables/NAME.md`.
"""

import itertools
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from innerloop.errors import UserError
from innerloop.evaluation import score_file
from innerloop.evaluation.results import write_json
from innerloop.evaluation.schema import RESULTS
from innerloop.machine.files import write_whole
from innerloop.machine.mappings import read_yaml
from innerloop.reporting.field import PAIRED, page
from innerloop.reporting.field_pairs import differences
from innerloop.reporting.finished import CONFIGURATION, tests_of

Words = tuple[str, ...]  #: a member's part of the command line


@dataclass(frozen=True)
class Table:
    """A table by its name, below the root of a repository."""

    name: str
    root: Path

    @property
    def definition(self) -> Path:
        return self.root / "docs" / "tables" / f"{self.name}.yaml"

    @property
    def runs(self) -> Path:
        """The folder with a run for each member."""
        return self.root / "outputs" / "tables" / self.name

    @property
    def kept(self) -> Path:
        """The folder with what is kept of the runs' results."""
        return self.definition.with_suffix("")

    def members(self) -> dict[str, Words]:
        """The overrides of each member by its name.

        Raises:
            UserError: if there is no such table.
        """
        if not self.definition.is_file():
            known = sorted(path.stem for path in self.definition.parent.glob("*.yaml"))
            raise UserError(f"There is no table {self.name!r}: choose {', '.join(known)}.")
        lines: Sequence[str] = read_yaml(self.definition)["runs"]
        experiments = [path.stem for path in (self.root / "conf" / "experiment").glob("*.yaml")]
        members = [words for line in lines for words in expanded(line, experiments)]
        return {member_name(words): words for words in members}


def expanded(line: str, experiments: Sequence[str]) -> Iterator[Words]:
    """The members that a line of a definition stands for.

    Arguments:
        line: overrides as `--multirun` takes them; an experiment may be a pattern.
        experiments: names of all experiments.

    Example:
        >>> list(expanded("algorithm=maml,anil seed=0", []))
        [('algorithm=maml', 'seed=0'), ('algorithm=anil', 'seed=0')]
        >>> list(expanded("experiment=glyphs_*", ["glyphs_maml", "omniglot"]))
        [('experiment=glyphs_maml',)]
    """
    choices: list[list[str]] = []
    for word in line.split():
        key, _, values = word.partition("=")
        options = values.split(",")
        if key == "experiment":
            options = [name for name in sorted(experiments) if _matches(name, options)]
        choices.append([f"{key}={option}" for option in options])
    yield from itertools.product(*choices)


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def member_name(words: Words) -> str:
    """A member's name: the values of its overrides."""
    return "_".join(word.partition("=")[2].replace("/", "-") for word in words)


def train_missing(table: Table, jobs: int, threads: int | None) -> list[str]:
    """Trains and tests the members that have no results yet; the names of those that failed.

    Arguments:
        jobs: members at once.
        threads: of each; None for the program's own choice.
    """
    more = () if threads is None else (f"threads={threads}",)
    missing = [
        (name, words)
        for name, words in table.members().items()
        if not (table.runs / name / RESULTS).is_file()
    ]
    with ThreadPoolExecutor(jobs) as pool:
        ended = pool.map(lambda member: _train(table, member[0], member[1], more), missing)
        return [name for (name, _), status in zip(missing, ended, strict=True) if status != 0]


def _train(table: Table, name: str, words: Words, more: Words) -> int:
    folder = table.runs / name
    started = (folder / CONFIGURATION).is_file()
    what = (f"resume={folder}",) if started else (*words, *more, f"hydra.run.dir={folder}")
    print(f"{name}: {'resumes' if started else 'starts'}", flush=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (table.runs / f"{name}.log").open("a") as output:
        command = [sys.executable, str(table.root / "src" / "train.py"), *what]
        status = subprocess.run(command, stdout=output, stderr=output, check=False).returncode
    print(f"{name}: {'done' if status == 0 else f'failed, see {output.name}'}", flush=True)
    return status


def keep(table: Table) -> None:
    """Keeps the results and the scores of finished members.

    The scores are kept in score files, so that members that were run on other days, or elsewhere,
    can be compared.
    """
    table.kept.mkdir(exist_ok=True)
    for name in table.members():
        if not (table.runs / name / RESULTS).is_file():
            continue
        own, *others = tests_of(table.runs / name)
        for test in (own, *others):
            label = name if test is own else f"{name}@{test.results.dataset}"
            shutil.copyfile(test.folder / RESULTS, table.kept / f"{label}.json")
            file = table.kept / f"{label}{score_file.SUFFIX}"
            score_file.write(file, test.results, test.scores)


def write(table: Table) -> None:
    """Compares the members of each test in pairs, and writes the page, from what is kept."""
    behind = differences(table.kept)
    if behind:
        write_json(table.kept / PAIRED, behind)
    write_whole(table.definition.with_suffix(".md"), page(table.definition, table.kept))
