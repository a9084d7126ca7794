"""One sentence that says what was found, and how sure it is."""

from collections.abc import Sequence

from innerloop.objectives import Metric
from innerloop.reporting.numbers import mean_and_half, number
from innerloop.reporting.standings import Behind, Standing

NAMED = 3  #: settings that the sentence names; the rest are counted


def finding(places: Sequence[Standing]) -> str:
    """The settings of one protocol with their intervals, and whether they are separated.

    Arguments:
        places: from `standings`, best first.
    """
    metric = places[0].setting.first.metric
    named = ", ".join(f"{place.label} {score(place, metric)}" for place in places[:NAMED])
    more = f" and {len(places) - NAMED} more settings" if len(places) > NAMED else ""
    if len(places) == 1:
        return f"{named} over {places[0].mean.over or 'its tasks'}{_gain(places[0], metric)}."
    return f"{named}{more}, {_seeds(places)}: {_certainty(places)}."


def score(place: Standing, metric: Metric) -> str:
    """A mean with half of its interval, such as `2.9 ± 2.0`."""
    mean = place.mean
    return "not finite" if mean.mean is None else mean_and_half(mean.mean, mean.half, metric)


def probability(p: float | None) -> str:
    """A p-value in words: `p = 0.03`, `p < 0.001`."""
    if p is None:
        return "no p-value"
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def _gain(place: Standing, metric: Metric) -> str:
    """What adapting to the support sets changed."""
    curve = place.setting.curve()
    before = curve[0].mean if len(curve) > 1 else None
    return "" if before is None else f", from {number(before, metric, 3)} before adapting"


def _seeds(places: Sequence[Standing]) -> str:
    counts = sorted({len(place.setting.runs) for place in places})
    several = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else str(counts[0])
    return f"{several} seed{'s' * (counts != [1])}"


def _certainty(places: Sequence[Standing]) -> str:
    """Which settings the leader is separated from, as far as the seeds can tell."""
    leader, others = places[0].label, places[1:]
    compared = [(place.label, place.behind) for place in others if place.behind is not None]
    if not compared:
        return "not compared, because scores of their tasks are missing"
    if not any(behind.methods for _, behind in compared):
        apart = sum(behind.separated for _, behind in compared)
        return _of_checkpoints(leader, apart, len(others))
    apart = sum(behind.separated and behind.methods for _, behind in compared)
    if len(others) > NAMED:
        return f"{leader} is separated from {apart} of the other {len(others)}"
    certain = [f"{_not(behind)}separated{_from(name, places)} ({_why(behind)})"
               for name, behind in compared]  # fmt: skip
    return ", ".join(certain)


def _of_checkpoints(leader: str, apart: int, others: int) -> str:
    """What fewer than three seeds of each can say."""
    words = "not separated, which takes three seeds of each"
    if not apart:
        return words
    worse = "the other" if others == 1 else "all others" if apart == others else f"{apart} others"
    return f"{words}; as checkpoints, {leader} beats {worse} on the shared tasks"


def _from(name: str, places: Sequence[Standing]) -> str:
    return f" from {name}" if len(places) > 2 else ""


def _not(behind: Behind) -> str:
    return "" if behind.separated and behind.methods else "not "


def _why(behind: Behind) -> str:
    """The p-value over seeds, or that there are too few."""
    return probability(behind.difference.p) if behind.methods else "fewer than three seeds"
