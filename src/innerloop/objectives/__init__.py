"""What a data set asks of a learner: the loss, the metrics, and the width of the output."""

from innerloop.objectives.classification import BINS, Classification
from innerloop.objectives.objective import Objective
from innerloop.objectives.regression import Regression

__all__ = ["BINS", "Classification", "Objective", "Regression"]
