"""The program check.py: what is in a data set, and what tasks it can serve."""

from collections.abc import Iterator

import numpy as np
from omegaconf import DictConfig
from rich.table import Table

from innerloop.data import groups
from innerloop.data.images import ImageClasses
from innerloop.data.packs import overlap
from innerloop.data.packs.pictures import headers
from innerloop.data.sets.folder import Folder
from innerloop.data.source import SPLITS, TaskSource
from innerloop.errors import UserError
from innerloop.experiment.composed import composed
from innerloop.experiment.notices import say
from innerloop.experiment.parts.data import build_episodes, build_source
from innerloop.reporting.terminal import add_row, new_table, terminal
from innerloop.tasks import Episode

SHOTS = (1, 5, 10, 20)


def check(overrides: list[str]) -> None:
    """Prints what is in a data set.

    Arguments:
        overrides: such as `dataset=folder`, of the configuration of train.py.

    Raises:
        UserError: if the data cannot be read.
    """
    config = composed(*overrides)
    source = build_source(config)
    source.prepare()
    if isinstance(source, ImageClasses):
        terminal().print(table_of_splits(source))
        say(*oddities(source))
        terminal().print(table_of_tasks(source, config.episode.test.queries))
    say(*verdicts(source, config))


def table_of_splits(source: ImageClasses) -> Table:
    """Classes and images of each split."""
    table = new_table("split", "classes", "images", "fewest", "median", "most of a class")
    for split in source.pack.splits:
        counts = source.pack.counts(split)
        numbers = counts.min(), f"{np.median(counts):g}", counts.max()
        add_row(table, split, len(counts), counts.sum(), *numbers)
    height, width, channels = source.pack.images(source.pack.splits[0]).shape[1:]
    table.title = f"{source.name}: images of {width}x{height} pixels, {channels} channels"
    return table


def oddities(source: ImageClasses) -> Iterator[str]:
    """Lines about copies, equal names and differing files; none for a tidy data set."""
    record = source.pack.record
    lines = {
        "images are copies of another in their split, and are left out": record.get("copies", []),
        "images are in two splits": record.get("shared", []),
        "class names are in more than one split": overlap.common_classes(source.pack),
    }
    for what, cases in lines.items():
        if cases:
            yield f"{len(cases)} {what}: {'; '.join(cases[:3])}"
    if isinstance(source, Folder):
        files = [f for split in source.files().values() for own in split.values() for f in own]
        for what, counts in headers(files).items():
            if len(counts) > 1:
                most = ", ".join(f"{value} ({n})" for value, n in counts.most_common(5))
                yield f"images have {len(counts)} different {what}: {most}"


def table_of_tasks(source: ImageClasses, queries: object) -> Table:
    """How many classes of each split have enough images, by number of shots."""
    splits = source.pack.splits  # a set to test on has one
    table = new_table("task", *[f"most ways in {split}" for split in splits])
    least = Episode.of({"ways": 1, "shots": 1, "queries": queries}).record()["queries"]
    least = least if isinstance(least, int) else least.low
    for shots in SHOTS:
        enough = [int((source.pack.counts(s) >= shots + least).sum()) for s in splits]
        add_row(table, f"{shots} shots, {least} queries", *enough)
    return table


def verdicts(source: TaskSource, config: DictConfig) -> Iterator[str]:
    """For each split, whether it can serve the tasks of the configuration."""
    train, test = build_episodes(config)
    for split, episode in zip(SPLITS, (train, test, test), strict=True):
        sizes = f"{split}: ways={episode.ways}, shots={episode.shots}, queries={episode.queries}"
        try:
            if episode.drawn_from == "group":
                groups.check(type(source).__name__, split, episode, source.groups(split))
            source.check(split, episode)
            yield f"{sizes}: yes"
        except UserError as error:
            yield f"{sizes}: no. {error}"
