"""The opening of a run: what it is, and how it differs from the defaults and from the paper."""

from collections.abc import Iterator
from pathlib import Path

from hydra.errors import HydraException
from lightning.fabric.utilities.rank_zero import rank_zero_only
from omegaconf import DictConfig, OmegaConf

from innerloop.errors import visible
from innerloop.evaluation.sizes import setting
from innerloop.experiment import notices
from innerloop.experiment.composed import composed
from innerloop.experiment.plain import PlainDict, plain_dict
from innerloop.machine.files import write_whole
from innerloop.machine.screen import short
from innerloop.startup import resolvers
from innerloop.startup.keys import Role, flat, role
from innerloop.tasks import Episode

CHOSEN = ("dataset", "model", "algorithm")  #: groups that the first line of a run names
DIFFERENCES = "config.diff"  #: the file in the folder of a run
NAMED = 3  #: most keys that the opening names

Changes = dict[str, tuple[object, object]]  #: by dotted key, `(value of the run, other value)`


def open_run(config: DictConfig) -> None:
    """Says what runs, and writes all differences from the defaults and the paper to a file."""
    paper, usual = paper_of(config), _defaults(config)
    defaults = changes(config, usual, Role.ANNOUNCED)
    of_pair = changes(usual, _defaults(config, "~pairs"), Role.ANNOUNCED)
    defaults.pop("seed", None)  # in the first line
    names, folder = config.names, Path(config.paths.run)
    about = f"{names.algorithm} on {names.dataset} with {names.model}, seed {config.seed}"
    kind = published(config, paper) if paper else [_own(defaults)]
    notices.say(about, *kind, *_short_test(config), f"results go to {short(folder)}")
    _write(
        folder / DIFFERENCES,
        [
            *_as_diff(defaults, "defaults"),
            *_as_diff(of_pair, f"defaults of {names.dataset}", f"{names.algorithm} on it"),
            *_of_paper(config, paper),
        ],
    )


def _short_test(config: DictConfig) -> list[str]:
    """Says that a short training gets a short test, unless the user chose its length."""
    evaluation = config.evaluation
    short = evaluation.tasks < resolvers.FULL_TEST
    if not (short and OmegaConf.is_interpolation(evaluation, "tasks")):
        return []
    full = f"evaluation.tasks={resolvers.FULL_TEST} for a figure to report"
    return [f"a short training, so a test of {evaluation.tasks} tasks: {full}"]


def paper_of(config: DictConfig) -> DictConfig | None:
    """The configuration of the paper's setting in `conf/experiment`, if there is one.

    An experiment whose name begins with the setting's, such as `..._5way_1shot_shipped`, is a
    second way to it, and compared with itself.
    """
    test, chosen = config.episode.test, config.names.experiment or ""
    name = setting(config.names.dataset, config.names.algorithm, Episode.of(test))
    name = chosen if chosen.startswith(f"{name}_") else name
    try:
        paper = composed(f"experiment={name}")
    except HydraException:  # no such experiment
        return None
    paper.names.experiment = name
    return None if paper.published is None else paper  # an experiment of our own has none


def published(config: DictConfig, paper: DictConfig) -> list[str]:
    """Whether the run has the paper's setting, and otherwise how it differs."""
    changed = changes(config, paper, Role.PUBLISHED)
    if not changed:
        return [f"the published setting: {paper.published}", f"it deviates in: {paper.deviates}"]
    steps, all_steps = config.outer.steps, paper.outer.steps
    if steps < all_steps:
        kind = f"a short run: {steps:,} of the paper's {all_steps:,} steps"
        return [f"{kind}; all differences: {DIFFERENCES}"]
    differ = f"it differs from experiment={paper.names.experiment} in {_listed(changed)}"
    return [f"not the published setting; {differ}: {DIFFERENCES}"]


def _own(changed: Changes) -> str:
    """The setting of a run that no paper has."""
    if not changed:
        return "every setting has its default value"
    return f"it differs from the defaults in {_listed(changed)}: {DIFFERENCES}"


def _listed(changed: Changes) -> str:
    more = len(changed) - NAMED
    return ", ".join(list(changed)[:NAMED]) + (f" and {more} more" if more > 0 else "")


def changes(config: DictConfig, other: DictConfig, wanted: Role) -> Changes:
    """The keys with a role that differ.

    A key that follows another key in both configurations is left out, and so are names and folders.
    """
    other = other.copy()
    for key in ("names", "paths"):  # they differ between processes
        other[key] = config[key]
    ours, theirs, raw_ours, raw_theirs = [
        _flat(c, resolve) for resolve in (True, False) for c in (config, other)
    ]
    return {
        key: (ours.get(key), theirs.get(key))
        for key in dict.fromkeys([*ours, *theirs])
        if ours.get(key) != theirs.get(key) and raw_ours.get(key) != raw_theirs.get(key)
        if wanted in role(key)
    }


def _defaults(config: DictConfig, *more: str) -> DictConfig:
    """The defaults of the run's choices; with `~pairs` without those of the pair."""
    usual = composed(*[f"{group}={config.names[group]}" for group in CHOSEN], *more)
    usual.names, usual.paths = config.names, config.paths
    return usual


def _of_paper(config: DictConfig, paper: DictConfig | None) -> Iterator[str]:
    if paper is not None:
        changed = changes(config, paper, Role.PUBLISHED)
        yield from _as_diff(changed, f"experiment={paper.names.experiment}: {paper.published}")


def _as_diff(changed: Changes, other: str, own: str = "this run") -> Iterator[str]:
    """The lines of a file of differences; none if there is no difference."""
    if changed:
        yield from (f"--- {other}", f"+++ {own}")
    for key, (ours, theirs) in changed.items():
        yield from (f"-{key}: {theirs}", f"+{key}: {ours}")


@rank_zero_only
def _write(file: Path, lines: list[str]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, "".join(f"{visible(line)}\n" for line in lines))


def _flat(config: DictConfig, resolve: bool) -> PlainDict:
    return flat(plain_dict(config, resolve))
