"""DBook: ratings of books as MetaHIN divides them, with new users and books (Lu et al. 2020)."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from innerloop.data import sampling
from innerloop.data.ratings import files
from innerloop.data.ratings.source import UserRatings
from innerloop.data.ratings.table import Catalogue, Parts, Ratings, numbered
from innerloop.errors import UserError

SCENARIOS = {  #: of the test, and the publisher's name for its ratings
    "warm": "warm_up", "user_cold": "user_cold_testing", "item_cold": "item_cold_testing",
    "both_cold": "user_and_item_cold_testing",
}  # fmt: skip
TRAINING = "meta_training"
PROPERTIES = ("user_location", "book_author", "book_publisher", "book_year")
USERS, BOOKS = 13_024, 22_347
VALIDATION = 0.1  #: share of the training users that are for validation
ADDRESS = "https://github.com/rootlu/MetaHIN"


class DBook(UserRatings):
    """Ratings of books from 1 to 5 stars: 650,000 by 10,592 users of Douban.

    A user has a place; a book has an author, a publisher and a year. Users, books and ratings are
    divided as the publisher does it: the test is one of four scenarios, see `SCENARIOS`. A tenth of
    the training users are for validation; training and the other scenarios see no rating of theirs.

    References:
        Lu, Fang and Shi, "Meta-learning on heterogeneous information networks for cold-start
        recommendation", 2020.

    Deviations: MetaHIN's tasks have the same users and ratings, of which it draws the ten queries
    once. It also reads the graph of users and books, and has no item numbers, no years and no
    biases. All its training users are for training; it trains on those with 13 to 100 ratings.

    Arguments:
        data_dir: folder of all data sets; it holds the publisher's `data/dbook` as `dbook`, or
            `recsys/dbook_metahin.json.xz`, one file with the same contents.
        scenario: of the test.
        penalties, new_items, categories, candidates: see `UserRatings`.

    Raises `UserError` for another scenario.
    """

    def __init__(
        self,
        data_dir: str,
        scenario: str = "user_cold",
        penalties: dict[str, float] | None = None,
        new_items: float = 0.3,
        categories: int | None = None,
        candidates: int = 0,
    ) -> None:
        if scenario not in SCENARIOS:
            raise UserError(f"dataset.scenario={scenario}: choose one of {', '.join(SCENARIOS)}.")
        super().__init__(penalties or {"user": 6.0, "item": 6.0}, new_items, categories, candidates)
        self.folder, self.scenario = Path(data_dir), scenario

    def read(self) -> tuple[Catalogue, Parts]:
        archive = self.folder / "recsys" / "dbook_metahin.json.xz"
        if archive.exists():
            with files.blamed_on(archive):
                return self._tables_of(json.loads(files.content(archive)))
        folder = self.folder / "dbook"
        with files.blamed_on(folder):
            return self._tables_of(_publishers(folder, SCENARIOS[self.scenario]))

    def _tables_of(self, content: Mapping[str, Any]) -> tuple[Catalogue, Parts]:
        """What is known of users and books, and the ratings of each split."""
        columns = [_property(content[name], name) for name in PROPERTIES]
        users, free = numbered(columns[0][:, None], first=BOOKS + 2)
        items, categories = numbered(np.stack(columns[1:], 1), first=free)
        titles = ["", *[f"book {number}" for number in range(1, BOOKS + 1)]]
        flags = np.zeros((BOOKS + 1, 0), np.float32)
        training, test = (_ratings(content, name) for name in (TRAINING, SCENARIOS[self.scenario]))
        parts = Parts(
            train=training.where(~_for_validation(training.user)),
            val=training.where(_for_validation(training.user)),
            test=test.where(~_for_validation(test.user)) if self._existing else test,
        )
        return Catalogue(users, items, flags, categories, titles), parts

    @property
    def _existing(self) -> bool:
        """Whether the users of the test are among those of training."""
        return self.scenario in ("warm", "item_cold")


def _publishers(folder: Path, scenario: str) -> dict[str, Any]:
    """What the publisher's files of training, a scenario and the properties hold."""
    content = {}
    for name in (TRAINING, scenario):
        for file in (name, f"{name}_y"):
            path = files.find([folder], [f"{file}.json"], "DBook", ADDRESS)
            content[file] = json.loads(files.content(path))
    for name in PROPERTIES:
        path = files.find([folder / "original"], [f"{name}.dat"], "DBook", ADDRESS)
        lines = files.content(path).decode("latin1").splitlines()
        content[name] = [[int(cell) for cell in line.split("\t")[:2]] for line in lines]
    return content


def _ratings(content: Mapping[str, Any], name: str) -> Ratings:
    """The ratings of one of the publisher's parts, which lists books and stars of each user.

    Raises:
        ValueError: for ratings of nobody, of no book, or of other stars than 1 to 5.
    """
    books, stars = content[name], content[f"{name}_y"]
    if any(len(own) != len(stars[user]) for user, own in books.items()):
        raise ValueError("a user has another number of books than of stars")
    user = np.repeat([int(u) for u in books], [len(own) for own in books.values()])
    item, given = (
        np.concatenate([np.asarray(part[u], np.int64) for u in books]) for part in (books, stars)
    )
    for values, least, most in ((user, 1, USERS), (item, 1, BOOKS), (given, 1, 5)):
        if values.min() < least or values.max() > most:
            raise ValueError("its users, books or stars are not those of DBook")
    return Ratings(user, item, given.astype(np.float32))


def _property(pairs: list[list[int]], name: str) -> np.ndarray:
    """A property by the number of the user or book; 0 where it is not known."""
    own, value = np.asarray(pairs, np.int64)[:, :2].T
    if min(own.min(), value.min()) < 1 or value.max() > BOOKS:
        raise ValueError(f"{name} holds other numbers than those of DBook")
    table = np.zeros((USERS if name.startswith("user") else BOOKS) + 1, np.int64)
    table[own] = value
    return table


def _for_validation(users: np.ndarray) -> np.ndarray:
    """Whether each user, were it one of training, is for validation: a function of its number."""
    keys = sampling.keys(0, "dbook validation users", np.arange(USERS + 1))
    return (sampling.uniform(keys, 1)[:, 0] < VALIDATION)[users]
