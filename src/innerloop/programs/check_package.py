"""The program check.py for a package: does what it adds to innerloop keep the promises?"""

import importlib.util
import itertools
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from omegaconf import DictConfig

from innerloop.conformance import answers, data_sets, meta_gradients, models
from innerloop.conformance.data_sets import DataSet
from innerloop.conformance.failure import Failure, checks
from innerloop.conformance.models import Model
from innerloop.conformance.subject import Subject
from innerloop.data.padding import map_inputs
from innerloop.errors import UserError, one_line, visible
from innerloop.experiment.composed import composed
from innerloop.experiment.parts.data import build_episodes, build_source, input_shape
from innerloop.experiment.problem import build_problem
from innerloop.tasks import Task

GROUPS = ("dataset", "model", "algorithm")
NAMED = (*GROUPS, "experiment")  #: groups whose choice is part of a run's name
BUILT_IN = ("sinusoid", "glyphs")  #: data sets for algorithms and models, besides the package's own
SMALL = ("episode.ways=3", "episode.shots=2", "episode.queries=2", "inner.rate=0.05",
         "inner.steps=2", "outer.tasks=2")  # fmt: skip


class Case(NamedTuple):
    """One thing that is checked.

    Arguments:
        name: as it would be typed.
        checks: by what they promise.
        build: makes what the checks are given.
        optional: whether it may be impossible to build, as for a model of inputs of another shape.
    """

    name: str
    checks: dict[str, Callable[..., None]]
    build: Callable[[], object]
    optional: bool = False


def check_package(package: str, overrides: list[str]) -> None:
    """Prints which promises each algorithm, model and data set of a package keeps.

    Arguments:
        package: an importable name, or a folder; a folder `conf` is in it, or beside it.
        overrides: further settings, such as the path of a data set.

    Raises:
        UserError: if there is no such package, or a promise is not kept.
    """
    conf = find_conf(package)
    own = {group: sorted(p.stem for p in (conf / group).glob("*.yaml")) for group in GROUPS}
    if not any(own.values()):
        raise UserError(f"{visible(conf)} has no yaml file in dataset/, model/ or algorithm/.")
    # Statistics of the queries would let a query's answer depend on the others.
    more = [f"hydra.searchpath=[file://{conf}]", "norm=support", *overrides]
    failures = sum(_report(case) for case in cases(own, more))
    if failures:
        raise UserError(f"{failures} promises are not kept; they are said above.")
    print("every promise is kept")


def find_conf(package: str) -> Path:
    """The folder `conf` of a package, whose modules can be imported from then on.

    Raises:
        UserError: if there is none.
    """
    folder = Path(package)
    if not folder.is_dir():
        spec = importlib.util.find_spec(package) if package.isidentifier() else None
        if spec is None or not spec.submodule_search_locations:
            raise UserError(f"{visible(package)} is neither a folder nor an installed package.")
        folder = Path(next(iter(spec.submodule_search_locations)))
    folder = folder.resolve()
    sys.path.insert(0, str(folder.parent if (folder / "__init__.py").exists() else folder))
    for root in (folder, folder.parent):
        if (root / "conf").is_dir():
            return root / "conf"
    raise UserError(
        f"{visible(folder)} has no folder conf, nor has the folder around it: put the yaml files "
        "of your algorithms in conf/algorithm/, of data sets in conf/dataset/, and so on."
    )


def cases(own: dict[str, list[str]], more: list[str]) -> Iterator[Case]:
    """Everything that the package adds, with its checks.

    Arguments:
        own: names of its choices, by group.
        more: overrides of every configuration.
    """
    for name in own["dataset"]:
        yield Case(
            f"dataset={name}", checks(data_sets), partial(_data_set, (*more, f"dataset={name}"))
        )
    for name, data in itertools.product(own["model"], [*own["dataset"], *BUILT_IN]):
        words = (f"dataset={data}", "algorithm=maml", f"model={name}", *_sizes(data))
        yield Case(
            name=f"model={name} dataset={data}",
            checks=checks(models),
            build=partial(_model, (*more, *words)),
            optional=True,
        )
    for name, data in itertools.product(own["algorithm"], [*own["dataset"], *BUILT_IN]):
        words = (f"algorithm={name}", f"dataset={data}", *_sizes(data))
        yield Case(
            name=f"algorithm={name} dataset={data}",
            checks=checks(answers, meta_gradients),
            build=partial(_subject, (*more, *words)),
        )


def _sizes(data: str) -> tuple[str, ...]:
    """Small tasks of the data sets that innerloop has; a package's own keep their sizes."""
    return SMALL if data in BUILT_IN else ()


def _configuration(words: tuple[str, ...]) -> DictConfig:
    """The configuration of a run with these overrides, outside of any run."""
    config = composed(*words)
    chosen = dict(word.split("=", 1) for word in words)
    config.names.update({group: chosen.get(group, "default") for group in NAMED})
    return config


def _data_set(words: tuple[str, ...]) -> DataSet:
    config = _configuration(words)
    source, episode = build_source(config), build_episodes(config).train
    source.prepare()
    problem = build_problem(config)
    return DataSet(source, episode, input_shape(config), problem.objective.classes(training=True))


def _subject(words: tuple[str, ...]) -> Subject:
    config = _configuration(words)
    problem = build_problem(config)
    problem.data.source.prepare()
    drawn = iter(range(1_000_000))

    def draw(count: int) -> Task:
        indices = np.array([next(drawn) for _ in range(count)])
        raw = problem.data.source.tasks("train", indices, problem.data.episode, 0)
        return map_inputs(problem.data.source.transform, raw)

    return Subject(lambda: build_problem(config).algorithm, draw)


def _model(words: tuple[str, ...]) -> Model:
    return Model(_subject(words))


def _report(case: Case) -> int:
    """Runs the checks of a case, prints what they say, and returns how many failed."""
    print(case.name, flush=True)
    try:
        case.build()
    except Exception as error:  # whatever the package raises
        refused = case.optional or isinstance(_cause(error), UserError)
        print(f"  {'not for such tasks' if refused else 'does not run'}: {_why(error)}", flush=True)
        if not refused:
            print("    What a learner is not made for, its constructor refuses with UserError.")
        return int(not refused)
    failures = [what for what, check in case.checks.items() if not _kept(what, check, case.build)]
    if not failures:
        print(f"  keeps all {len(case.checks)} promises", flush=True)
    return len(failures)


def _kept(what: str, check: Callable[..., None], build: Callable[[], object]) -> bool:
    """Whether a promise is kept; prints how it is not."""
    try:
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(0)
            check(build())
    except Exception as error:  # whatever the package raises
        print(f"  not kept: {what}\n    {_why(error)}", flush=True)
        return False
    return True


def _why(error: BaseException) -> str:
    """What an error says, or the error that caused it."""
    cause = _cause(error)
    kind = "" if isinstance(cause, Failure | UserError) else f"{type(cause).__name__}: "
    return kind + visible(one_line(cause))


def _cause(error: BaseException) -> BaseException:
    """The error behind what Hydra raises around it."""
    return error if error.__cause__ is None else _cause(error.__cause__)
