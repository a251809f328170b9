"""P-values adjusted for how many were looked at: Holm's for verdicts, Benjamini and Hochberg's for exploring.

An adjusted p-value is compared with alpha as it is. Holm's keeps the chance of any false claim below alpha, whatever
the p-values have to do with each other. Benjamini and Hochberg's keeps the expected share of false claims among those
made below alpha, for p-values that are independent or positively dependent.
"""

import numpy as np
from jaxtyping import Float

from trueaim.core.errors import TrueAimError


def holm(p_values: Float[np.ndarray, " test"]) -> Float[np.ndarray, " test"]:
    """Adjusted p-values that keep the family-wise error rate: max over j <= i of min(1, (m - j + 1) p_(j)).

    A test without a p-value (NaN) stays NaN and is not counted in m.

    Raises:
        TrueAimError: for a p-value outside [0, 1].
    Source: Holm 1979, A simple sequentially rejective multiple test procedure.
    """
    p_values, order = _sorted(p_values)
    num = len(order)
    return _put(p_values, order, np.maximum.accumulate(p_values[order] * np.arange(num, 0, -1)))


def benjamini_hochberg(p_values: Float[np.ndarray, " test"]) -> Float[np.ndarray, " test"]:
    """Adjusted p-values that keep the false discovery rate: min over j >= i of min(1, m p_(j) / j).

    A test without a p-value (NaN) stays NaN and is not counted in m.

    Raises:
        TrueAimError: for a p-value outside [0, 1].
    Source: Benjamini & Hochberg 1995, Controlling the false discovery rate.
    """
    p_values, order = _sorted(p_values)
    num = len(order)
    shares = p_values[order] * num / np.arange(1, num + 1)
    return _put(p_values, order, np.minimum.accumulate(shares[::-1])[::-1])


def _sorted(p_values: Float[np.ndarray, " test"]) -> tuple[np.ndarray, np.ndarray]:
    """The p-values, and the places of those that are there, the smallest first."""
    p_values = np.asarray(p_values, float)
    wrong = (p_values < 0) | (p_values > 1)
    if wrong.any():
        raise TrueAimError(f"p_values: got {p_values[wrong][0]}, needs numbers in [0, 1]; put NaN for a missing one.")
    order = np.argsort(p_values, kind="stable")
    return p_values, order[: int((~np.isnan(p_values)).sum())]


def _put(p_values: np.ndarray, order: np.ndarray, adjusted: np.ndarray) -> Float[np.ndarray, " test"]:
    found = np.full(p_values.shape, np.nan)
    found[order] = np.minimum(adjusted, 1.0)
    return found
