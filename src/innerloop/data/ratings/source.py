"""Tasks that are users: from some ratings of a user to the stars that the others have."""

import functools
import hashlib
from abc import abstractmethod
from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from innerloop import tasks as task_tools
from innerloop.data import sampling
from innerloop.data.curves import check_no_classes
from innerloop.data.own_table import OwnTask, Row, Table
from innerloop.data.ratings import answers
from innerloop.data.ratings.answers import amount
from innerloop.data.ratings.bias import Bias, Penalties, fit
from innerloop.data.ratings.table import Catalogue, Parts
from innerloop.data.ratings.users import Drawn, Rows, Users
from innerloop.data.sketch import Listing, Sketch
from innerloop.data.source import TaskSource
from innerloop.errors import UserError
from innerloop.tasks import Episode, Examples, Inputs, Padded, Task, bounds

CENTRE = 3.6  #: stars that count as zero in targets and answers, about the mean of all ratings


class UserRatings(TaskSource):
    """A task is a user; an example is an item that the user rated, with its stars.

    A test task's queries are `episode.queries` ratings at random, and its support is the rest: only
    users serve whose ratings are `shots + queries`, such as 13 to 100. In training the size of the
    support is drawn, and users with more ratings serve as well.

    The inputs are a dict:

    * `categories` `(n, 1 + a + b)` int64: the item's number plus 1, or 0 for an item that no
      training user rated; those of the user, and of the item, all in one numbering;
    * `numbers` `(n, 4 + c)` float32: the item's bias in training and `amount` of its ratings, the
      user's bias in training outside this task and `amount` of these ratings, the item's flags;
    * `item` `(n,)` int64: the item's true number, for names in pictures. No network may read it.

    Targets are stars minus `CENTRE`.

    Queries of validation and test are followed by `candidates`: items that the user did not rate,
    whose targets are NaN, to be ranked with the rated ones; see
    `innerloop.objectives.ranked_rating.RankedRating`.

    What a rating says of its own item is taken out of the item's bias, in training and wherever a
    support rating is one of training. A share of the training and validation tasks treats all their
    items as new, so that a learner meets new items before the test.

    Arguments:
        penalties: of the bias model, `{user: , item: }`, see `innerloop.data.ratings.bias`.
        new_items: share of training and validation tasks whose items are treated as new.
        categories: number of all categories, for which the model is built.
        candidates: of a validation or test task.

    Raises:
        UserError: for a share outside 0..1, a negative number of candidates, or another number of
            categories than the files have.
    """

    unequal = True

    def __init__(
        self,
        penalties: Mapping[str, float],
        new_items: float = 0.3,
        categories: int | None = None,
        candidates: int = 0,
    ) -> None:
        if candidates < 0:
            raise UserError(f"dataset.candidates={candidates}: give 0 or more.")
        if not 0 <= new_items <= 1:
            raise UserError(f"dataset.new_items={new_items}: a share is a number from 0 to 1.")
        self.penalties, self.new_items = Penalties(**penalties), new_items
        self.categories, self.candidates = categories, candidates

    @abstractmethod
    def read(self) -> tuple[Catalogue, Parts]:
        """What is known of users and items, and the ratings of each split.

        Raises:
            UserError: if the files are missing or damaged.
        """

    def prepare(self) -> None:
        if self.categories not in (None, self.catalogue.categories):
            raise UserError(
                f"dataset.categories={self.categories}: the files have {self.catalogue.categories}."
            )

    def check(self, split: str, episode: Episode) -> None:
        check_no_classes(episode)
        if bounds(episode.queries).low != bounds(episode.queries).high:
            raise UserError(f"episode.queries={episode.queries}: users have one number of queries.")
        if not len(self.users[split].eligible(episode, longer=split == "train")):
            raise UserError(
                f"No user of the {split} split has as many ratings as episode.shots="
                f"{episode.shots} and episode.queries={episode.queries} need."
            )
        if split != "train":
            self._check_candidates(split, episode)

    def _check_candidates(self, split: str, episode: Episode) -> None:
        users = self.users[split]
        most = int(users.counts[users.eligible(episode, longer=False)].max())
        if (room := len(users.pool) - most) < self.candidates:
            raise UserError(
                f"dataset.candidates={self.candidates}: some users of the {split} split have rated "
                f"all but {max(room, 0)} of its items. Use at most that many."
            )

    def tasks(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        key = sampling.split(sampling.keys(seed, f"users/{split}", indices), 5)
        users, chosen = self.users[split], self.chosen_users(split, indices, episode, seed)
        drawn = users.draw(chosen, key[:, :3], episode, drawn_sizes=split == "train")
        share = 0.0 if split == "test" else self.new_items
        new = sampling.uniform(key[:, 3], 1) < share
        history = self._history(users, chosen, drawn)
        support, query = (users.rows(part) for part in drawn)
        if split != "train" and self.candidates:
            query = query.and_also(users.candidates(chosen, key[:, 4], self.candidates))
        examples = [self._examples(part, history, new) for part in (support, query)]
        return Task(*examples if episode.varies else [_plain(part) for part in examples])

    def chosen_users(
        self, split: str, indices: np.ndarray, episode: Episode, seed: int
    ) -> np.ndarray:
        """The place of each task's user in the split, `(T,)`: at random in training, and else each
        user once before any comes again."""
        eligible = self.users[split].eligible(episode, longer=split == "train")
        if split == "train":
            keys = sampling.keys(seed, "chosen users", indices)
            return eligible[sampling.integers(keys, len(eligible), 1)[:, 0]]
        order = sampling.permutations(sampling.keys(seed, split, np.zeros(1)), len(eligible))[0]
        return eligible[order[np.asarray(indices) % len(eligible)]]

    def baselines(self) -> Mapping[str, Callable[[Task], Tensor]]:
        return answers.baselines(self.bias, CENTRE)

    def sketch(self, task: Task, outputs: Tensor) -> Sketch | None:
        names = self.catalogue.titles
        predicted = [f"{answer + CENTRE:.1f}" for answer in outputs[:, 0].tolist()]
        rows = [
            [role, names[int(item)], f"{float(stars) + CENTRE:.0f}", answer]
            for role, part, given in (
                ("known", task.support, [""] * len(task.support.targets)),
                ("asked", task.query, predicted),
            )
            for item, stars, answer in zip(part.inputs["item"], part.targets, given, strict=True)
            if not stars.isnan().any()
        ]
        return Listing("one user of the test", ["", "item", "stars", "predicted"], rows[-24:])

    def own_task(self, table: Table) -> OwnTask:
        """A task of the columns `item`, a title of the catalogue, and `stars`. The user counts as
        one of the commonest kind, of whom no earlier rating is known."""
        table.check_columns(["item", "stars"])
        known, asked = table.divided("stars")
        support, query = (self._own(table, rows) for rows in (known, asked))
        targets = table.numbers(known, ["stars"]) - CENTRE
        return OwnTask(Examples(support, targets), asked, query, zero=CENTRE)

    def _own(self, table: Table, rows: list[Row]) -> Inputs:
        """The inputs of a user's own items."""
        titles = {title.casefold(): number for number, title in enumerate(self.catalogue.titles)}
        unknown = [row["item"] for row in rows if row["item"].strip().casefold() not in titles]
        if unknown:
            raise UserError(f"{table.file}: {unknown[0]!r} is no title of this data set.")
        item = np.array([[titles[row["item"].strip().casefold()] for row in rows]])
        _, place, number = np.unique(
            self.catalogue.users, axis=0, return_index=True, return_counts=True
        )
        drawn = Rows(
            user=np.full_like(item, place[number.argmax()]),
            item=item,
            item_bias=self.bias.items[item],
            item_count=self.bias.counts[item],
            stars=np.zeros(item.shape, np.float32),
            real=np.ones(item.shape, bool),
        )
        examples = self._examples(drawn, np.zeros((1, 2)), np.zeros((1, 1), bool))
        return task_tools.only(task_tools.values(examples.inputs))

    def fingerprint(self, split: str) -> str:
        users = self.users[split]
        digest = hashlib.sha256(b"".join(x.tobytes() for x in (*users.ratings, users.asked)))
        more = f" candidates={self.candidates}" if self.candidates else ""
        return f"{type(self).__name__} {digest.hexdigest()[:16]} new_items={self.new_items}{more}"

    # --- the pieces

    @property
    def catalogue(self) -> Catalogue:
        """What is known of users and items."""
        return self._tables[0]

    @functools.cached_property
    def _tables(self) -> tuple[Catalogue, Parts]:
        return self.read()

    @functools.cached_property
    def bias(self) -> Bias:
        """The bias model, fitted to the training ratings."""
        catalogue, parts = self._tables
        return fit(parts.train, len(catalogue.users), len(catalogue.items), self.penalties)

    @functools.cached_property
    def users(self) -> dict[str, Users]:
        """The users of each split."""
        _, (train, val, test, asked) = self._tables
        known = np.zeros(len(test.user), bool) if asked is None else ~asked
        return {
            "train": Users(train, None, np.ones(len(train.user), bool), self.bias),
            "val": Users(val, None, np.zeros(len(val.user), bool), self.bias),
            "test": Users(test, asked, known, self.bias),
        }

    @functools.cached_property
    def _history_of_all(self) -> np.ndarray:
        """Sum and number of the residuals of each user's training ratings, `(users, 2)`."""
        train, count = self._tables[1].train, len(self.catalogue.users)
        residuals = self.bias.residuals(train)
        sums = np.bincount(train.user, residuals, count), np.bincount(train.user, minlength=count)
        return np.stack(sums, 1)

    def _history(self, users: Users, chosen: np.ndarray, drawn: tuple[Drawn, Drawn]) -> np.ndarray:
        """The user's bias in training outside the task, and `amount` of these ratings: `(T, 2)`."""
        history = self._history_of_all[users.numbers[chosen]].copy()
        for rows, real in drawn:
            inside = real & users.known[rows]
            history[:, 0] -= (users.residuals[rows] * inside).sum(1)
            history[:, 1] -= inside.sum(1)
        bias = history[:, 0] / (history[:, 1] + self.penalties.user)
        return np.stack([bias, amount(history[:, 1])], 1)

    def _examples(self, rows: Rows, history: np.ndarray, new: np.ndarray) -> Examples:
        """The rows as inputs and targets.

        Arguments:
            history: `(T, 2)`.
            new: `(T, 1)` bool: whether all items of a task are treated as new.
        """
        user, item, catalogue = rows.user, rows.item, self.catalogue
        new = new | (rows.item_count == 0)
        own = np.where(new, 0, item + 1)[..., None]
        categories = np.concatenate([own, catalogue.users[user], catalogue.items[item]], 2)
        of_item = [rows.item_bias, amount(rows.item_count)]
        known = np.stack([np.where(new, 0, column) for column in of_item], 2)
        of_user = np.broadcast_to(history[:, None], known.shape)
        numbers = np.concatenate([known, of_user, catalogue.flags[item]], 2, dtype=np.float32)
        inputs = {"categories": categories, "numbers": numbers, "item": item}
        mask = torch.from_numpy(rows.real)
        stars = torch.from_numpy(rows.stars - CENTRE)[..., None]
        filled = {k: _zero_padding(torch.from_numpy(v), mask) for k, v in inputs.items()}
        return Examples(Padded(filled, mask), Padded(_zero_padding(stars, mask), mask))  # type: ignore[arg-type]


def _zero_padding(values: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    return torch.where(real.view(*real.shape, *[1] * (values.ndim - 2)), values, 0)


def _plain(examples: Examples) -> Examples:
    """Examples of tasks of one size, which have no padding."""
    inputs, targets = (task_tools.values(part) for part in examples)
    return Examples(inputs, targets)
