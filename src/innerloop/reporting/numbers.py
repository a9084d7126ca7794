"""A value of a metric as tables show it."""

from innerloop.objectives import Metric


def number(value: float, metric: Metric, digits: int = 4, sign: str = "") -> str:
    """In the metric's unit: percentages with two decimals, the rest with its first digits.

    Arguments:
        sign: `+` to show it of positive values too.
    """
    form = ".2f" if metric.unit == "%" else f".{digits}g"
    return f"{metric.scale * value:{sign}{form}}{unit(metric)}"


def unit(metric: Metric) -> str:
    """What stands after a number."""
    return f" {metric.unit}" if metric.unit else ""
