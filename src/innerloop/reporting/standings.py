"""The settings that were tested on the same tasks, best first, and how sure their order is."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from innerloop.errors import UserError
from innerloop.evaluation.comparison import Difference, between_seeds, holm, paired
from innerloop.reporting.comparison import SEEDS, TASKS
from innerloop.reporting.contenders import Contender
from innerloop.reporting.settings import Mean, Setting
from innerloop.reporting.terminal import leave_out

SURE = 0.05  #: a smaller p-value separates two settings
Members = Sequence[tuple[Setting, str]]  #: settings with their labels


class Behind(NamedTuple):
    """How far a setting is behind the leader: the leader's score minus its own.

    Arguments:
        difference: with its 95% interval; `p` is corrected by Holm for the number of settings.
        methods: whether it is over the seeds of both (Welch's t), and so about the methods; else it
            is over the shared tasks (paired t), and about these checkpoints.
    """

    difference: Difference
    methods: bool

    @property
    def separated(self) -> bool:
        """Whether the difference is larger than chance explains."""
        return self.difference.p is not None and self.difference.p < SURE


class Standing(NamedTuple):
    """A setting's place.

    Arguments:
        behind: None for the leader, and where scores are missing.
    """

    setting: Setting
    label: str
    mean: Mean
    behind: Behind | None


def standings(members: Members) -> list[Standing]:
    """The settings of one protocol, best first, each compared with the leader.

    The leader is chosen by the scores that are then compared, so with many settings the p-values
    are on the small side: choose by validation, and test only what you chose.
    """
    metric = members[0][0].first.metric
    sign = -1.0 if metric.higher_is_better else 1.0
    means = [setting.mean(metric.name) for setting, _ in members]
    order = sorted(range(len(members)), key=lambda i: _rank(means[i], sign))
    leader = Contender("", members[order[0]][0].runs)
    others = [_behind(leader, Contender("", members[i][0].runs)) for i in order[1:]]
    return [
        Standing(*members[i], means[i], behind)
        for i, behind in zip(order, [None, *_corrected(others)], strict=True)
    ]


def _rank(mean: Mean, sign: float) -> float:
    return np.inf if mean.mean is None else sign * mean.mean


def _behind(leader: Contender, other: Contender) -> Behind | None:
    """The difference of two settings; None where their scores cannot be compared."""
    try:
        if not _same_tasks(leader.classes, other.classes):
            return None
        if min(len(leader.runs), len(other.runs)) >= SEEDS:
            return Behind(between_seeds(leader.means, other.means), methods=True)
        difference = paired(leader.scores, other.scores)
    except (UserError, ValueError) as error:
        leave_out(f"a p-value: {error}")
        return None
    enough = len(leader.scores) >= TASKS
    return Behind(difference if enough else difference._replace(p=None), methods=False)


def _same_tasks(first: np.ndarray | None, second: np.ndarray | None) -> bool:
    return first is None or second is None or np.array_equal(first, second)


def _corrected(others: Sequence[Behind | None]) -> list[Behind | None]:
    """The differences with p-values that are corrected for the number of comparisons."""
    corrected = list(others)
    known = {
        i: p for i, b in enumerate(others) if b is not None and (p := b.difference.p) is not None
    }
    for i, p in zip(known, holm(list(known.values())), strict=True):
        behind = others[i]
        assert behind is not None
        corrected[i] = Behind(behind.difference._replace(p=p), behind.methods)
    return corrected
