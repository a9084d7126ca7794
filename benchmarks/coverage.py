"""How often the 95% intervals cover the true mean, in simulated experiments.

`python benchmarks/coverage.py` writes `benchmarks/results/coverage.json`.

An experiment draws its classes, and its tasks from them. A task's expected accuracy is the mean,
plus the effects of its classes (skewed: a few classes are hard), plus the effects of its pairs of
classes (some are easily confused). The task's own accuracy is Beta distributed around this value,
and the observed accuracy is Binomial over the queries. The interval over tasks must cover the mean
over all tasks of the experiment's classes, and the interval over classes the mean over all classes.
"""

import argparse
import json
import time
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from innerloop.data import sampling
from innerloop.evaluation.class_interval import over_classes
from innerloop.evaluation.interval import over_tasks

OUT = Path(__file__).parent / "results" / "coverage.json"


class World(NamedTuple):
    """The distribution of experiments; effects are standard deviations of accuracy."""

    classes: int
    ways: int
    queries: int  #: in a whole task
    tasks: int
    mean: float
    effect: float  #: of a class on the tasks that contain it
    confusion: float  #: of a pair of classes
    spread: float  #: of tasks with the same classes, before the queries are drawn


# Sizes as on miniImageNet, where a pixel centroid's interval over classes is 20 times as wide as
# that over 10,000 tasks, and on Omniglot.
MINI = World(20, 5, 75, 600, 0.5, 0.012, 0.004, 0.08)
WORLDS = {
    "miniImageNet, 600 tasks": MINI,
    "miniImageNet, 10000 tasks": MINI._replace(tasks=10_000),
    "miniImageNet, 600 tasks, classes nearly alike": MINI._replace(effect=0.006, confusion=0.002),
    "miniImageNet, 600 tasks, classes all alike": MINI._replace(effect=0.0, confusion=0.0),
    "Omniglot 20-way, 1000 tasks": World(423, 20, 100, 1000, 0.72, 0.008, 0.0, 0.03),
}


class Experiment(NamedTuple):
    scores: np.ndarray  #: `(tasks,)`
    classes: np.ndarray  #: `(tasks, ways)`
    expected: float  #: mean over all tasks of these classes


def experiment(world: World, rng: np.random.Generator) -> Experiment:
    """Simulates one test of one learner."""
    effects = _skewed(rng, world.classes) * world.effect
    drawn = _draws(world, rng)
    mean = world.mean + effects[drawn].sum(1)
    expected = world.mean + world.ways * effects.mean()
    if world.confusion:
        pairs = np.triu(_skewed(rng, (world.classes, world.classes)) * world.confusion, 1)
        both = pairs + pairs.T
        inside = list(combinations(range(world.ways), 2))
        mean += sum(both[drawn[:, i], drawn[:, j]] for i, j in inside)
        expected += len(inside) * pairs.sum() / (world.classes * (world.classes - 1) / 2)
    weight = world.mean * (1 - world.mean) / world.spread**2 - 1  # of the Beta distribution
    task = rng.beta(mean * weight, (1 - mean) * weight)
    return Experiment(rng.binomial(world.queries, task) / world.queries, drawn, float(expected))


def _skewed(rng: np.random.Generator, shape: Any) -> np.ndarray:
    """Samples with mean 0 and deviation 1, bounded, with a longer lower tail."""
    return (5 / 7 - rng.beta(2, 5, shape) - 3 / 7) / (10 / (49 * 8)) ** 0.5


def _draws(world: World, rng: np.random.Generator) -> np.ndarray:
    key = rng.integers(2**64, size=world.tasks, dtype=np.uint64)
    return sampling.choose(key, world.classes, world.ways)


def coverage(world: World, experiments: int, seed: int) -> dict[str, Any]:
    """Share of experiments whose intervals cover the true value, and their median half-widths."""
    rng = np.random.default_rng(seed)
    held, widths = np.zeros((experiments, 2), bool), np.zeros((experiments, 2))
    for i in range(experiments):
        sample = experiment(world, rng)
        interval = over_tasks(torch.from_numpy(sample.scores))
        wide = over_classes(sample.scores, sample.classes)
        assert wide is not None
        widths[i] = interval.ci95, wide
        held[i] = np.abs(interval.mean - np.array([sample.expected, world.mean])) <= widths[i]
    names, half = ("over_tasks", "over_classes"), np.median(widths, 0)
    return {
        name: {"coverage": float(held[:, i].mean()), "median_half_width": round(float(half[i]), 5)}
        for i, name in enumerate(names)
    }


def plain_bootstrap(world: World, experiments: int, seed: int, draws: int = 300) -> dict[str, Any]:
    """The same for percentiles over resampled classes; a task's weight is its classes' product."""
    rng, held, widths = np.random.default_rng(seed), 0, []
    for _ in range(experiments):
        sample = experiment(world, rng)
        again = rng.multinomial(world.classes, [1 / world.classes] * world.classes, draws)
        weights = again[:, sample.classes[:, 0]].astype(np.float64)  # (draws, tasks)
        for place in range(1, world.ways):
            weights *= again[:, sample.classes[:, place]]
        weights = weights[weights.sum(1) > 0]  # a draw may give weight to no task
        low, high = np.percentile(weights @ sample.scores / weights.sum(1), [2.5, 97.5])
        held += low <= world.mean <= high
        widths.append((high - low) / 2)
    half = round(float(np.median(widths)), 5)
    return {"experiments": experiments, "coverage": held / experiments, "median_half_width": half}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--experiments", type=int, default=20_000)
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    torch.set_num_threads(1)
    content: dict[str, Any] = {"experiments": given.experiments, "seed": 0, "worlds": {}}
    for name, world in WORLDS.items():
        began = time.perf_counter()
        entry = coverage(world, given.experiments, 0)
        content["worlds"][name] = {**world._asdict(), **entry}
        shares = {kind: f"{100 * part['coverage']:.1f} %" for kind, part in entry.items()}
        print(f"{name}: {shares} ({time.perf_counter() - began:.0f} s)", flush=True)
    few = max(1, given.experiments // 40)
    for name, world in list(WORLDS.items())[:2]:
        entry = plain_bootstrap(world, few, 0)
        content["worlds"][name]["plain_bootstrap_of_classes"] = entry
        print(f"{name}, plain bootstrap of the classes instead: {entry}", flush=True)
    given.out.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
