"""A value of a metric as tables show it."""

import math

from innerloop.objectives import Metric

MOST_PLACES, LARGEST = 5, 1e6  #: decimals and values beyond which an exponent is shown


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


def mean_and_half(mean: float | None, half: float | None, metric: Metric, sign: str = "") -> str:
    """A mean with half of its interval, such as `43.1 ± 5.3 %`; the unit stands once.

    The interval decides the decimals: it has two significant digits, and the mean as many decimals.
    Percentages have at most two.
    """
    if mean is None or half is None:
        return number_or_nan(mean, metric, sign)
    shown, spread = metric.scale * mean, metric.scale * half
    if not (0 < spread < LARGEST and abs(shown) < LARGEST):
        alone = number(mean, metric, sign=sign).removesuffix(unit(metric))
        return f"{alone} ± {spread:.2g}{unit(metric)}"
    places = max(0, 1 - math.floor(math.log10(float(f"{spread:.1e}"))))
    places = min(places, 2) if metric.unit == "%" and spread >= 0.005 else places
    if places > MOST_PLACES:
        return f"{shown:{sign}.4g} ± {spread:.2g}{unit(metric)}"
    return f"{shown:{sign}.{places}f} ± {spread:.{places}f}{unit(metric)}"


def half_of(half: float | None, metric: Metric) -> str:
    """Half an interval by the rule of `mean_and_half`; a dash if there is none."""
    return "-" if half is None else f"±{mean_and_half(0.0, half, metric).partition('±')[2]}"
