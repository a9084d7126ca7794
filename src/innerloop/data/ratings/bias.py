r"""The bias model of ratings: :math:`\hat r_{ui} = \mu + b_u + b_i`, a ridge regression.

.. math:: \min_b \sum_{ui} (r_{ui} - \mu - b_u - b_i)^2 + \lambda_u |b_u|^2 + \lambda_i |b_i|^2

References:
    Koren, Bell and Volinsky, "Matrix factorization techniques for recommender systems", 2009.
"""

from typing import NamedTuple

import numpy as np

from innerloop.data.ratings.table import Ratings

SWEEPS = 200  #: of the alternation at most
EXACT = 1e-9  #: largest change of a bias, in stars, at which it ends


class Penalties(NamedTuple):
    """How many ratings of zero bias every user and every item starts with."""

    user: float
    item: float


class Bias(NamedTuple):
    """A fitted bias model; users and items without ratings have the bias 0."""

    mean: float
    users: np.ndarray  #: `(users,)` stars
    items: np.ndarray  #: `(items,)` stars
    counts: np.ndarray  #: `(items,)` ratings of each item
    penalties: Penalties

    def residuals(self, ratings: Ratings) -> np.ndarray:
        """What is left for the users' biases, `(n,)`."""
        return ratings.stars - self.mean - self.items[ratings.item]

    def items_without(self, ratings: Ratings) -> np.ndarray:
        """The bias of each rating's item, fitted without this rating, which was fitted to: `(n,)`.

        Users' biases stay as they are.
        """
        own = ratings.stars - self.mean - self.users[ratings.user]
        weight = self.counts[ratings.item] + self.penalties.item
        return (self.items[ratings.item] * weight - own) / (weight - 1)


def fit(ratings: Ratings, users: int, items: int, penalties: Penalties) -> Bias:
    """The bias model of these ratings, by alternating between users and items until both stay.

    Arguments:
        users, items: numbers of all users and items.
    """
    mean, centred = float(ratings.stars.mean()), ratings.stars - ratings.stars.mean(dtype=float)
    amounts = np.bincount(ratings.user, minlength=users), np.bincount(ratings.item, minlength=items)
    of_user, of_item = np.zeros(users), np.zeros(items)
    for _ in range(SWEEPS):
        before = of_user
        rest = np.bincount(ratings.item, centred - of_user[ratings.user], items)
        of_item = rest / (amounts[1] + penalties.item)
        rest = np.bincount(ratings.user, centred - of_item[ratings.item], users)
        of_user = rest / (amounts[0] + penalties.user)
        if np.abs(of_user - before).max() < EXACT:
            break
    return Bias(mean, of_user, of_item, amounts[1], penalties)
