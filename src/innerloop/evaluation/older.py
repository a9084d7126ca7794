"""Metrics of result files from before they recorded their own."""

from innerloop.objectives import Metric

KNOWN = {
    "accuracy": Metric("accuracy", unit="%", scale=100.0),
    "mse": Metric("mse", log=True, higher_is_better=False),
}


def metric_of(name: str, higher_is_better: bool | None) -> Metric:
    """The headline metric of an older file, by its name.

    Arguments:
        higher_is_better: what the file says of it, if it does.
    """
    if name in KNOWN:
        return KNOWN[name]
    return Metric(name, higher_is_better=bool(higher_is_better))
