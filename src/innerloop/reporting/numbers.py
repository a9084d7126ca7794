"""A value of a metric as tables show it."""

from innerloop.objectives import Metric


def number(value: float, metric: Metric, digits: int = 4, sign: str = "") -> str:
    """The value in the metric's unit: percentages with two decimals, others with some digits.

    Arguments:
        digits: significant digits, except for percentages.
        sign: `+` to show the sign of positive values too.
    """
    form = ".2f" if metric.unit == "%" else f".{digits}g"
    return f"{metric.scale * value:{sign}{form}}{unit(metric)}"


def unit(metric: Metric) -> str:
    """The text after a number: a blank and the unit."""
    return f" {metric.unit}" if metric.unit else ""


def number_or_nan(value: float | None, metric: Metric, sign: str = "") -> str:
    """A number as `number` shows it; `nan` for None, which stands for NaN in JSON."""
    return "nan" if value is None else number(value, metric, sign=sign)


def half_or_dash(half: float | None, metric: Metric) -> str:
    """Half an interval; a dash if there is none."""
    return "-" if half is None else f"± {number(half, metric)}"
