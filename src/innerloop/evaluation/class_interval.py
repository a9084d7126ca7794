r"""The interval over classes: how much the mean would change with other test classes.

A task draws W of the K test classes, so the mean over tasks is an incomplete U-statistic of order W
in the classes (Blom 1976), and its variance has two parts:

.. math:: \frac{s^2}{T} + V, \qquad
    V = \frac{K-1}{K} \sum_k \bigl[(\bar y_{-k} - \bar y)^2 - v_k\bigr]_{\text{sum} \geq 0}

The first part comes from drawing T tasks of given classes. V comes from the classes, by the
jackknife for U-statistics (Arvesen 1969): ȳ₋ₖ is the mean of the tasks without class k. It is exact
if a score is a sum over classes, and too large if pairs of classes matter (Efron and Stein 1981).
v_k is the part of the squared shift that a finite number of tasks causes by chance, and is
subtracted: with 600 tasks of miniImageNet it is half of the sum. The quantile is Student's, with
Satterthwaite's (1946) degrees of freedom for that difference.

Why not a plain bootstrap of the classes, which weights a task by the product of its classes'
weights? Few tasks keep much weight, which widens the interval if tasks are few: with 20 classes,
5-way, 600 tasks, it held the truth in 99.6% of simulated experiments. A task with class k has no
second k, so the means of two classes differ less than their effects do, by (K-W)/(K-1), which
narrows the interval if tasks are many: 91.0% with 10,000 tasks. The interval here held the truth in
94.5% to 95.9%, and in 99.3%, wider than necessary, if all classes are alike
(`benchmarks/results/coverage.json`).
"""

import numpy as np

SEEN = 10  #: mean number of tasks that a class must occur in, so that its shift is informative
LEAST = 5  #: degrees of freedom, set by simulation: the estimate is unstable if V is close to v_k


def over_classes(scores: np.ndarray, classes: np.ndarray) -> float | None:
    """Half-width of the 95% interval of the mean over classes like those of the test.

    It includes the chance of drawing the tasks, so it is never narrower than that over tasks.

    Arguments:
        scores: `(tasks,)`.
        classes: `(tasks, ways)` numbers of each task's classes, no class twice in a task; -1 fills
            the row of a task with fewer classes.

    Returns None if the tasks do not determine it: classes hardly recur (then the interval over
    tasks is the one over classes), or a class is in every task.

    References:
        Arvesen, "Jackknifing U-statistics", 1969. Blom, "Some properties of incomplete
        U-statistics", 1976. Satterthwaite, "An approximate distribution of estimates of variance
        components", 1946.
    """
    present = classes >= 0
    ids, places = np.unique(classes[present], return_inverse=True)
    places = places.reshape(-1)  # NumPy 1 and 2 disagree on its shape
    if len(classes) < 3 or present.sum() < SEEN * len(ids):
        return None
    shared = np.bincount(places) / len(classes)  # the share of tasks that have class k
    if shared.max() >= 1.0:
        return None
    centred = scores.astype(np.float64) - scores.mean(dtype=np.float64)
    sums = np.bincount(places, weights=np.repeat(centred, present.sum(1)))
    return _half_width(float(centred @ centred), sums, shared, len(classes))


def _half_width(total: float, sums: np.ndarray, shared: np.ndarray, tasks: int) -> float:
    """The half-width of the interval.

    Arguments:
        total: sum of the squared deviations of all tasks' scores from their mean.
        sums: `(K,)` sum of the deviations of the tasks that have class k.
        shared: `(K,)` share of the tasks that have class k.
    """
    from scipy import stats  # half a second to import

    classes = len(sums)
    shift = -sums / (tasks * (1 - shared))  # of the mean, when class k is left out
    within = total - tasks * shift**2 * (1 - shared) / shared  # two groups: with k and without
    chance = shared / (1 - shared) * within / (tasks * (tasks - 2))
    observed = (1 - 1 / classes) * np.sum(shift**2)
    expected = (1 - 1 / classes) * np.sum(chance)
    variance = total / (tasks * (tasks - 1)) + max(0.0, observed - expected)
    if variance == 0:
        return 0.0
    freedom = (classes - 1) * (variance / observed) ** 2 if observed > 0 else np.inf
    freedom = max(freedom, min(LEAST, classes - 1))
    return float(stats.t.ppf(0.975, freedom) * variance**0.5)
