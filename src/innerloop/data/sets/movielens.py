"""MovieLens-1M (Harper and Konstan 2015) as MeLU divides it: new users and new films."""

import functools
import json
from pathlib import Path

import numpy as np

from innerloop.data import sampling
from innerloop.data.ratings import files
from innerloop.data.ratings.source import UserRatings
from innerloop.data.ratings.table import Catalogue, Parts, Ratings, numbered
from innerloop.data.sets.class_lists import FOLDER as LISTS
from innerloop.errors import UserError

SCENARIOS = ("warm", "user_cold", "item_cold", "both_cold")
NEWEST = 1997  #: films of later years are new
HELD_OUT = 10  #: ratings of an existing user that only the scenario `warm` asks for
LONGEST = 100  #: ratings of a user of whom some are held out
VALIDATION = 0.1  #: share of the existing users that are for validation
AGES = (1, 18, 25, 35, 45, 50, 56)
GENRES = (
    "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama",
    "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War",
    "Western",
)  # fmt: skip
USERS, FILMS, RATINGS = 6040, 3883, 1_000_209
ADDRESS = "https://grouplens.org/datasets/movielens/1m/"


class MovieLens(UserRatings):
    """One million ratings of 3,883 films by 6,040 users, of whom 1,208 are MeLU's cold users.

    A user has a gender, an age, an occupation and the first digit of a postal code; a film has a
    decade and genres. Training rates old films (of 1997 or before) by existing users. The test is
    one of four scenarios:

    * `warm`: existing users, old films: ten ratings of each that training does not see;
    * `user_cold`: cold users, old films;
    * `item_cold`: existing users, new films;
    * `both_cold`: cold users, new films.

    Validation users are a tenth of the existing users, of whom training sees no rating.

    Deviations: MeLU's warm scenario asks for ratings that it has trained on. Its films also have
    directors and actors, which are not in MovieLens' files, its postal codes are whole, and it has
    no item numbers and no biases. It trains on users with 13 to 100 ratings alone.

    References:
        Harper and Konstan, "The MovieLens datasets: history and context", 2015. Lee, Im, Jang, Cho
        and Chung, "MeLU: meta-learned user preference estimator for cold-start recommendation",
        2019.

    Arguments:
        data_dir: folder of all data sets; the publisher's `ratings.dat`, `users.dat` and
            `movies.dat` are read from `data_dir/ml-1m`, or from `data_dir/recsys/ml-1m`, where they
            may be compressed and `ratings.csv.xz` may stand for `ratings.dat`.
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
        super().__init__(penalties or {"user": 2.0, "item": 5.0}, new_items, categories, candidates)
        self.folders = [Path(data_dir) / "ml-1m", Path(data_dir) / "recsys" / "ml-1m"]
        self.scenario = scenario

    def read(self) -> tuple[Catalogue, Parts]:
        find = functools.partial(files.find, self.folders, what="MovieLens-1M", address=ADDRESS)
        people, films = find(["users.dat", "users.dat.gz"]), find(["movies.dat", "movies.dat.gz"])
        path = find(["ratings.dat", "ratings.csv.xz"])
        with files.blamed_on(people):
            users = _users(files.rows(people, "::", 5, USERS))
        with files.blamed_on(films):
            titles, years, genres = _films(files.rows(films, "::", 3, FILMS))
        table = files.integers(path, "::" if path.suffix == ".dat" else ",", 3, RATINGS)
        ratings = Ratings(table[:, 0], table[:, 1], table[:, 2].astype(np.float32))
        _check(ratings, years, path)
        users, free = numbered(users, first=len(titles) + 1)
        items, categories = numbered(_decades(years)[:, None], first=free)
        catalogue = Catalogue(users, items, genres, categories, titles)
        return catalogue, divided(ratings, years > NEWEST, self.scenario)


def divided(ratings: Ratings, new_film: np.ndarray, scenario: str) -> Parts:
    """The ratings of each split.

    Arguments:
        new_film: `(films,)` bool.
        scenario: of the test.
    """
    new, cold = new_film[ratings.item], np.isin(ratings.user, cold_users())
    validation = ~cold & _for_validation(ratings.user)
    held = ~cold & ~new & ~validation & _held_out(ratings, ~new)
    existing = ~cold & ~validation
    test = {
        "warm": existing & ~new,
        "user_cold": cold & ~new,
        "item_cold": existing & new,
        "both_cold": cold & new,
    }[scenario]
    return Parts(
        train=ratings.where(existing & ~new & ~held),
        val=ratings.where(validation & ~new),
        test=ratings.where(test),
        asked=held[test] if scenario == "warm" else None,
    )


def cold_users() -> list[int]:
    """The numbers of MeLU's cold users."""
    users: list[int] = json.loads((LISTS / "movielens_melu_cold_users.json").read_text())
    return users


def _for_validation(users: np.ndarray) -> np.ndarray:
    """Whether each user, were it no cold one, is for validation: a function of its number."""
    keys = sampling.keys(0, "movielens validation users", np.arange(USERS + 1))
    return (sampling.uniform(keys, 1)[:, 0] < VALIDATION)[users]


def _held_out(ratings: Ratings, old: np.ndarray) -> np.ndarray:
    """Ten ratings of old films of each user that has at most 100 of them, at random."""
    keys = sampling.keys(0, "movielens held out", ratings.user * (FILMS * 2) + ratings.item)
    order = np.lexsort((np.where(old, keys >> np.uint64(1), 2**63), ratings.user))
    place = np.arange(len(order)) - np.searchsorted(ratings.user[order], ratings.user[order])
    rank = np.empty(len(order), int)
    rank[order] = place
    amount = np.bincount(ratings.user, old, USERS + 1)[ratings.user]
    return old & (rank < HELD_OUT) & (amount <= LONGEST) & (amount > HELD_OUT)


def _users(rows: list[list[str]]) -> np.ndarray:
    """Gender, age, occupation and the first digit of the postal code, by number: `(users, 4)`."""
    users = np.zeros((USERS + 1, 4), np.int64)
    for number, gender, age, occupation, code in rows:
        users[int(number)] = "FM".index(gender), AGES.index(int(age)), int(occupation), int(code[0])
    return users


def _films(rows: list[list[str]]) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Titles, years `(films,)` and genres `(films, 18)` by number; a film that is not in the file
    has the year 0."""
    last = int(rows[-1][0])
    titles, years, genres = [""] * (last + 1), np.zeros(last + 1, int), np.zeros((last + 1, 18))
    for text, title, kinds in rows:
        number = int(text)
        titles[number], years[number] = title, int(title.rstrip()[-5:-1])
        genres[number, [GENRES.index(kind) for kind in kinds.split("|")]] = 1
    return titles, years, genres.astype(np.float32)


def _decades(years: np.ndarray) -> np.ndarray:
    """The number of a film's decade; new films belong to the last old one."""
    return (np.clip(years, 1920, NEWEST) - 1920) // 10


def _check(ratings: Ratings, years: np.ndarray, path: Path) -> None:
    """Raises `UserError` for ratings of nobody, of no film, or of other stars than 1 to 5."""
    users = (ratings.user >= 1) & (ratings.user <= USERS)
    films = (ratings.item >= 1) & (ratings.item < len(years))
    stars = (ratings.stars >= 1) & (ratings.stars <= 5)
    if not (users & films & stars).all() or not years[ratings.item].all():
        raise files.damaged(path, "its users, films or stars are not those of MovieLens-1M")
