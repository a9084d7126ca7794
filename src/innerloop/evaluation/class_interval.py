r"""The interval over classes: how far the mean would move with other test classes.

A task draws W of the K test classes, so the mean over tasks is an incomplete U-statistic of order W
in the classes (Blom 1976), and its variance has two parts:

.. math:: \frac{s^2}{T} + V, \qquad
    V = \frac{K-1}{K} \sum_k \bigl[(\bar y_{-k} - \bar y)^2 - v_k\bigr]_{\text{sum} \geq 0}

The first is that of drawing T tasks from given classes. V is that of the classes, by the jackknife
for U-statistics (Arvesen 1969): ȳ₋ₖ is the mean of the tasks without class k. It is exact where a
score is a sum over classes, and errs upwards where pairs of classes matter (Efron and Stein 1981).
v_k, the part of the squared shift that finitely many tasks make by chance, is taken out: with 600
tasks of miniImageNet it is half of the sum. The quantile is Student's, whose degrees of freedom
are Satterthwaite's (1946) for that difference.

Why no plain bootstrap of the classes, where a task weighs the product of its classes' weights?
Few tasks keep much weight, which widens its interval where tasks are few: with 20 classes 5-way and
600 tasks it held the truth in 99.6% of simulated experiments. And a task that has class k has no
second k, so the means of two classes differ less than their effects do, by (K-W)/(K-1), which
narrows it where tasks are many: 91.0% with 10,000 tasks. The interval here: 94.5% to 95.9%, and,
wider than need be, 99.3% where all classes are alike (`benchmarks/results/coverage.json`).
"""

import numpy as np

SEEN = 10  #: a class must be in about so many tasks for its shift to say anything
LEAST = 5  #: degrees of freedom, set by simulation: where V is lost in v_k, the estimate swings


def over_classes(scores: np.ndarray, classes: np.ndarray) -> float | None:
    """Half-width of the 95% interval of the mean over classes like those of the test.

    It holds the chance of drawing the tasks too, so it is never narrower than that over tasks.

    Arguments:
        scores: `(tasks,)`.
        classes: `(tasks, ways)` numbers of each task's classes, no class twice in a task; -1 where
            a task has fewer.

    Returns None where the tasks cannot tell: classes that hardly recur (an endless supply of
    classes, for which the interval over tasks is the one over classes), or one in every task.

    References:
        Arvesen, "Jackknifing U-statistics", 1969. Blom, "Some properties of incomplete
        U-statistics", 1976. Satterthwaite, "An approximate distribution of estimates of variance
        components", 1946.
    """
    from scipy import stats  # half a second to import

    present = classes >= 0
    ids, places = np.unique(classes[present], return_inverse=True)
    tasks, count = len(classes), len(ids)
    if tasks < 3 or present.sum() < SEEN * count:
        return None
    places = places.reshape(-1)  # NumPy 1 and 2 disagree on its shape
    shared = np.bincount(places) / tasks  # of the tasks, which have class k
    if shared.max() >= 1.0:
        return None
    centred = scores.astype(np.float64) - scores.mean(dtype=np.float64)
    sums = np.bincount(places, weights=np.repeat(centred, present.sum(1)))
    shift = -sums / (tasks * (1 - shared))  # of the mean, when class k is left out
    total = float(centred @ centred)
    within = total - tasks * shift**2 * (1 - shared) / shared  # two groups: with k and without
    chance = shared / (1 - shared) * within / (tasks * (tasks - 2))
    found, expected = (1 - 1 / count) * np.sum(shift**2), (1 - 1 / count) * np.sum(chance)
    variance = total / (tasks * (tasks - 1)) + max(0.0, found - expected)
    if variance == 0:
        return 0.0
    freedom = (count - 1) * (variance / found) ** 2 if found > 0 else np.inf
    freedom = max(freedom, min(LEAST, count - 1))
    return float(stats.t.ppf(0.975, freedom) * variance**0.5)
