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
from innerloop.data.ratings import answers
from innerloop.data.ratings.answers import amount
from innerloop.data.ratings.bias import Bias, Penalties, fit
from innerloop.data.ratings.table import Catalogue, Parts
from innerloop.data.ratings.users import Drawn, Users
from innerloop.data.sketch import Listing, Sketch
from innerloop.data.source import TaskSource
from innerloop.errors import UserError
from innerloop.tasks import Episode, Examples, Padded, Task, bounds

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

    What a rating says of its own item is taken out of the item's bias, in training and wherever a
    support rating is one of training. A share of the training and validation tasks treats all their
    items as new, so that a learner meets new items before the test.

    Arguments:
        penalties: of the bias model, `{user: , item: }`, see `innerloop.data.ratings.bias`.
        new_items: share of training and validation tasks whose items are treated as new.
        categories: number of all categories, for which the model is built.

    Raises:
        UserError: for a share outside 0..1, or another number of categories than the files have.
    """

    unequal = True

    def __init__(
        self, penalties: Mapping[str, float], new_items: float = 0.3, categories: int | None = None
    ) -> None:
        if not 0 <= new_items <= 1:
            raise UserError(f"dataset.new_items={new_items}: a share is a number from 0 to 1.")
        self.penalties, self.new_items = Penalties(**penalties), new_items
        self.categories = categories

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

    def tasks(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        key = sampling.split(sampling.keys(seed, f"users/{split}", indices), 4)
        users, chosen = self.users[split], self.chosen_users(split, indices, episode, seed)
        drawn = users.draw(chosen, key[:, :3], episode, drawn_sizes=split == "train")
        share = 0.0 if split == "test" else self.new_items
        new = sampling.uniform(key[:, 3], 1) < share
        history = self._history(users, chosen, drawn)
        examples = [self._examples(users, part, history, new) for part in drawn]
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
        ]
        return Listing("one user of the test", ["", "item", "stars", "predicted"], rows[-24:])

    def fingerprint(self, split: str) -> str:
        users = self.users[split]
        digest = hashlib.sha256(b"".join(x.tobytes() for x in (*users.ratings, users.asked)))
        return f"{type(self).__name__} {digest.hexdigest()[:16]} new_items={self.new_items}"

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

    def _examples(
        self, users: Users, drawn: Drawn, history: np.ndarray, new: np.ndarray
    ) -> Examples:
        """The ratings of the drawn rows.

        Arguments:
            history: `(T, 2)`.
            new: `(T, 1)` bool: whether all items of a task are treated as new.
        """
        rows, real = drawn
        user, item, catalogue = users.ratings.user[rows], users.ratings.item[rows], self.catalogue
        new = new | (users.item_count[rows] == 0)
        own = np.where(new, 0, item + 1)[..., None]
        categories = np.concatenate([own, catalogue.users[user], catalogue.items[item]], 2)
        of_item = [users.item_bias[rows], amount(users.item_count[rows])]
        known = np.stack([np.where(new, 0, column) for column in of_item], 2)
        of_user = np.broadcast_to(history[:, None], known.shape)
        numbers = np.concatenate([known, of_user, catalogue.flags[item]], 2, dtype=np.float32)
        inputs = {"categories": categories, "numbers": numbers, "item": item}
        mask = torch.from_numpy(real)
        stars = torch.from_numpy(users.ratings.stars[rows] - CENTRE)[..., None]
        filled = {k: _zero_padding(torch.from_numpy(v), mask) for k, v in inputs.items()}
        return Examples(Padded(filled, mask), Padded(_zero_padding(stars, mask), mask))  # type: ignore[arg-type]


def _zero_padding(values: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    return torch.where(real.view(*real.shape, *[1] * (values.ndim - 2)), values, 0)


def _plain(examples: Examples) -> Examples:
    """Examples of tasks of one size, which have no padding."""
    inputs, targets = (task_tools.values(part) for part in examples)
    return Examples(inputs, targets)
