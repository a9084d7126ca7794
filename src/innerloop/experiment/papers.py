"""Papers as protocols: each is known by the settings of it that `conf/experiment` has."""

import re
from typing import NamedTuple

from omegaconf import DictConfig

from innerloop.errors import UserError
from innerloop.evaluation.sizes import span
from innerloop.experiment.composed import choices, composed
from innerloop.experiment.opening import paper_of
from innerloop.startup import places, published
from innerloop.startup.suggestions import similar
from innerloop.tasks import Episode

SIZES = re.compile(r"(_\d+way)?_\d+shot.*")  #: the end of a setting's name
YEAR = re.compile(r"\b(?:19|20)\d\d\b")


class Paper(NamedTuple):
    """The setting of a paper.

    Arguments:
        experiment: its name in `conf/experiment`.
        config: before interpolation.
        choices: the choice of every group of the configuration.
    """

    experiment: str
    config: DictConfig
    choices: dict[str, str | None]


def papers() -> dict[str, list[str]]:
    """The experiments of each paper, by its name: the algorithm and the year, such as `maml2017`.

    They are read from docs/published.yaml, which has the source of each experiment's figure.
    """
    experiments = {file.stem for file in (places.conf() / "experiment").glob("*.yaml")}
    known: dict[str, list[str]] = {}
    for name, figures in published.figures().items():
        year = YEAR.search(figures["paper"]["source"])
        if year and name in experiments:
            known.setdefault(f"{_algorithm(name)}{year.group()}", []).append(name)
    return known


def _algorithm(experiment: str) -> str:
    """The algorithm in the name `DATASET_ALGORITHM_5way_1shot`."""
    data_sets = (file.stem for file in (places.conf() / "dataset").glob("*.yaml"))
    prefixes = [f"{name}_" for name in data_sets if experiment.startswith(f"{name}_")]
    return SIZES.sub("", experiment.removeprefix(max(prefixes, key=len, default="")))


def paper_setting(name: str | None, config: DictConfig) -> Paper:
    """The setting of a paper that is nearest to a run's.

    Arguments:
        name: of a paper, or of an experiment that has the setting of one; None for the paper of the
            run's own setting.
        config: of the run.

    Raises:
        UserError: if there is no such paper.
    """
    known = papers()
    if name is None:
        own = paper_of(config)
        if own is None:
            raise UserError(f"No paper is known for the setting of this run: {_choice(known)}")
        return _setting(own.names.experiment)
    experiments = known.get(name, [name])
    if not any(experiments[0] in names for names in known.values()):
        close = similar(name, known)
        hint = f" Did you mean {close}?" if close else ""
        raise UserError(f"paper={name} is not known.{hint} {_choice(known)}")
    return _setting(max(experiments, key=lambda experiment: _nearness(experiment, config)))


def _setting(experiment: str) -> Paper:
    word = f"experiment={experiment}"
    return Paper(experiment, composed(word), choices(word))


def _nearness(experiment: str, config: DictConfig) -> list[bool]:
    """Whether the experiment has the run's data set, shots and ways, the most important first."""
    test = Episode.of(config.episode.test)
    parts = (f"{config.names.dataset}_", f"_{span(test.shots)}shot", f"_{span(test.ways)}way_")
    return [experiment.startswith(parts[0]), *(part in experiment for part in parts[1:])]


def _choice(known: dict[str, list[str]]) -> str:
    return f"Choose one with paper=NAME: {', '.join(sorted(known))}."
