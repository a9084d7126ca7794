"""Metrics of older result files, which do not record their metric."""

from innerloop.objectives import Metric

KNOWN = {
    "accuracy": Metric("accuracy", unit="%", scale=100.0),
    "mse": Metric("mse", log=True, higher_is_better=False),
}


def metric_of(name: str, higher_is_better: bool | None) -> Metric:
    """The headline metric of an older file, by its name.

    Arguments:
        higher_is_better: the file's own value; None if it has none.
    """
    if name in KNOWN:
        return KNOWN[name]
    return Metric(name, higher_is_better=bool(higher_is_better))
