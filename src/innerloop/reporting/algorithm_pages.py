"""The pages of docs/algorithms: what is generated of them, from code, configuration and results."""

import importlib
import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path

from innerloop.evaluation import schema
from innerloop.evaluation.schema import Results
from innerloop.machine.foreign import read_text
from innerloop.machine.mappings import read_json, read_yaml
from innerloop.reporting.docstrings import argument_list, markdown, sections
from innerloop.reporting.field import PAIRED
from innerloop.reporting.summary import load, summary
from innerloop.startup import published

PACKAGE = "# @package _global_\n"
LARGEST = 2**20  #: bytes of a configuration file

FAMILIES = {
    "gradient": "Gradient-based: adapt by descent",
    "metric": "Metric: compare with the support",
    "closed_form": "Closed form: solve for a head",
    "transfer": "Transfer: train a classifier, then serve new classes",
    "transductive": "Transductive: use all queries at once",
    "in_context": "In context: read the support as a sequence or a set",
    "synthesis": "Synthesis: return a program that fits the support",
}  #: headings of the list of algorithms, by folder


def choices(conf: Path) -> dict[str, list[str]]:
    """The files of conf/algorithm by the target that they configure, such as `maml` and `boil`.

    Arguments:
        conf: the folder of the configuration.
    """
    files = {path.stem: read_yaml(path) for path in conf.glob("algorithm/*.yaml")}
    targets: dict[str, list[str]] = {}
    for name in sorted(files):
        targets.setdefault(_target(files, name), []).append(name)
    return {target: names for target, names in targets.items() if family(target) in FAMILIES}


def _target(files: Mapping[str, dict], name: str) -> str:
    """The class that a choice configures, itself or through the choice that it builds on."""
    own = files[name].get("algorithm", {}).get("_target_")
    if own:
        return str(own)
    (base,) = [entry for entry in files[name]["defaults"] if entry in files]
    return _target(files, base)


def family(target: str) -> str:
    """The folder of an algorithm's file."""
    return target.split(".")[2]


def stem(target: str) -> str:
    """The name of an algorithm's file and page."""
    return target.split(".")[-2]


def _class(target: str) -> type:
    module, _, name = target.rpartition(".")
    loaded: type = getattr(importlib.import_module(module), name)
    return loaded


def generated(target: str, names: list[str], docs: Path) -> str:
    """Formula, arguments, deviations, settings, experiments and results of an algorithm.

    Arguments:
        target: the class.
        names: of its choices in conf/algorithm.
        docs: the folder of the documentation, beside that of the configuration.
    """
    conf, parts = docs.parent / "conf", sections(_class(target).__doc__ or "")
    source = Path("src", *target.split(".")[:-1]).with_suffix(".py")
    lines = [_first_paragraph(target), markdown(parts[""]), f"Source: [`{source}`](../../{source})"]
    if "Arguments" in parts:
        lines += ["## Arguments", argument_list(parts["Arguments"])]
    for heading in ("Shapes", "Deviations", "References"):
        if heading in parts:
            lines += [f"## {heading}", _sentence(markdown(parts[heading]))]
    lines.append("## Settings")
    for name in names:
        text = read_text(conf / "algorithm" / f"{name}.yaml", LARGEST).removeprefix(PACKAGE).strip()
        lines += [f"`algorithm={name}`:", f"```yaml\n{text}\n```"]
    return "\n\n".join([*lines, *_experiments(names, conf), *_results(names, docs)])


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _experiments(names: list[str], conf: Path) -> Iterator[str]:
    """The experiments with an algorithm, and what its papers report."""
    files = sorted((conf / "experiment").glob("*.yaml"))
    mine = [file.stem for file in files if _algorithm_of(file) in names]
    if mine:
        yield "## Experiments"
        lines = [f"- `python src/train.py experiment={name}`{_figure(name)}" for name in mine]
        yield "\n".join(lines)


def _algorithm_of(experiment: Path) -> str | None:
    """The choice of `algorithm` of an experiment, itself or through the one that it builds on."""
    defaults = read_yaml(experiment).get("defaults", [])
    for entry in reversed(defaults):
        if isinstance(entry, dict) and "override /algorithm" in entry:
            return str(entry["override /algorithm"])
    bases = [experiment.with_stem(e) for e in defaults if isinstance(e, str) and e != "_self_"]
    return next(filter(None, map(_algorithm_of, bases)), None)


def _figure(experiment: str) -> str:
    entry = published.figures().get(experiment, {}).get("paper")
    return f": the paper reports {published.text(entry)}" if entry else ""


def _results(names: list[str], docs: Path) -> Iterator[str]:
    """What was measured here, from the kept results of all tables."""
    kept = [*load(docs / "results"), *_of_tables(docs / "tables")]
    mine = [result for result in kept if result.algorithm in names]
    if mine:
        yield "## Results"
        yield summary(mine, ("run", "test", "paper", "minutes", "command"))


def _of_tables(folder: Path) -> Iterator[Results]:
    for file in sorted(folder.glob("*/*.json")):
        if file.name != PAIRED:
            yield schema.read(read_json(file), file)


def index(conf: Path) -> str:
    """The list of all algorithms by family: page, choices and the first line of each."""
    by_family: dict[str, list[str]] = {}
    for target, names in choices(conf).items():
        page = f"[{_class(target).__name__}]({stem(target)}.md)"
        line = f"- {page} ({_listed(names)}): {_first_paragraph(target)}"
        by_family.setdefault(family(target), []).append(line)
    parts = [
        f"## {heading}\n\n" + "\n".join(by_family[name])
        for name, heading in FAMILIES.items()
        if name in by_family
    ]
    return "\n\n".join(parts)


def _first_paragraph(target: str) -> str:
    """The first paragraph of the docstring of an algorithm's file."""
    module = importlib.import_module(target.rpartition(".")[0])
    return (inspect.getdoc(module) or "").split("\n\n")[0].replace("\n", " ")


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
