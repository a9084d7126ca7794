"""Numbers that describe a patient's first two days."""

import warnings

import numpy as np

from innerloop.data.patients.files import VARIABLES, Patients

UNIT = VARIABLES.index("ICUType")
INPUTS = 4 * UNIT  #: every variable before the unit, in four ways
EXTREME = (1, 99)  #: percentiles of the training patients at which values are cut off


def units(patients: Patients) -> np.ndarray:
    """The kind of unit of each patient, 1 to 4; 0 where the files do not say."""
    rows = patients.variable == UNIT
    kinds = np.zeros(len(patients.number), np.int64)
    kinds[patients.patient[rows]] = patients.value[rows].astype(np.int64)
    return kinds


def ages(patients: Patients) -> np.ndarray:
    """Years of each patient."""
    rows = patients.variable == VARIABLES.index("Age")
    years = np.zeros(len(patients.number), np.float32)
    years[patients.patient[rows]] = patients.value[rows]
    return years


def summaries(patients: Patients, training: np.ndarray) -> np.ndarray:
    """The last, the lowest and the highest value of each variable, and the logarithm of one more
    than the number of its values: `(n, INPUTS)` float32.

    They are standardised by the training patients. What was not measured counts as their mean.
    A negative value stands for one that is missing.

    Arguments:
        training: `(n,)` bool: the training patients.
    """
    columns = _columns(patients)
    with warnings.catch_warnings():  # of a variable that no patient has
        warnings.simplefilter("ignore", RuntimeWarning)
        columns = np.clip(columns, *np.nanpercentile(columns[training], EXTREME, axis=0))
        mean, deviation = np.nanmean(columns[training], 0), np.nanstd(columns[training], 0)
    scaled = (columns - mean) / np.maximum(deviation, 1e-6)
    return np.nan_to_num(scaled).astype(np.float32)


def _columns(patients: Patients) -> np.ndarray:
    """The four numbers of each variable, with NaN for those that were not measured."""
    kept = (patients.variable < UNIT) & (patients.value >= 0)
    cell = patients.patient[kept] * UNIT + patients.variable[kept]
    order = np.argsort(cell, kind="stable")  # in the order of time within a cell
    values, cells = patients.value[kept][order], cell[order]
    own, first, count = np.unique(cells, return_index=True, return_counts=True)
    columns = np.full((len(patients.number) * UNIT, 4), np.nan)
    columns[:, 3] = 0.0
    columns[own, 0] = values[first + count - 1]
    columns[own, 1] = np.minimum.reduceat(values, first)
    columns[own, 2] = np.maximum.reduceat(values, first)
    columns[own, 3] = np.log1p(count)
    return columns.reshape(len(patients.number), INPUTS)
