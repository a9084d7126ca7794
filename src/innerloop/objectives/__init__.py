"""Objectives of a learner: its loss, its metrics, and the width of its output."""

from innerloop.objectives.classification import BINS, Classification
from innerloop.objectives.metric import Metric
from innerloop.objectives.objective import Answers, Objective, Tasks
from innerloop.objectives.rating import Rating
from innerloop.objectives.regression import Regression

__all__ = [
    "BINS",
    "Answers",
    "Classification",
    "Metric",
    "Objective",
    "Rating",
    "Regression",
    "Tasks",
]
