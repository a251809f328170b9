import numpy as np
import pytest
from scipy import stats

from trueaim.audit.multiple import benjamini_hochberg, holm
from trueaim.core.errors import TrueAimError


def test_holm_by_hand() -> None:
    """Sorted .005 .01 .03 .04, times 4 3 2 1: .02 .03 .06 .04, the last raised to the one before it."""
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm(np.array([0.4, 0.6])) == pytest.approx([0.8, 0.8])
    assert holm(np.array([0.9, 0.8, 0.7])) == pytest.approx([1, 1, 1])


def test_benjamini_hochberg_by_hand() -> None:
    """Sorted .005 .01 .03 .04, times 4/1 4/2 4/3 4/4: .02 .02 .04 .04; in the second, .05 lowers the .054 before it."""
    assert benjamini_hochberg(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.02, 0.04, 0.04, 0.02])
    assert benjamini_hochberg(np.array([0.036, 0.05, 0.01])) == pytest.approx([0.05, 0.05, 0.03])


@pytest.mark.parametrize("num", [1, 2, 7, 100])
def test_benjamini_hochberg_is_scipys(num: int) -> None:
    p_values = np.random.default_rng(num).random(num) ** 3
    assert benjamini_hochberg(p_values) == pytest.approx(stats.false_discovery_control(p_values), abs=1e-15)
    ties = np.round(p_values, 1)
    assert benjamini_hochberg(ties) == pytest.approx(stats.false_discovery_control(ties), abs=1e-15)


def test_holm_rejects_as_its_steps_say() -> None:
    """The procedure in words: reject the smallest while p < alpha / (tests left), and stop at the first that is not."""
    chance = np.random.default_rng(0)
    for _ in range(200):
        p_values, alpha = chance.random(6) ** 4, 0.05
        rejected = np.zeros(6, bool)
        for step, place in enumerate(np.argsort(p_values)):
            if p_values[place] > alpha / (6 - step):
                break
            rejected[place] = True
        assert ((holm(p_values) <= alpha) == rejected).all()


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
def test_adjusted_p_values_keep_order_and_never_shrink(adjust) -> None:
    p_values = np.random.default_rng(1).random(50) ** 2
    adjusted = adjust(p_values)
    assert (adjusted >= p_values).all()
    assert (np.diff(adjusted[np.argsort(p_values)]) >= 0).all()
    assert adjust(p_values[::-1]) == pytest.approx(adjusted[::-1])


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
def test_a_missing_p_value_stays_missing_and_is_not_counted(adjust) -> None:
    there = adjust(np.array([0.01, 0.02]))
    found = adjust(np.array([0.01, np.nan, 0.02]))
    assert np.isnan(found[1])
    assert found[[0, 2]] == pytest.approx(there)
    assert adjust(np.array([])).shape == (0,)


def test_family_wise_error_is_kept() -> None:
    """Twenty true nulls: adjusted, any falls below .05 in about 5% of families; as they are, in 64%."""
    p_values = np.random.default_rng(2).random((2_000, 20))
    false = np.mean([holm(row).min() <= 0.05 for row in p_values])
    assert 0.03 < false < 0.065
    assert np.mean(p_values.min(1) <= 0.05) > 0.6


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
def test_what_is_no_p_value_is_refused(adjust) -> None:
    with pytest.raises(TrueAimError, match=r"p_values: got 1.5, needs numbers in \[0, 1\]; put NaN for a missing one."):
        adjust(np.array([0.1, 1.5]))
