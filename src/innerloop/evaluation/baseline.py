"""A baseline's part of `results.json`: its mean, and the learner's difference to it."""

from innerloop.evaluation.parts import Number, Part, Text, Whole

BASELINES = "baselines.npz"  #: file of a run with the baselines' scores of every test task
SURE = 0.05  #: a difference with a smaller p-value is called one


class Baseline(Part):
    """A baseline: `mean` plus or minus `ci95`, and the learner minus it on the same tasks."""

    name: Text
    mean: Number
    ci95: Number
    difference: Number
    difference_ci95: Number
    p: Number  #: of the paired t test, corrected by Holm for the number of baselines
    tasks: Whole | None = None
    others: dict[str, Number] = {}  #: means of the objective's other scalar metrics

    def verdict(self, higher_is_better: bool) -> str:
        """Whether the learner is `better` or `worse`, or the two are `not separated`."""
        if self.difference is None or self.p is None or self.p >= SURE:
            return "not separated"
        return "better" if (self.difference > 0) == higher_is_better else "worse"


class Trial(Part):
    """The score of trials, `mean` plus or minus `ci95`, of the learner or of a baseline."""

    name: Text
    mean: Number
    ci95: Number
    tasks: Whole | None = None
