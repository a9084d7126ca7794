"""What is asked of a learner: the loss, the metrics, and the width of the output."""

from innerloop.objectives.classification import BINS, Classification
from innerloop.objectives.metric import Metric
from innerloop.objectives.objective import Answers, Objective
from innerloop.objectives.regression import Regression

__all__ = ["BINS", "Answers", "Classification", "Metric", "Objective", "Regression"]
